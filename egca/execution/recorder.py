"""The hooks that an instrumented program calls, on the side of the program.

A `Recorder` records events (flat: site, value, site, value, ...) within bounds. What they mean
(calls, iterations) is worked out later, in trace.py: a hook only appends. Hooks are called as
constants of the code (instrument.py); each returns what the program goes on with. Hooks that
replace values are in patching.py."""

from __future__ import annotations

import sys
from array import array
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from egca.execution.freezing import MUTABLE, SMALL_INT_BITS, SMALL_TEXT, Freezer, thaw_to_wire
from egca.execution.stepping import Stepper
from egca.execution.wire import pack, type_name
from egca.types import Opaque

_SCALARS: frozenset[type] = frozenset({int, float, bool, type(None)})
_INLINE = _SCALARS | {str, bytes}
_SIZED = frozenset({str, list, dict, set, frozenset, tuple, bytes})
_DICTS = frozenset({dict, defaultdict, OrderedDict, Counter})
MISSING = object()

HOOKS = (
    *("value", "branch", "loop", "item", "enter", "comprehension_item", "operand", "mark"),
    *("start", "resume", "delegate", "escape", "escape_token", "caught", "leave"),
    *("container", "hold", "release", "attribute", "subscript"),
)

_arguments_of: Callable[[BaseException], Any] = BaseException.__dict__["args"].__get__
_own: Callable[[Any, str], Any] = object.__getattribute__


