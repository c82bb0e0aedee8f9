"""What a run did, as the parent sees it: events in columns, values decoded when asked for.

The wire carries only sites and values. Which call an event belongs to and in which iteration it
happened follows from their order and is worked out here, once somebody asks."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from egca.execution.sites import Site
from egca.execution.wire import WireError, decode
from egca.types import Opaque, Outcome


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    call is the 1-based number of the call of the site's function, 0 at module level; frame the
    1-based number of the call among all calls of the run; iteration counts the innermost loop
    around the event, from 1 (0 outside loops), anew each time that loop is entered.
    """

    index: int
    site: Site
    value: Any
    call: int
    frame: int
    iteration: int


@dataclass(frozen=True)
class Trace:
    """One recorded run.

    site_ids is the column of events; `event` and `value` look one up by its index. counts are the
    events of each site, complete even where `truncated` says that the columns or values are not.
    """

    sites: Sequence[Site]
    outcome: Outcome
    site_ids: array[int] = field(default_factory=lambda: array("i"))
    raw_values: Sequence[Any] = ()
    counts: Mapping[int, int] = field(default_factory=dict)
    n_steps: int = 0
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.site_ids)

    @property
    def coverage(self) -> frozenset[int]:
        """Sites that had an event."""
        return frozenset(self.counts)

    @cached_property
    def _decoded(self) -> dict[bytes, Any]:
        return {}

    def value(self, index: int) -> Any:
        """Value of an event. Equal values may be one object: do not change it."""
        raw = self.raw_values[index]
        if type(raw) is not bytes:
            return raw
        if raw not in self._decoded:
            try:
                self._decoded[raw] = decode(raw)
            except WireError:  # a child may send what it likes
                self._decoded[raw] = Opaque("value", "garbage")
        return self._decoded[raw]

    def wire_value(self, index: int) -> Any:
        """Value of an event as it came: a scalar, or wire data; hashable, equal if the value is."""
        return self.raw_values[index]

    @cached_property
    def _indices(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for index, site in enumerate(self.site_ids):
            found.setdefault(site, []).append(index)
        return found

    def indices(self, site: Site | int) -> Sequence[int]:
        """Indices of the events of a site, in order; a patch counts them from 1."""
        return self._indices.get(site if isinstance(site, int) else site.id, [])

    def site_values(self, site: Site | int) -> list[Any]:
        """Values of the events of a site, in order."""
        return [self.value(index) for index in self.indices(site)]

    @cached_property
    def columns(self) -> Columns:
        """Call, frame and iteration of every event."""
        return attribute(self.sites, self.site_ids, self.raw_values)

    def event(self, index: int) -> Event:
        """The event at an index."""
        columns = self.columns
        return Event(
            index,
            self.sites[self.site_ids[index]],
            self.value(index),
            columns.calls[index],
            columns.frames[index],
            columns.iterations[index],
        )

    @property
    def events(self) -> list[Event]:
        """All events, bookkeeping ones too, in order."""
        return [self.event(index) for index in range(len(self))]


@dataclass(frozen=True, slots=True)
class Columns:
    """As the fields of Event, for all events."""

    calls: array[int]
    frames: array[int]
    iterations: array[int]


class _Frame:
    """One call while the columns are worked out."""

    __slots__ = ("call", "delegates", "has_leave", "loops", "number", "parent", "scope")

    def __init__(self, scope: int, number: int, call: int, parent: _Frame | None) -> None:
        self.scope = scope
        self.number = number
        self.call = call
        self.parent = parent
        self.delegates = False
        self.loops: dict[int, int] = {}


def attribute(sites: Sequence[Site], site_ids: Sequence[int], raw_values: Sequence[Any]) -> Columns:
    """Give each event its call and its iteration.

    A call event opens a frame; a return or an escaping exception closes it (in functions with a
    `finally`, its leave event does). A generator's frame steps aside at a yield and comes back with
    the resume event, that carries the index of the event which opened it.
    """
    return _Attribution(sites).run(site_ids, raw_values)


class _Attribution:
    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites = sites
        self.current = _Frame(0, 0, 0, None)
        self.latest = {0: self.current}  # of each scope, the frame that had an event last
        self.n_calls: dict[int, int] = {}
        self.n_frames = 0
        self.leaving = {site.scope for site in sites if site.role == "leave"}
        self.inner: dict[int, list[int]] = {}
        for site in sites:
            if site.counts_loop:
                for loop in site.loops:
                    self.inner.setdefault(loop, []).append(site.id)

    def run(self, site_ids: Sequence[int], raw_values: Sequence[Any]) -> Columns:
        columns = Columns(array("i"), array("i"), array("i"))
        opened: dict[int, _Frame] = {}
        for index, number in enumerate(site_ids):
            site = self.sites[number]
            if site.kind == "call":
                frame = opened[index] = self._open(site)
            elif site.role == "resume":
                frame = self._resumed(opened.get(raw_values[index]), site)
            else:
                frame = self._frame_of(site)
            columns.calls.append(frame.call)
            columns.frames.append(frame.number)
            columns.iterations.append(self._iteration(site, frame))
            self._close(site, frame)
        return columns

    def _open(self, site: Site) -> _Frame:
        self.n_frames += 1
        call = self.n_calls[site.scope] = self.n_calls.get(site.scope, 0) + 1
        frame = _Frame(site.scope, self.n_frames, call, self.current)
        self.current = self.latest[site.scope] = frame
        return frame

    def _resumed(self, frame: _Frame | None, site: Site) -> _Frame:
        if frame is None:
            return self._frame_of(site)
        frame.delegates = False
        first = frame
        while first.parent is not None and first.parent.delegates:
            first = first.parent
        if self.current is not frame and first is not self.current:
            first.parent = self.current
        self.current = self.latest[frame.scope] = frame
        return frame

    def _frame_of(self, site: Site) -> _Frame:
        frame: _Frame | None = self.current
        if frame is not None and frame.scope == site.scope:
            return frame
        seen = 0
        while frame is not None and frame.scope != site.scope and seen < 10_000:
            frame, seen = frame.parent, seen + 1
        if frame is None or frame.scope != site.scope:
            return self.latest.get(site.scope, self.current)
        return frame

    def _iteration(self, site: Site, frame: _Frame) -> int:
        loops = frame.loops
        if site.counts_loop:
            loops[site.id] = count = loops.get(site.id, 0) + 1
            for inner in self.inner.get(site.id, ()):
                loops.pop(inner, None)
            return count
        return loops.get(site.loops[-1], 0) if site.loops else 0

    def _close(self, site: Site, frame: _Frame) -> None:
        role = site.role
        if site.kind == "return" or role == "escape":
            if frame.parent is not None and frame.scope not in self.leaving:
                self.current = frame.parent
        elif role == "leave":
            self.current = frame.parent or frame
        elif role == "yield":
            consumer = frame.parent
            while consumer is not None and consumer.delegates:
                consumer = consumer.parent
            self.current = consumer or frame
        elif role == "delegate":
            frame.delegates = True
