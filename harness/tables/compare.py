"""Methods side by side: means, intervals and paired tests against GRPO, over seeds and over tasks.

A test over seeds asks whether methods differ when they are trained again, on these tasks. A test
over tasks asks whether the models that were trained differ on tasks like these; it speaks of no
other seeds. The interval over both at once speaks of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.studies.statistics import effect_size, holm, interval, paired_p, two_way_interval
from harness.tables.methods import BASELINE, UNTRAINED

_DIGITS = 4
_P_DIGITS = 5  # the lowest p of random flips is 1 / 20,001
Values = Mapping[str, Sequence[float]]  # of each method, a value for each seed
Solved = Mapping[str, npt.NDArray[np.float64]]  # shares that pass, (seeds, tasks)
Row = dict[str, Any]


def rows_of(metric: str, values: Values, solved: Solved | None = None) -> list[Row]:
    """A row for each method: what stands in results/measured.

    Args:
        values: the same seeds in the same order for all methods.
        solved: of the methods where it is known, the same value for each task; the same tasks in
            the same order, seeds as in `values`.
    Returns: method, metric, mean, ci95 (bootstrap over seeds), per_seed; and where GRPO is among
        them, for the others delta_vs_grpo with its interval delta_ci95, p_vs_grpo (sign flips over
        seeds), p_holm (corrected for all methods of this metric) and effect_size (d_z). With
        `solved`, delta_ci95_tasks (seeds and tasks drawn again), p_tasks (sign flips over tasks of
        the mean over seeds: these models, other tasks) and p_tasks_holm. Models that were not
        trained have intervals and no test.

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
        row["p_vs_grpo"] = _p(paired_p(differences))
        size = effect_size(differences)
        row["effect_size"] = None if size is None else round(size, 2)
    _correct(others, "p_vs_grpo", "p_holm")
    _pair_tasks(others, solved or {})
    return rows


def _pair_tasks(rows: Sequence[Row], solved: Solved) -> None:
    """Add what pairs over tasks say to the rows of methods whose tasks are known."""
    base = solved.get(BASELINE)
    if base is None:
        return
    for row in rows:
        if row["method"] not in solved:
            continue
        differences = solved[row["method"]] - base
        row["delta_ci95_tasks"] = [_rounded(x) for x in two_way_interval(differences)]
        if row["method"] not in UNTRAINED:
            row["p_tasks"] = _p(paired_p(differences.mean(0)))
    _correct(rows, "p_tasks", "p_tasks_holm")


def _correct(rows: Sequence[Row], name: str, corrected: str) -> None:
    """Add Holm's correction of a p over the rows that have it."""
    tested = [row for row in rows if name in row]
    for row, p in zip(tested, holm([row[name] for row in tested]), strict=True):
        row[corrected] = _p(p)


def _row(method: str, metric: str, values: Sequence[float]) -> Row:
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


def _p(value: float) -> float:
    return round(value, _P_DIGITS)