@dataclass(frozen=True, slots=True)
class TraceLimits:
    """Bounds of one recorded run; what is beyond them is left out and the trace says so.

    n_steps counts loop iterations and calls of the program's own functions; None is no bound, and
    a run that needs more ends there as a timeout.
    """

    n_events: int = 20_000
    n_elements: int = 256  # of a container that is kept whole
    value_bytes: int = 1 << 14  # of one value
    total_bytes: int = 1 << 24  # of all values of a run
    n_steps: int | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be positive, not {value}")


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run left behind: equally long columns of sites and values, as the wire carries them.

    values is a packed list of scalars, and of bytes where wire.encode had to be asked. later counts
    the events of each site past the bound on events.
    """

    sites: array[int]
    values: bytes
    later: dict[int, int]
    n_steps: int
    is_truncated: bool
    hit_step_limit: bool


class Recorder(Stepper):
    """Records one run at a time: `begin`, run the program, `finish`."""

    __slots__ = ("_events", "_freezer", "_held", "_is_full", "_tally", "fast", "limits", "put")

    def __init__(self, limits: TraceLimits | None = None) -> None:
        super().__init__()
        self.limits = limits = limits or TraceLimits()
        self.fast: set[type] = set()
        self.put: Callable[[tuple[int, Any]], None] = _ignore
        self._freezer = Freezer(limits.n_elements, limits.value_bytes, limits.total_bytes)
        self._events: list[Any] = []
        self._tally: dict[int, int] = {}
        self._held: dict[int, Any] = {}
        self._is_full = False

    def begin(self) -> None:
        """Start with nothing recorded."""
        self._events = []
        self._tally = {}
        self._held = {}
        self._is_full = False
        self._freezer.begin()
        self.fast = set(_SCALARS)
        self.put = self._events.extend
        self.set_steps(self.limits.n_steps)

    def finish(self) -> Recording:
        """Stop recording; events of what the program left running are ignored from now on."""
        self.put = _ignore
        n_events = len(self._events) // 2
        n_kept = min(n_events, self.limits.n_events)
        events = self._events[: 2 * n_kept]
        later = Counter(self._tally)
        later.update(self._events[2 * n_kept :: 2])
        values = _packed(events[1::2], self._freezer)
        recording = Recording(
            array("i", events[::2]),
            values,
            later,
            self.n_steps,
            self._is_full or n_events > self.limits.n_events or self._freezer.is_truncated,
            self.hit_step_limit,
        )
        self._events = []
        self._held = {}
        self.set_steps(None)
        return recording

    def check(self) -> None:
        """As Stepper.check; also bounds what is kept."""
        super().check()
        if self._is_full or self.put is _ignore:
            return
        if len(self._events) > 2 * self.limits.n_events:
            self._is_full = True
            self._freezer.stop()
            self.put = self._count
        elif any(
            type(value) is int and value.bit_length() > SMALL_INT_BITS
            for value in self._events[-31::2]
        ):
            self.fast.discard(int)  # from now on every int is measured

    def _count(self, event: tuple[int, Any]) -> None:
        tally = self._tally
        tally[event[0]] = tally.get(event[0], 0) + 1

    def value(self, site: int, value: Any) -> Any:
        """A value on its way to where it is stored."""
        put = self.put
        if type(value) in self.fast or (type(value) is str and len(value) <= SMALL_TEXT):
            put((site, value))
        else:
            put((site, self._freezer.freeze(value)))
        return value

    def branch(self, site: int, truth: bool) -> bool:
        """A decision."""
        put = self.put
        put((site, truth))
        return truth

    def loop(self, site: int, truth: bool) -> bool:
        """The decision of a `while`."""
        self.countdown -= 1
        if self.countdown < 0:
            self.check()
        put = self.put
        put((site, truth))
        return truth

    def item(self, site: int, value: Any) -> Any:
        """What a loop goes over next."""
        self.countdown -= 1
        if self.countdown < 0:
            self.check()
        put = self.put
        if type(value) in self.fast or (type(value) is str and len(value) <= SMALL_TEXT):
            put((site, value))
        else:
            put((site, self._freezer.freeze(value)))
        return value

    enter = item  # the arguments of a call

    def comprehension_item(self, site: int, value: Any) -> bool:
        """What a comprehension goes over next, as its first condition."""
        self.item(site, value)
        return True

    def operand(self, site: int, value: Any) -> Any:
        """An operand of `and` or `or`: of a container only whether anything is in it."""
        kind = type(value)
        put = self.put
        if kind in self.fast:
            put((site, value))
        elif kind in _SIZED:
            put((site, len(value) > 0))
        else:
            put((site, Opaque(type_name(kind))))
        return value

    def mark(self, site: int) -> None:
        """A statement that has no value."""
        put = self.put
        put((site, None))

    leave = mark  # a call is over, its `finally` too

    def start(self, site: int, value: Any) -> int:
        """The call of a generator or coroutine; returns its token, the number of its event."""
        token = len(self._events) >> 1
        self.item(site, value)
        return token

    def resume(self, site: int, token: int, value: Any) -> Any:
        """A generator or coroutine that goes on."""
        put = self.put
        put((site, token))
        return value

    def delegate(self, site: int, value: Any) -> Any:
        """A generator hands over to another one."""
        put = self.put
        put((site, None))
        return value

    def escape(self, site: int) -> None:
        """An exception leaves a function."""
        put = self.put
        put((site, self._exception()))

    caught = escape

    def escape_token(self, site: int, resume_site: int, token: int) -> None:
        """An exception leaves a generator or coroutine; it may have come in from outside."""
        put = self.put
        put((resume_site, token))
        put((site, self._exception()))

    def _exception(self) -> Any:
        error = sys.exc_info()[1]
        if error is None:
            return None
        arguments = _arguments_of(error)
        message = arguments[0] if len(arguments) == 1 else arguments
        return self._freezer.freeze((type_name(type(error)), message))

    def container(self, site: int, value: Any) -> None:
        """A container, after the statement that may have changed it."""
        if type(value) in MUTABLE:
            put = self.put
            put((site, self._freezer.freeze(value)))

    def hold(self, site: int, value: Any) -> Any:
        """An object that the statement is about to change: `release` or `attribute` looks at it."""
        self._held[site] = value
        return value

    def release(self, site: int) -> None:
        """What was held, after the statement."""
        self.container(site, self._held.pop(site, None))

    def attribute(self, site: int, name: str) -> None:
        """An attribute of what was held."""
        value = own_attribute(self._held.pop(site, None), name)
        if value is not MISSING:
            self.value(site, value)

    def subscript(self, site: int, owner: Any, key: Any) -> None:
        """An element of a plain container."""
        value = element_of(owner, key)
        if value is not MISSING:
            self.value(site, value)

    def hooks(self) -> Mapping[str, Any]:
        """Its hooks by name, for Instrumented.code."""
        return {**{name: getattr(self, name) for name in HOOKS}, "BaseException": BaseException}


def own_attribute(owner: Any, name: str) -> Any:
    """What an instance holds under this name itself, or MISSING. Runs no code of the program."""
    try:
        return _own(owner, "__dict__").get(name, MISSING)
    except AttributeError:
        return MISSING


def element_of(owner: Any, key: Any) -> Any:
    """owner[key] for plain containers and keys, or MISSING. Runs no code of the program."""
    if type(key) not in _SCALARS and type(key) is not str:
        return MISSING
    if type(owner) in _DICTS:
        return dict.get(owner, key, MISSING)
    if type(owner) is list:
        try:
            return owner[key]
        except (IndexError, TypeError):
            pass
    return MISSING


def _ignore(event: tuple[int, Any]) -> None:
    pass


def _packed(frozen: list[Any], freezer: Freezer) -> bytes:
    """The column of values: scalars as they are, everything else as bytes of wire data."""
    try:
        return pack(frozen)  # nothing else in it, or only what is wire data already
    except (TypeError, OverflowError):
        pass
    known: dict[Any, bytes] = {}

    def thawed(value: Any) -> bytes:
        if type(value) is int:  # it was kept without a look at its size
            value = freezer.freeze(value)
        key = type(value), value
        if key not in known:
            known[key] = thaw_to_wire(value, freezer.value_bytes)
        return known[key]

    least, over = -(1 << 63), 1 << 64  # as msgpack takes them, so that equal values stay equal
    return pack(
        [
            (value if least <= value < over else thawed(value))
            if type(value) is int
            else (value if type(value) in _INLINE else thawed(value))
            for value in frozen
        ]
    )
