"""Learning rates, chosen for each method with the same budget on seeds that are not reported.

A tuning run is judged by what is reported of a run, pass@1 at its end, on held-out problems that
are not those of the test. One seed looks over the grid, further by twos where the best rate is at
an end; then the best two rates are trained once more with each of the other seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.studies.curves import validated
from harness.studies.runs import Run, results

RATES = (1.5e-4, 3e-4, 6e-4)
LIMITS = (1e-5, 5e-3)
SEEDS = (1_000, 1_001)
FINALISTS = 2

Scores = Mapping[float, Mapping[int, float]]  # by rate and seed


@dataclass(frozen=True, slots=True)
class Grid:
    """The budget that every method gets.

    rates: to begin with. limits: how far the search may go. seeds: the first for all rates, the
    others for the best two.
    """

    rates: tuple[float, ...] = RATES
    limits: tuple[float, float] = LIMITS
    seeds: tuple[int, ...] = SEEDS

    @property
    def n_finals(self) -> int:
        """Runs of a method with other seeds than the first."""
        return FINALISTS * (len(self.seeds) - 1)

    @property
    def words(self) -> str:
        """What a table says of it."""
        first, *others = self.seeds
        again = f"; the best {FINALISTS} of them again on seed {', '.join(map(str, others))}"
        return (
            f"rates {', '.join(f'{rate:g}' for rate in self.rates)} for every method on seed "
            f"{first}, further by twos where the best is at an end{again if others else ''}; by "
            "sampled pass@1 on validation compositions, no reported seed and no test among them"
        )


def chosen_rates(
    names: Sequence[str],
    run_at: Callable[[str, float, int], Run],
    grid: Grid,
    folder: Path,
    n_workers: int,
    say: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """For each name the best rate, the scores of every rate that was tried, by seed, and the
    seconds that these runs took.

    Args:
        run_at: the run of a name at a rate with a seed.
    """
    scores: dict[str, dict[float, dict[int, float]]] = {name: {} for name in names}
    seconds = dict.fromkeys(names, 0.0)
    while todo := [(name, *one) for name in names for one in wanted(scores[name], grid)]:
        runs = {one: for_tuning(run_at(*one)) for one in todo}
        found = results(list(runs.values()), folder, n_workers, say)
        for (name, rate, seed), run in runs.items():
            scores[name].setdefault(rate, {})[seed] = validated(found[run])
            seconds[name] += found[run]["seconds"]["total"]
    return {name: _entry(tried, seconds[name]) for name, tried in scores.items()}


def _entry(tried: Scores, seconds: float) -> dict[str, Any]:
    """What a table's file has of a method."""
    return {
        "rate": best(tried),
        "scores": {
            f"{rate:g}": [round(score, 4) for score in tried[rate].values()]
            for rate in sorted(tried)
        },
        "seconds": round(seconds, 1),
    }


def for_tuning(run: Run) -> Run:
    """The run as tuning has it, which never sees the test."""
    return replace(run, part="validation")


def wanted(scores: Scores, grid: Grid) -> list[tuple[float, int]]:
    """The rates and seeds to run next, after those that have scores; none: the choice is made.

    >>> grid = Grid(rates=(1.0, 2.0, 4.0), limits=(0.5, 4.0), seeds=(7, 8))
    >>> wanted({}, grid)
    [(1.0, 7), (2.0, 7), (4.0, 7)]
    >>> wanted({1.0: {7: 0.1}, 2.0: {7: 0.3}, 4.0: {7: 0.2}}, grid)
    [(2.0, 8), (4.0, 8)]
    """
    first, *others = grid.seeds
    looked = {rate: by_seed[first] for rate, by_seed in scores.items()}
    todo = [rate for rate in grid.rates if rate not in looked] or next_rates(looked, grid.limits)
    if todo:
        return [(rate, first) for rate in todo]
    final = finalists(scores)
    if len(final) < FINALISTS:  # a single rate, and nothing to choose
        return []
    return [(rate, seed) for rate in final for seed in others if seed not in scores[rate]]


def finalists(scores: Scores) -> list[float]:
    """The best rates by the first seed of each."""
    first = {rate: next(iter(by_seed.values())) for rate, by_seed in scores.items()}
    return sorted(first, key=lambda rate: -first[rate])[:FINALISTS]


def best(scores: Scores) -> float:
    """Of the finalists the rate with the highest mean over seeds.

    >>> best({1.0: {7: 0.3, 8: 0.1}, 2.0: {7: 0.25, 8: 0.25}, 4.0: {7: 0.1}})
    2.0
    """
    return max(finalists(scores), key=lambda rate: float(np.mean([*scores[rate].values()])))


def next_rates(scores: Mapping[float, float], limits: tuple[float, float] = LIMITS) -> list[float]:
    """The next rate outwards where the best is at an end of those tried.

    >>> next_rates({1.0: 0.1, 2.0: 0.3, 4.0: 0.2}), next_rates({0.001: 0.1, 0.002: 0.3})
    ([], [0.004])
    """
    top = max(scores, key=lambda rate: scores[rate])
    low, high = limits
    if top == max(scores) and 2 * top <= high:
        return [2 * top]
    return [top / 2] if top == min(scores) and top / 2 >= low else []
