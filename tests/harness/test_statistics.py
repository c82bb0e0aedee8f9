"""Laws of the intervals and tests that tables are compared by."""

from __future__ import annotations

from itertools import product
from math import isclose

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.studies.statistics import holm, interval, lowest_p, paired_p, two_way_interval
from harness.tables.compare import rows_of

Matrix = npt.NDArray[np.float64]
BRIEFLY = settings(max_examples=40)  # 10,000 draws each
ROUNDING = 1e-9


@st.composite
def differences(draw: st.DrawFn) -> Matrix:
    """Of shares of four completions, (seeds, tasks)."""
    n_seeds, n_tasks = draw(st.integers(2, 6)), draw(st.integers(2, 30))
    steps = st.lists(st.integers(-4, 4), min_size=n_tasks, max_size=n_tasks)
    rows = draw(st.lists(steps, min_size=n_seeds, max_size=n_seeds))
    return np.array(rows) / 4


@BRIEFLY
@given(differences())
def test_the_two_way_interval_holds_the_mean_and_turns_with_the_sides(values: Matrix) -> None:
    low, high = two_way_interval(values)
    assert low - ROUNDING <= values.mean() <= high + ROUNDING
    assert two_way_interval(-values) == pytest.approx((-high, -low), abs=ROUNDING)
    moved = two_way_interval(values + 0.5)
    assert moved == pytest.approx((low + 0.5, high + 0.5), abs=ROUNDING)


@BRIEFLY
@given(differences(), st.randoms(use_true_random=False))
def test_without_spread_over_tasks_only_seeds_are_drawn(values: Matrix, random) -> None:
    """The mean of many draws of seeds is the same whether tasks are drawn too or not."""
    column = values[:, :1]
    both = two_way_interval(np.repeat(column, 7, axis=1))
    assert both == pytest.approx(two_way_interval(column), abs=ROUNDING)
    assert both == pytest.approx(interval(column[:, 0].tolist()), abs=0.05)


def test_the_two_way_interval_is_as_wide_as_both_spreads_ask() -> None:
    """Against the variance that row and column effects give the mean, within a tenth."""
    random = np.random.default_rng(3)
    seeds, tasks = random.normal(0, 0.02, (40, 1)), random.normal(0, 0.3, (1, 200))
    values = seeds + tasks + random.normal(0, 0.1, (40, 200))
    low, high = two_way_interval(values)
    spread = np.sqrt(values.mean(1).var() / 40 + values.mean(0).var() / 200)
    assert (high - low) / (2 * 1.96 * spread) == pytest.approx(1.0, abs=0.1)
    over_seeds = interval(values.mean(1).tolist())
    assert high - low > 2 * (over_seeds[1] - over_seeds[0])  # tasks differ more than seeds here


@given(st.lists(st.integers(0, 8), min_size=1, max_size=8))
def test_p_is_valid_over_all_signs(sizes: list[int]) -> None:
    """Where signs are thrown like coins, p is at most a in at most a of the cases."""
    signs = product((-1.0, 1.0), repeat=len(sizes))
    found = np.array([paired_p(np.array(sizes) * np.array(one) / 8) for one in signs])
    for level in np.unique(found):
        assert np.mean(found <= level + ROUNDING) <= level + ROUNDING
    distinct = len([size for size in sizes if size])
    assert found.min() >= lowest_p(max(distinct, 1)) - ROUNDING


@given(differences())
def test_p_does_not_know_sides_or_order(values: Matrix) -> None:
    column = values[:, 0]
    assert isclose(paired_p(column), paired_p(-column))
    assert isclose(paired_p(column), paired_p(np.sort(column)))


def test_p_of_many_pairs_is_near_the_exact_one_and_never_0(monkeypatch) -> None:
    values = np.random.default_rng(5).normal(0.3, 1.0, 13)
    exact = paired_p(values)
    monkeypatch.setattr("harness.studies.statistics._EXACT", 5)
    assert paired_p(values) == pytest.approx(exact, abs=0.02)
    assert paired_p(np.ones(60)) == pytest.approx(1 / 20_001)


@BRIEFLY
@given(differences())
def test_equal_sides_give_no_difference_and_no_test_passes(values: Matrix) -> None:
    shares = (values + 1) / 2
    means = shares.mean(1).tolist()
    row = rows_of("greedy", {"grpo": means, "egca": means}, {"grpo": shares, "egca": shares})[1]
    assert row["delta_vs_grpo"] == 0
    assert row["delta_ci95"] == row["delta_ci95_tasks"] == [0, 0]
    assert row["p_vs_grpo"] == row["p_tasks"] == row["p_tasks_holm"] == 1


def test_rows_pair_tasks_where_they_are_known() -> None:
    """Ten tasks of which one method solves eight more often, and another two."""
    base = np.full((3, 10), 0.5)
    up = np.zeros((3, 10))
    up[:, :8] = [[0.25], [0.5], [0.5]]
    few = np.where(np.arange(10) < 2, 0.5, 0.0) * np.ones((3, 1))
    solved = {"grpo": base, "egca": base + up, "rltf": base + few, "base": base - 0.25}
    values = {name: shares.mean(1).tolist() for name, shares in solved.items()}
    values["ppo"] = [0.5, 0.5, 0.6]  # of a run that does not say which tasks it solved
    rows = {row["method"]: row for row in rows_of("sampled", values, solved)}
    assert rows["egca"]["delta_vs_grpo"] == pytest.approx(up.mean(), abs=1e-4)
    assert rows["egca"]["p_tasks"] == pytest.approx(2 / 2**8, abs=1e-5)  # flips of eight tasks
    assert rows["rltf"]["p_tasks"] == 0.5
    found = [rows[name]["p_tasks_holm"] for name in ("egca", "rltf")]
    assert found == pytest.approx(holm([2 / 2**8, 0.5]), abs=1e-4)  # two methods, not three
    assert rows["egca"]["delta_ci95_tasks"][0] > 0
    low, high = rows["rltf"]["delta_ci95_tasks"]
    assert rows["rltf"]["delta_ci95"] == [0.1, 0.1]  # seeds agree, tasks do not
    assert low == 0 < 0.1 < high
    assert rows["base"]["delta_ci95_tasks"] == [-0.25, -0.25]
    assert "p_tasks" not in rows["base"]
    assert "delta_ci95_tasks" not in rows["ppo"]
    assert "delta_ci95_tasks" not in rows["grpo"]


def test_without_the_tasks_of_grpo_nothing_is_said_of_tasks() -> None:
    shares = np.full((2, 4), 0.5)
    rows = rows_of("sampled", {"grpo": [0.5, 0.5], "egca": [0.5, 0.5]}, {"egca": shares})
    assert not any("delta_ci95_tasks" in row for row in rows)
