"""Methods side by side: means, intervals and paired tests against GRPO, of values over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.studies.statistics import effect_size, holm, interval, paired_p
from harness.tables.methods import BASELINE, UNTRAINED

_DIGITS = 4
Values = Mapping[str, Sequence[float]]  # of each method, a value for each seed


def rows_of(metric: str, values: Values) -> list[dict[str, Any]]:
    """A row for each method: what stands in results/measured.

    Args:
        values: the same seeds in the same order for all methods.
    Returns: method, metric, mean, ci95 (bootstrap over seeds), per_seed; and where GRPO is among
        them, for the others delta_vs_grpo with its interval delta_ci95, p_vs_grpo (sign flips over
        seeds), p_holm (corrected for all methods of this metric) and effect_size (d_z).

    >>> rows = rows_of("area", {"grpo": [0.5, 0.6], "egca": [0.6, 0.6]})
    >>> rows[1]["delta_vs_grpo"], rows[1]["p_vs_grpo"]
    (0.05, 1.0)
    """
    rows = [_row(method, metric, listed) for method, listed in values.items()]
    base = values.get(BASELINE)
    if base is None or len(base) < 2:
        return rows
    others = [row for row in rows if row["method"] != BASELINE]
    for row in others:
        differences = np.asarray(values[row["method"]]) - np.asarray(base)
        row["delta_vs_grpo"] = _rounded(differences.mean())
        row["delta_ci95"] = [_rounded(x) for x in interval(differences.tolist())]
        if row["method"] in UNTRAINED:  # they have no seeds, and are no methods to test
            continue
        row["p_vs_grpo"] = _rounded(paired_p(differences))
        size = effect_size(differences)
        row["effect_size"] = None if size is None else round(size, 2)
    tested = [row for row in others if row["method"] not in UNTRAINED]
    for row, p in zip(tested, holm([row["p_vs_grpo"] for row in tested]), strict=True):
        row["p_holm"] = _rounded(p)
    return rows


def _row(method: str, metric: str, values: Sequence[float]) -> dict[str, Any]:
    return {
        "method": method,
        "metric": metric,
        "mean": _rounded(np.mean(values)),
        "ci95": [_rounded(x) for x in interval(values)],
        "per_seed": [_rounded(value) for value in values],
    }


def band(curves: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Mean over seeds of each step of a curve, and its bootstrap interval."""
    steps = np.asarray(curves, dtype=np.float64).T
    ends = [interval(step.tolist()) for step in steps]
    return {
        "mean": [_rounded(step.mean()) for step in steps],
        "low": [_rounded(low) for low, _ in ends],
        "high": [_rounded(high) for _, high in ends],
    }


def _rounded(value: Any) -> float:
    return round(float(value), _DIGITS)
