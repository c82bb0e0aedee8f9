"""Learning rates, chosen for each method with the same budget on seeds that are not reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.studies.curves import score
from harness.studies.runs import Run, results

TUNING_SEEDS = (1_000,)
RATES = (1.5e-4, 3e-4, 6e-4)  # by twos; goes on while the best is at an end
LIMITS = (1e-5, 5e-3)


@dataclass(frozen=True, slots=True)
class Grid:
    """The budget that every method gets: rates to begin with, how far the search may go, seeds."""

    rates: tuple[float, ...] = RATES
    limits: tuple[float, float] = LIMITS
    seeds: tuple[int, ...] = TUNING_SEEDS


def chosen_rates(
    names: Sequence[str],
    run_at: Callable[[str, float, int], Run],
    grid: Grid,
    folder: Path,
    n_workers: int,
    say: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """For each name the mean score (curves.py) at every rate that was tried, and the best rate.

    The grid is the same for all to begin with, and goes on where the best is at its end.

    Args:
        run_at: the run of a name at a rate with a seed.
    """
    tried: dict[str, dict[float, float]] = {name: {} for name in names}
    todo = {name: list(grid.rates) for name in names}
    while any(todo.values()):
        wanted = {
            (name, rate): [run_at(name, rate, seed) for seed in grid.seeds]
            for name, rates in todo.items()
            for rate in rates
        }
        found = results([run for runs in wanted.values() for run in runs], folder, n_workers, say)
        for (name, rate), runs in wanted.items():
            tried[name][rate] = float(np.mean([score(found[run]) for run in runs]))
        todo = {name: next_rates(means, grid.limits) for name, means in tried.items()}
    return {
        name: {
            "rate": best(means),
            "means": {f"{rate:g}": round(means[rate], 4) for rate in sorted(means)},
        }
        for name, means in tried.items()
    }


def best(means: dict[float, float]) -> float:
    """The rate with the highest mean."""
    return max(means, key=lambda rate: means[rate])


def next_rates(means: dict[float, float], limits: tuple[float, float] = LIMITS) -> list[float]:
    """The next rate outwards where the best is at an end of those tried.

    >>> next_rates({1.0: 0.1, 2.0: 0.3, 4.0: 0.2}), next_rates({0.001: 0.1, 0.002: 0.3})
    ([], [0.004])
    """
    top = best(means)
    low, high = limits
    if top == max(means) and 2 * top <= high:
        return [2 * top]
    return [top / 2] if top == min(means) and top / 2 >= low else []
