"""How a learning rate is chosen: the search of tuning.py, on runs that are written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the extra train")

from harness.studies.runs import Run, run_of
from harness.studies.tuning import (
    FINALISTS,
    LIMITS,
    RATES,
    SEEDS,
    Grid,
    best,
    chosen_rates,
    for_tuning,
    wanted,
)


def searched(score: Any, grid: Grid) -> dict[float, dict[int, float]]:
    """The scores of a whole search."""
    scores: dict[float, dict[int, float]] = {}
    while todo := wanted(scores, grid):
        for rate, seed in todo:
            scores.setdefault(rate, {})[seed] = score(rate, seed)
    return scores


@given(st.dictionaries(st.integers(0, 40), st.floats(0, 1), min_size=1))
def test_every_search_ends_inside_the_limits_with_two_seeds_of_the_best(noise: Any) -> None:
    found = searched(lambda rate, seed: noise.get(hash((rate, seed)) % 41, 0.5), Grid())
    assert set(RATES) <= set(found)
    assert all(LIMITS[0] <= rate <= LIMITS[1] for rate in found)
    assert sorted(map(len, found.values()))[-FINALISTS:] == [len(SEEDS)] * FINALISTS
    assert sum(map(len, found.values())) == len(found) + FINALISTS * (len(SEEDS) - 1)
    assert len(found[best(found)]) == len(SEEDS)


def test_a_peak_outside_the_grid_is_found() -> None:
    found = searched(lambda rate, seed: -abs(rate - 4.8e-3), Grid())
    assert best(found) == pytest.approx(4.8e-3)
    assert max(found) == pytest.approx(4.8e-3)  # twice that is over the limit


def test_the_second_seed_decides_between_the_best_two() -> None:
    scores = {(1.5e-4, 1_000): 0.30, (3e-4, 1_000): 0.40, (6e-4, 1_000): 0.39}
    second = {(3e-4, 1_001): 0.35, (6e-4, 1_001): 0.38}
    assert best(searched(lambda *one: {**scores, **second}[one], Grid(limits=(1e-4, 1e-3)))) == 6e-4


def test_a_single_rate_is_no_choice() -> None:
    assert searched(lambda rate, seed: 0.1, Grid((3e-4,), (3e-4, 3e-4))) == {3e-4: {1_000: 0.1}}


def test_runs_that_choose_are_kept_apart_from_those_that_are_reported(tmp_path: Path) -> None:
    def at(name: str, rate: float, seed: int) -> Run:
        return run_of({"credit.strategy": name, "optimizer.learning_rate": rate, "seed": seed})

    reported = at("uniform", 3e-4, 1_000)
    assert for_tuning(reported).key != reported.key
    grid = Grid((1e-4, 3e-4), (1e-4, 3e-4))
    for rate in grid.rates:
        for seed in SEEDS:
            run = for_tuning(at("uniform", rate, seed))
            left = {"curves": {"pass_rate": [0.9]}, "seconds": {"total": 1.0},
                    "final": {"sampled": {"pass_at_1": 1e3 * rate}}}  # fmt: skip
            (tmp_path / f"{run.key}.json").write_text(json.dumps(left))
    found = chosen_rates(["uniform"], at, grid, tmp_path, 1, lambda text: None)
    scores = {"0.0001": [0.1, 0.1], "0.0003": [0.3, 0.3]}
    assert found == {"uniform": {"rate": 3e-4, "scores": scores, "seconds": 4.0}}
