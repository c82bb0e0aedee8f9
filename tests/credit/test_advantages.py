"""Laws of group-relative advantages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.credit import advantage_part, group_advantages
from egca.credit.advantages import advantage_scale
from egca.errors import CreditError

REWARDS = st.floats(-10, 10, allow_nan=False).map(lambda x: round(x, 6))


@st.composite
def batches(draw):
    """Rewards of B groups of G."""
    size, n = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    return size, draw(st.lists(REWARDS, min_size=size * n, max_size=size * n))


@given(batches(), st.sampled_from(["sample", "population", "none"]))
def test_each_group_sums_to_zero(batch, scale):
    size, rewards = batch
    advantages = group_advantages(rewards, size, scale=scale)
    assert np.allclose(advantages.reshape(-1, size).sum(axis=1), 0, atol=1e-6)


@given(batches())
def test_equals_the_formula(batch):
    size, rewards = batch
    rows = np.array(rewards).reshape(-1, size)
    centred = rows - rows.mean(axis=1, keepdims=True)
    for scale, ddof in [("sample", 1), ("population", 0)]:
        if ddof and size == 1:
            continue
        expected = centred / (rows.std(axis=1, ddof=ddof, keepdims=True) + 1e-4)
        assert np.allclose(
            group_advantages(rewards, size, scale=scale), expected.ravel(), atol=1e-9
        )


@given(batches(), st.randoms())
def test_permuting_completions_permutes_their_advantages(batch, random):
    size, rewards = batch
    order = list(range(len(rewards)))
    random.shuffle(order)
    labels = np.arange(len(rewards)) // size
    straight = group_advantages(rewards, size)
    shuffled = group_advantages(np.array(rewards)[order], labels[order])
    assert np.allclose(shuffled, straight[order], atol=1e-9)


@given(st.integers(1, 16), REWARDS)
def test_equal_rewards_give_exactly_zero(size, reward):
    # The mean of [0.1] * 3 is not 0.1 in floating point: A_i == 0 must still be a safe test.
    assert not group_advantages([reward] * size, size).any()


def test_published_setting_on_a_group_of_four():
    got = group_advantages([1, 0, 0, 0], 4)
    assert np.allclose(got, np.array([0.75, -0.25, -0.25, -0.25]) / (0.5 + 1e-4))


@pytest.mark.parametrize(
    ("rewards", "groups", "message"),
    [
        ([1.0, float("nan")], 2, "finite"),
        ([1.0, 2.0, 3.0], 2, "whole groups of 2"),
        ([1.0, 2.0], ["a"], "one group label per reward"),
        ([[1.0, 2.0]], 2, "one row"),
    ],
)
def test_bad_input_is_refused(rewards, groups, message):
    with pytest.raises(CreditError, match=message):
        group_advantages(rewards, groups)


def test_an_unknown_scale_is_refused():
    with pytest.raises(CreditError, match="sample"):
        group_advantages([1.0, 0.0], 2, scale="std")  # type: ignore[arg-type]


@st.composite
def pairs(draw):
    """Two rewards each of B groups of G, G > 1."""
    size, n = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    rows = st.lists(REWARDS, min_size=size * n, max_size=size * n).map(np.array)
    return size, draw(rows), draw(rows)


@given(pairs(), st.sampled_from(["sample", "population", "none"]))
def test_of_an_advantage_each_reward_has_its_part(pair, scale):
    size, first, second = pair
    advantages = group_advantages(first + second, size, scale=scale)
    both = [advantage_part(p, first + second, advantages, size) for p in (first, second)]
    rows = [part.reshape(-1, size) for part in (*both, advantages)]
    bound = np.abs(rows[2]).max(axis=1)
    for one, two, whole, highest in zip(*rows, bound, strict=True):
        for part in (one, two):
            assert abs(part.sum()) < 1e-6 * max(1.0, highest)
            assert np.abs(part).max() <= highest * (1 + 1e-9)
        if max(np.abs(one).max(), np.abs(two).max()) < 0.999 * highest:
            assert np.allclose(one + two, whole, atol=1e-6 * max(1.0, highest))


def test_a_lone_reward_has_the_whole_advantage():
    rewards = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    advantages = group_advantages(rewards, 3)
    assert np.allclose(advantage_part(rewards, rewards, advantages, 3), advantages)
    with pytest.raises(CreditError, match="differ in shape"):
        advantage_part([1.0], rewards, advantages, 3)


def test_a_part_that_says_nothing_contributes_nothing():
    assert advantage_part([0.5, 0.5], [1, 0], [0.5, -0.5], 2).tolist() == [0, 0]
    # Rewards that differ by rounding, advantages of the other sign.
    assert advantage_part([1, 0], [0, 1e-9], [1e-3, -1e-3], 2).tolist() == [0, 0]


def test_a_part_of_whole_numbers_is_no_whole_number():
    assert advantage_part([1, 0, 0], [1, 0, 0], [2, -1, -1], 3) == pytest.approx([2, -1, -1])


def test_the_scale_of_a_group_is_read_where_rewards_differ_most():
    assert advantage_scale([0.5, 0.0, 1.0], [0.0, -1.0, 1.0]) == 2.0
    assert advantage_scale([1.0, 1.0], [0.0, 0.0]) == 0.0
