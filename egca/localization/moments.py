"""When in a run it went wrong: the first event that a repair changes, and the proof by replacing
it.

A verified repair is run beside the candidate on the same input, both traced. The first event that
differs names the moment, the value there and the value it should have had. Putting that one value
into the candidate's run (or flipping that one decision) and seeing the output become right is the
proof (predicate switching: Zhang et al., 2006; value replacement: Jeffrey et al., 2008)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from egca.execution.patching import Patch
from egca.execution.sites import Site
from egca.execution.trace import Trace
from egca.execution.tracer import TraceSession
from egca.execution.wire import encode_checked
from egca.localization.inputs import Input
from egca.localization.spectrum import BOOKKEEPING, VALUE_KINDS
from egca.types import Cause, Proof

MAX_PATCHES = 60
AT_ONCE = 8  # runs with a value replaced at most, before looking at the clock and the outcomes


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of the candidate's run and the value it should have had."""

    index: int  # of the event in the trace
    site: Site
    occurrence: int
    actual: Any
    expected: Any
    wire: Any  # `expected` as the trace has it


def first_change(candidate: Trace, repaired: Trace) -> Moment | None:
    """The first event in which two runs of nearly the same program differ in value only.

    None when they part in what happens, not in a value: an event is missing or new.
    """
    ours, theirs = _value_events(candidate), _value_events(repaired)
    for left, right in zip(ours, theirs, strict=False):
        if _what(candidate, left) != _what(repaired, right):
            return None
        wanted = repaired.wire_value(right)
        have = candidate.wire_value(left)
        if type(have) is not type(wanted) or have != wanted:
            return moment_at(candidate, left, repaired.value(right), wanted)
    return None


def moment_at(trace: Trace, index: int, expected: Any, wire: Any) -> Moment:
    """The moment of an event, by its index in a trace."""
    site = trace.sites[trace.site_ids[index]]
    occurrence = trace.indices(site).index(index) + 1
    return Moment(index, site, occurrence, trace.value(index), expected, wire)


def _value_events(trace: Trace) -> list[int]:
    return [i for i, site in enumerate(trace.site_ids) if is_value(trace.sites[site])]


def is_value(site: Site) -> bool:
    """Whether events here carry a value of the program."""
    return site.kind in VALUE_KINDS and site.role not in BOOKKEEPING


def _what(trace: Trace, index: int) -> tuple[str, str, str]:
    site = trace.sites[trace.site_ids[index]]
    return site.kind, site.function, "" if site.kind == "branch" else site.target


def patch_for(moment: Moment) -> Patch | None:
    """The intervention that puts the expected value in; None if it cannot be put in."""
    if moment.site.kind == "branch" and type(moment.actual) is type(moment.expected) is bool:
        return Patch(moment.site.id, moment.occurrence, flip=True)
    data, reason = encode_checked(moment.expected)
    return None if reason else Patch(moment.site.id, moment.occurrence, data)


def prove(
    session: TraceSession,
    moment: Moment,
    one: Input,
    others: Sequence[Input],
    is_script: bool,
    n_steps: int,
) -> Proof:
    """Intervene at a moment and say whether the output becomes right within so many steps."""
    patch = patch_for(moment)
    if patch is None:
        return Proof("none")
    outcome = session.intervene(one.call, [patch], n_steps, args_after=one.wants_args)[0]
    if not one.accepts(outcome, is_script):
        return Proof("none", 0, 1 + len(others))
    kind = "branch" if patch.flip else "value"
    what = "flipping this decision" if patch.flip else "putting that value in"
    return Proof(kind, 1, 1 + len(others), f"{what} at this step makes the output right")


def replacements(trace: Trace, reference: Trace | None, sites: Iterable[int]) -> list[Moment]:
    """Moments at these sites with values to try: the flipped decision, the reference's values.

    Earlier events first; of the reference's values those of the same type, each once.
    """
    pool: dict[str, list[tuple[Any, Any]]] = {}
    if reference is not None:
        for index in _value_events(reference):
            value, wire = reference.value(index), reference.wire_value(index)
            known = pool.setdefault(type(value).__name__, [])
            if (value, wire) not in known and len(known) < 12:
                known.append((value, wire))
    wanted = set(sites)
    found: list[Moment] = []
    for index, site in enumerate(trace.site_ids):
        if site not in wanted or not is_value(trace.sites[site]) or len(found) >= MAX_PATCHES:
            continue
        actual = trace.value(index)
        if isinstance(actual, bool) and trace.sites[site].kind == "branch":
            found.append(moment_at(trace, index, not actual, not actual))
            continue
        for value, wire in pool.get(type(actual).__name__, ()):
            if wire != trace.wire_value(index):
                found.append(moment_at(trace, index, value, wire))
    return found[:MAX_PATCHES]


def earliest_repairing(
    session: TraceSession,
    one: Input,
    moments: Sequence[Moment],
    is_script: bool,
    is_trivial: Callable[[Moment], bool],
    n_steps: int,
    deadline: float,
) -> Moment | None:
    """The first moment whose replacement makes the output right, trivial ones left out.

    Args:
        n_steps: bound of each run; deadline: of all, as time.perf_counter tells it.
    """
    pairs = [(m, patch_for(m)) for m in moments if not is_trivial(m)]
    usable = [(moment, patch) for moment, patch in pairs if patch is not None]
    n_done, size = 0, 1
    while n_done < len(usable):
        started = time.perf_counter()
        if started > deadline:
            return None
        part = usable[n_done : n_done + size]
        patches = [patch for _, patch in part]
        outcomes = session.intervene(one.call, patches, n_steps, args_after=one.wants_args)
        for (moment, _), outcome in zip(part, outcomes, strict=True):
            if one.accepts(outcome, is_script):
                return moment
        n_done += len(part)
        now = time.perf_counter()
        n_in_time = int((deadline - now) * len(part) / (now - started))
        size = min(max(n_in_time, 1), 2 * size, AT_ONCE)
    return None


def steps_allowed(failing: Trace, others: Sequence[Trace]) -> int:
    """Steps after which a run with a value replaced is taken to hang: some times a whole run's."""
    ended = [
        trace.n_steps
        for trace in (failing, *others)
        if trace.outcome.failure is None or trace.outcome.failure.cause is not Cause.TIMEOUT
    ]
    return 4 * max(ended, default=0) + 1000
