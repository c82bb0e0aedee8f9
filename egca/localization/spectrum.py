"""What the traces of many inputs say of each place: who was there when it went wrong.

Three counts over the same traces. Spectrum: statements and branch outcomes of failing and passing
runs, by Ochiai's coefficient (Abreu et al., 2007). Histories: a place of the candidate and one of
the reference that see the same values on all passing inputs belong together, whatever they are
called; where their values part on a failing input, something has gone wrong before."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from egca.execution.sites import Site
from egca.execution.trace import Trace

VALUE_KINDS = frozenset(("write", "branch", "item", "return", "expr", "call"))
BOOKKEEPING = frozenset(("resume", "delegate", "leave"))


def ochiai(n_failing_here: int, n_passing_here: int, n_failing: int) -> float:
    """Ochiai's coefficient in [0, 1]; 0 where no failing run came by.

    >>> ochiai(2, 0, 2)
    1.0
    """
    if not n_failing_here:
        return 0.0
    return n_failing_here / math.sqrt(n_failing * (n_failing_here + n_passing_here))


def statement_spectrum(failing: Sequence[Trace], passing: Sequence[Trace]) -> dict[int, float]:
    """Ochiai's coefficient of each line on which an executed statement begins."""
    return _coefficients([_lines(t) for t in failing], [_lines(t) for t in passing])


def branch_spectrum(failing: Sequence[Trace], passing: Sequence[Trace]) -> dict[int, float]:
    """The larger coefficient of the two outcomes of each line's branches."""
    outcomes = _coefficients([_outcomes(t) for t in failing], [_outcomes(t) for t in passing])
    best: dict[int, float] = {}
    for (line, _, _), value in outcomes.items():
        best[line] = max(best.get(line, 0.0), value)
    return best


def _coefficients(failing: Sequence[set[Any]], passing: Sequence[set[Any]]) -> dict[Any, float]:
    places: set[Any] = set().union(*failing, *passing) if failing or passing else set()
    return {
        place: ochiai(
            sum(place in run for run in failing), sum(place in run for run in passing), len(failing)
        )
        for place in sorted(places)
    }


def _lines(trace: Trace) -> set[int]:
    return {trace.sites[site].statement[0] for site in trace.counts}


def _outcomes(trace: Trace) -> set[tuple[int, int, bool]]:
    found: set[tuple[int, int, bool]] = set()
    for site, raw in zip(trace.site_ids, trace.raw_values, strict=True):
        place = trace.sites[site]
        if place.kind == "branch" and type(raw) is bool:
            found.add((place.lineno, site, raw))
    return found


@dataclass(frozen=True, slots=True)
class Parting:
    """Where paired places of the two programs stop to agree on one input.

    index is the event in the candidate's trace, partner the reference site that agreed so far, and
    reference_index the event there, None where the reference has no further one.
    """

    index: int
    site: Site
    partner: Site
    reference_index: int | None


@dataclass(slots=True)
class Pairing:
    """Sites of the candidate with the reference sites that saw the same values on passing
    inputs."""

    partners: dict[int, list[int]] = field(default_factory=dict)

    def partings(self, candidate: Trace, reference: Trace) -> list[Parting]:
        """First disagreements of each pair on one input, in the order of the candidate's run.

        A site with several partners parts only when all of them disagree; the one that agrees
        longest is reported.
        """
        theirs = _histories(reference)
        found: list[Parting] = []
        for site, history in _histories(candidate).items():
            best: tuple[int, int] | None = None
            for partner in self.partners.get(site, ()):
                other = theirs.get(partner, ())
                common = _common_prefix(history, other)
                if common == len(history) == len(other):
                    best = None
                    break
                if best is None or common > best[0]:
                    best = common, partner
            if best is None:
                continue
            common, partner = best
            indices, others = candidate.indices(site), reference.indices(partner)
            index = indices[min(common, len(indices) - 1)]
            where = others[common] if common < len(others) else None
            found.append(Parting(index, candidate.sites[site], reference.sites[partner], where))
        return sorted(found, key=lambda parting: parting.index)


def pair_sites(candidate: Sequence[Trace], reference: Sequence[Trace]) -> Pairing:
    """Pair places by their whole value histories on the same (passing) inputs.

    Args:
        candidate, reference: traces of the same inputs, in the same order.
    """
    ours, theirs = _joined(candidate), _joined(reference)
    by_history: dict[Hashable, list[int]] = defaultdict(list)
    for site, history in theirs.items():
        by_history[history].append(site)
    pairing = Pairing()
    for site, history in ours.items():
        if history in by_history:
            pairing.partners[site] = by_history[history]
    return pairing


def _joined(traces: Sequence[Trace]) -> dict[int, Hashable]:
    """By site: its histories on all inputs; only of sites that were seen at all."""
    each = [_histories(trace) for trace in traces]
    sites = sorted(set().union(*each)) if each else []
    return {site: tuple(histories.get(site, ()) for histories in each) for site in sites}


def _histories(trace: Trace) -> dict[int, tuple[Hashable, ...]]:
    found: dict[int, list[Hashable]] = {}
    for index, site in enumerate(trace.site_ids):
        place = trace.sites[site]
        if place.kind in VALUE_KINDS and place.role not in BOOKKEEPING:
            found.setdefault(site, []).append(_key(trace.wire_value(index)))
    return {site: tuple(values) for site, values in found.items()}


def _key(value: Any) -> Hashable:
    """Equal for equal values of equal type: True is not 1 here, a decision is not a count."""
    return (type(value).__name__, value) if isinstance(value, bool | float) else value


def _common_prefix(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    n = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        n += 1
    return n
