"""Traces and interventions, typed: calls in, traces and outcomes out, dead children hidden.

A child that dies gives the call or patch it died of its failure, and a fresh child goes on with the
rest. What happens in the child is in egca/execution/tracing.py."""

from __future__ import annotations

import itertools
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, TypeVar

from egca.execution.decoding import Room
from egca.execution.instrument import instrument
from egca.execution.limits import Limits
from egca.execution.one_child import SessionSource
from egca.execution.patching import Patch
from egca.execution.protocol import GRACE_S
from egca.execution.recorder import TraceLimits
from egca.execution.reports import believed, failure_of, outcome_of, too_long
from egca.execution.runner import Call
from egca.execution.session import Session, SessionDied
from egca.execution.sites import Site
from egca.execution.trace import Trace
from egca.execution.wire import unpack
from egca.types import Cause, Failure, Outcome, Program, SourceMap

T = TypeVar("T")
_VALUE_TYPES = frozenset({type(None), bool, int, float, str, bytes})
_OPS = "egca.execution.tracing"
_VALUES_SHARE = 8  # bytes of recorded values that count as one byte of answers
_numbers = itertools.count()


class TraceSession:
    """One program with hooks in it, for traces of calls and for interventions in them.

    Every call starts from a freshly executed module: state that the program keeps at module level
    does not live from call to call, unlike in Runner. Not thread-safe.

    Args:
        sandbox: where its children come from.
        source, kind, entry_point: the program, as for Runner.
        limits: of the process; trace_limits: of what is recorded.
    """

    def __init__(
        self,
        sandbox: SessionSource,
        source: Program | str,
        kind: str,
        entry_point: str,
        limits: Limits | None = None,
        trace_limits: TraceLimits | None = None,
    ) -> None:
        self.source = source if isinstance(source, str) else source.source
        self.kind = kind
        self.entry_point = entry_point
        self.limits = limits or sandbox.limits
        self.trace_limits = trace_limits or TraceLimits()
        self._sandbox = sandbox
        self._number = next(_numbers)
        self._session: Session | None = None
        self._source_map: SourceMap | None = None
        self._sites: list[Site] | None = None
        self._room = Room.of(self.limits.value_bytes)

    @property
    def sites(self) -> Sequence[Site]:
        """The sites of the program; empty if it does not compile."""
        if self._sites is None:
            try:
                self._sites = instrument(self.source).sites
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._sites = []
        return self._sites

    def _code(self) -> bytes | None:
        try:
            return instrument(self.source).marshalled()
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def load(self) -> Failure | None:
        """Compile the program in a child unless it is; None when it is ready.

        Its top level is not executed here but with each call. Raises: SandboxError.
        """
        if self._session is not None and self._session.alive:
            return None
        failure = too_long(self.source)
        if failure is not None:
            return failure
        self._session = self._sandbox.session(self.limits)
        bounds = self.trace_limits
        payload = {
            "number": self._number,
            "source": self.source,
            "code": self._code(),
            "kind": self.kind,
            "entry_point": self.entry_point,
            "call_s": self.limits.call_s,
            "stdout_bytes": self.limits.stdout_bytes,
            "value_bytes": self.limits.value_bytes,
            "limits": [getattr(bounds, name) for name in TraceLimits.__slots__],
        }
        try:
            answer = self._session.call(f"{_OPS}:load", payload, 3 * self.limits.call_s + GRACE_S)
            failure = self._failure(answer)
        except SessionDied as death:
            failure = Failure(death.cause, message=death.message)
        if failure is not None:
            self._session.close()
        return failure

    def trace(self, calls: Sequence[Call]) -> list[Trace]:
        """A trace of each call. Raises: SandboxError; InputError for arguments that are no data."""
        encoded = [call.encoded for call in calls]

        def payload(start: int) -> dict[str, Any]:
            return {
                "number": self._number,
                "calls": encoded[start:],
                "call_s": self.limits.call_s,
            }

        def failed(outcome: Outcome) -> Trace:
            return Trace(self.sites, outcome, truncated=True)

        return self._all("trace", len(calls), payload, self._trace, failed)

    def intervene(
        self,
        call: Call,
        patches: Sequence[Patch | Sequence[Patch]],
        n_steps: int | None = None,
        *,
        args_after: bool = False,
    ) -> list[Outcome]:
        """Repeat a call once for each patch (or set of patches) and say how it ended.

        Args:
            n_steps: steps after which a run ends as a timeout. None: four times those of the run
                without patches, and a thousand; a trace of the call saves that run (`n_steps`).
            args_after: whether the outcomes tell the arguments as the call left them.
        Raises: SandboxError; InputError for arguments that are no data.
        """
        encoded = call.encoded
        sets = [[patch] if isinstance(patch, Patch) else patch for patch in patches]
        runs = [[[patch.site, patch.occurrence, patch.value] for patch in each] for each in sets]

        def payload(start: int) -> dict[str, Any]:
            return {
                "number": self._number,
                "call": encoded,
                "call_s": self.limits.call_s,
                "n_steps": n_steps,
                "args_after": args_after,
                "runs": runs[start:],
            }

        return self._all("intervene", len(runs), payload, self._outcome, lambda outcome: outcome)

    def _all(
        self,
        op: str,
        n_wanted: int,
        payload: Callable[[int], dict[str, Any]],
        read: Callable[[Any, float], T],
        failed: Callable[[Outcome], T],
    ) -> list[T]:
        """Stream an op, again from where a child died, until there is a result for each."""
        self._room = Room.of(self.limits.value_bytes)
        results: list[T] = []
        while len(results) < n_wanted:
            failure = self.load()
            if failure is not None:
                outcome = failed(Outcome(failure=failure))
                results += [outcome] * (n_wanted - len(results))
                break
            started = time.monotonic()
            try:
                for frame in self._frames(op, payload(len(results)), n_wanted - len(results)):
                    results.append(read(frame, time.monotonic() - started))
                    started = time.monotonic()
            except SessionDied as death:
                failure = Failure(death.cause, message=death.message)
                seconds = time.monotonic() - started
                del results[n_wanted - 1 :]  # a forged frame too many comes after the last
                results.append(failed(Outcome(failure=failure, seconds=seconds)))
                self.close()
        return results

    def _frames(self, op: str, payload: dict[str, Any], n_wanted: int) -> Iterator[Any]:
        assert self._session is not None
        n_frames = 0
        # A call executes the module and makes the call; the first may come after an unpatched run.
        timeout_s = 4 * self.limits.call_s + GRACE_S
        for frame in self._session.stream(f"{_OPS}:{op}", payload, timeout_s):
            n_frames += 1
            if n_frames > n_wanted:
                raise SessionDied(Cause.CRASH, "the child sent too many messages")
            yield frame
        if n_frames < n_wanted:
            raise SessionDied(Cause.CRASH, "the child left calls out")

    def _trace(self, frame: Any, longest_s: float) -> Trace:
        """A frame of the child, that may be forged. Raises: SessionDied."""
        outcome = self._outcome(frame, longest_s)
        return believed(lambda: self._columns(frame, outcome))

    def _columns(self, frame: Any, outcome: Outcome) -> Trace:
        packed, flat, sites = frame["values"], frame["later"], frame["sites"]
        if (type(packed), type(sites), type(flat)) != (bytes, bytes, list):
            raise TypeError("a column of another type")
        self._room.take(len(packed) // _VALUES_SHARE)
        site_ids, values = array("i", sites), unpack(packed)
        counts = Counter(site_ids)
        counts.update(dict(zip(flat[::2], flat[1::2], strict=True)))
        n_steps, truncated = frame["n_steps"], frame["truncated"]
        is_sound = (
            type(values) is list
            and len(site_ids) == len(values) <= 2 * self.trace_limits.n_events + 1000
            and _VALUE_TYPES.issuperset(map(type, values))
            and all(type(n) is int and n >= 0 for n in flat)
            and all(0 <= site < len(self.sites) for site in counts)
            and (type(n_steps), type(truncated)) == (int, bool)
            and n_steps >= 0
        )
        if not is_sound:
            raise ValueError("columns that do not fit together")
        return Trace(self.sites, outcome, site_ids, values, counts, n_steps, truncated)

    def _outcome(self, frame: Any, longest_s: float) -> Outcome:
        """As _trace, for the outcome alone."""
        return believed(lambda: outcome_of(frame, self._map, self._room, longest_s))

    def _failure(self, answer: Any) -> Failure | None:
        def read() -> Failure | None:
            data = answer["failure"]
            return None if data is None else failure_of(data, self._map())

        return believed(read)

    def _map(self) -> SourceMap:
        if self._source_map is None:
            self._source_map = SourceMap(self.source)
        return self._source_map

    def close(self) -> None:
        """End the child. Idempotent."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
