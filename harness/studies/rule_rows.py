"""The rows of the study of credit rules: what its runs left, put together and compared by seed.

A row that was measured before grows by runs of further seeds, wherever those were made: it holds
what it is compared by for every seed, and of everything else the mean over its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from harness.studies.curves import area, steps_to_target
from harness.studies.statistics import holm, interval, paired_p

BASELINE = "uniform"
METRICS = ("area", "sampled", "greedy")
_MEANS = ("grad_norm", "entropy", "effective_tokens", "multiplier_max", "located")
_MODES = ("syntax", "constraint", "correct", "logic")
_PHASES = ("generate", "judge", "localize", "credit", "train", "total")
_N_LAST = 20  # steps over which the modes at the end are counted


@dataclass(frozen=True)
class Seeds:
    """What runs of one rule with seeds 0 to n - 1 left."""

    n: int
    per_seed: Mapping[str, list[float]]  # of METRICS
    steps_to_target: list[int | None]
    means: Mapping[str, float]
    modes_last: Mapping[str, float]
    seconds: Mapping[str, float]
    curve: list[float]  # mean pass rate, by step

    @classmethod
    def of_runs(cls, lefts: Sequence[Mapping[str, Any]], target: float) -> Self:
        """Of what runs left (runs.py), in the order of their seeds."""
        modes = [step for left in lefts for step in left["modes"][-_N_LAST:]]
        return cls(
            len(lefts),
            metrics_of(lefts),
            [steps_to_target(dict(left), target) for left in lefts],
            {name: _mean([left["curves"][name] for left in lefts]) for name in _MEANS},
            {mode: _mean([step[mode] for step in modes]) for mode in _MODES},
            {name: _mean([left["seconds"].get(name, 0.0) for left in lefts]) for name in _PHASES},
            np.mean([left["curves"]["pass_rate"] for left in lefts], axis=0).tolist(),
        )

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """Of a row that was measured before."""
        return cls(
            row["n_seeds"],
            {name: row[name]["per_seed"] for name in METRICS},
            row["steps_to_target"],
            {name: row[name] for name in _MEANS},
            row["modes_last"],
            row["seconds"],
            row["curve"],
        )

    def with_more(self, more: Seeds) -> Seeds:
        """These seeds and then others, means weighted by how many runs each speaks of."""

        def merged(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
            return {name: self._weighted(more, one[name], other[name]) for name in one}

        return Seeds(
            self.n + more.n,
            {name: self.per_seed[name] + more.per_seed[name] for name in METRICS},
            self.steps_to_target + more.steps_to_target,
            merged(self.means, more.means),
            merged(self.modes_last, more.modes_last),
            merged(self.seconds, more.seconds),
            [self._weighted(more, *pair) for pair in zip(self.curve, more.curve, strict=True)],
        )

    def _weighted(self, more: Seeds, ours: float, theirs: float) -> float:
        return (self.n * ours + more.n * theirs) / (self.n + more.n)


def metrics_of(lefts: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """What rules are compared by, METRICS, for each run."""
    return {
        "area": [area(dict(left)) for left in lefts],
        "sampled": [left["final"]["sampled"]["pass_at_1"] for left in lefts],
        "greedy": [left["final"]["greedy"]["pass_at_1"] for left in lefts],
    }


def rows_of(found: Mapping[str, Seeds]) -> list[dict[str, Any]]:
    """A row for each rule, compared with BASELINE by the seeds that both have."""
    base = found.get(BASELINE)
    rows = [_row(rule, seeds, base) for rule, seeds in found.items()]
    correct(rows)
    return rows


def correct(rows: Sequence[Mapping[str, Any]]) -> None:
    """Add Holm's correction over all rows that are compared with BASELINE, metric by metric."""
    for name in METRICS:
        tested = [row[name] for row in rows if "p_vs_uniform" in row[name]]
        corrected = holm([one["p_vs_uniform"] for one in tested])
        for one, p in zip(tested, corrected, strict=True):
            one["p_holm"] = round(p, 4)


def compared(values: Sequence[float], base: Sequence[float]) -> dict[str, Any]:
    """How a metric differs from BASELINE's, over the seeds that both have."""
    differences = [ours - theirs for ours, theirs in zip(values, base, strict=False)]
    return {
        "delta_vs_uniform": round(_mean(differences), 4),
        "delta_ci95": [round(x, 4) for x in interval(differences)],
        "p_vs_uniform": round(paired_p(differences), 4),
    }


def _row(rule: str, seeds: Seeds, base: Seeds | None) -> dict[str, Any]:
    row: dict[str, Any] = {"rule": rule, "n_seeds": seeds.n}
    for name, values in seeds.per_seed.items():
        row[name] = {
            "mean": round(_mean(values), 4),
            "ci95": [round(x, 4) for x in interval(values)],
            "per_seed": [round(value, 4) for value in values],
        }
        if base is not None and rule != BASELINE:
            row[name] |= compared(values, base.per_seed[name])
    row["steps_to_target"] = seeds.steps_to_target
    row |= {name: round(value, 4) for name, value in seeds.means.items()}
    row["curve"] = [round(value, 4) for value in seeds.curve]
    row["modes_last"] = {mode: round(share, 4) for mode, share in seeds.modes_last.items()}
    row["seconds"] = {name: round(value, 1) for name, value in seeds.seconds.items()}
    return row


def _mean(values: Any) -> float:
    return float(np.mean(values))
