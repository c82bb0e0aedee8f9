"""Two runs side by side: events of candidate and reference matched by what can be observed.

Matched are events of the same kind with the same value, so that neither names nor shape nor number
of steps need to agree: the longest common block first, then the same on both sides of it (difflib's
matching, which is near a longest common subsequence and not always one). Long runs are cut around
the divergence first, the reference's where it has most in common with what is left of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher

from egca.execution.trace import Trace
from egca.localization.moments import is_value
from egca.localization.result import AlignedStep, Step
from egca.types import SourceMap

MAX_STEPS = 600  # of each run; the matching is quadratic at worst
_ALIKE = {"expr": "write", "value": "write"}  # what one program stores another only computes


def align(
    candidate: Trace,
    candidate_map: SourceMap,
    reference: Trace | None,
    reference_map: SourceMap | None,
    divergence: int | None,
) -> tuple[AlignedStep, ...]:
    """Align two runs of the same input.

    Args:
        divergence: index of the candidate's event where it goes wrong, if known.
    Returns: steps in the order of the runs; those without a partner stand alone.
    """
    shown = visible(candidate)
    at = next((n for n, i in enumerate(shown) if divergence is not None and i >= divergence), 0)
    ours = _window(shown, at)
    left = [step_at(candidate, candidate_map, index) for index in ours]
    marked = ours.index(divergence) if divergence in ours else None
    if reference is None or reference_map is None:
        return tuple(AlignedStep(step, None, False, i == marked) for i, step in enumerate(left))
    keys = _keys(candidate, ours)
    theirs = _beside(reference, keys, (at, at * len(visible(reference)) // max(len(shown), 1)))
    right = [step_at(reference, reference_map, index) for index in theirs]
    matcher = SequenceMatcher(None, keys, _keys(reference, theirs), autojunk=False)
    rows: list[AlignedStep] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            rows += [
                AlignedStep(left[i], right[j], i != marked, i == marked)
                for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
            ]
            continue
        rows += _unequal(left, right, range(i1, i2), range(j1, j2), marked)
    return tuple(rows)


def _unequal(
    left: Sequence[Step], right: Sequence[Step], ours: range, theirs: range, marked: int | None
) -> list[AlignedStep]:
    """Steps between two matches: partners while the kind is the same, the rest alone."""
    rows: list[AlignedStep] = []
    i, j = ours.start, theirs.start
    while i < ours.stop or j < theirs.stop:
        both = i < ours.stop and j < theirs.stop
        if both and _alike(left[i]) == _alike(right[j]):
            rows.append(AlignedStep(left[i], right[j], False, i == marked))
            i, j = i + 1, j + 1
        elif i < ours.stop and (not both or ours.stop - i >= theirs.stop - j):
            rows.append(AlignedStep(left[i], None, False, i == marked))
            i += 1
        else:
            rows.append(AlignedStep(None, right[j], False))
            j += 1
    return rows


def _alike(step: Step) -> str:
    return _ALIKE.get(step.kind, step.kind)


def _window(shown: Sequence[int], at: int) -> list[int]:
    """Of a run's events those around one, by its place among them."""
    first = max(min(at - MAX_STEPS // 2, len(shown) - MAX_STEPS), 0)
    return list(shown[first : first + MAX_STEPS])


def _beside(reference: Trace, keys: Sequence[Hashable], places: Sequence[int]) -> list[int]:
    """The reference's events beside a part of the candidate's run, as `_window`.

    Args:
        keys: of the candidate's events. places: where they may be; runs that go alike are there
            after as many steps, others after a like share of all.
    """
    shown = visible(reference)
    if len(shown) <= MAX_STEPS:
        return shown
    wanted = Counter(keys)
    windows = [_window(shown, place) for place in dict.fromkeys(places)]
    return max(windows, key=lambda found: (wanted & Counter(_keys(reference, found))).total())


def visible(trace: Trace) -> list[int]:
    """Indices of the events that a person is shown: not the bookkeeping."""
    return [
        i
        for i, site in enumerate(trace.site_ids)
        if is_value(trace.sites[site]) or trace.sites[site].kind == "raise"
    ]


def _keys(trace: Trace, indices: Sequence[int]) -> list[Hashable]:
    keys: list[Hashable] = []
    for index in indices:
        value = trace.wire_value(index)
        kind = trace.sites[trace.site_ids[index]].kind
        keys.append((_ALIKE.get(kind, kind), type(value).__name__, value))
    return keys


def step_at(trace: Trace, source_map: SourceMap, index: int) -> Step:
    """An event of a trace, as a person reads it."""
    event = trace.event(index)
    site = event.site
    start = source_map.offset(site.lineno, site.col_offset)
    end = source_map.offset(site.end_lineno, site.end_col_offset)
    span = source_map.span(start, max(end, start + 1))
    kind: str = site.kind
    if kind == "expr":
        kind = "return" if site.role == "lambda" else "value"
    return Step(kind, span, site.target, event.value, event.iteration, event.call, index)
