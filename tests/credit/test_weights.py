"""Laws of token weights: conservation, the span, padding, plain GRPO as the uniform case."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.credit import (
    STRATEGIES,
    Fallback,
    assign,
    capped,
    concentrated,
    group_advantages,
    needs_localization,
    pad,
    per_token_advantages,
    uniform,
)
from egca.errors import CreditError
from egca.types import Mode

ADVANTAGES = st.sampled_from([-2.0, -0.3, 0.0, 0.4, 1.5])
MODES = st.sampled_from(list(Mode))
LOCATED = {Mode.SYNTAX, Mode.LOGIC}


@st.composite
def cases(draw):
    """(mode, advantage, n_tokens, located)."""
    n_tokens = draw(st.integers(1, 300))
    located = draw(st.lists(st.integers(0, n_tokens - 1), max_size=12))
    return draw(MODES), draw(ADVANTAGES), n_tokens, located


@st.composite
def weight_rows(draw):
    """Weights >= 0 with sum 1, from spread out to a single spike."""
    parts = draw(st.lists(st.floats(0, 1), min_size=1, max_size=60).filter(lambda p: sum(p) > 1e-3))
    return np.array(parts) / sum(parts)


@given(cases(), st.sampled_from(list(STRATEGIES)), st.none() | st.floats(1, 50))
def test_credit_is_conserved(case, strategy, cap):
    credit = assign(*case, strategy=strategy, cap=cap)
    assert (credit.weights >= 0).all()
    assert abs(per_token_advantages(case[1], credit.weights).sum() - case[1]) < 1e-6
    scaled = per_token_advantages(case[1], credit.weights, loss="sequence_mean")
    assert abs(scaled.mean() - case[1]) < 1e-6


@given(cases())
def test_a_located_failure_gets_nothing_outside_its_span(case):
    mode, advantage, n_tokens, located = case
    weights = concentrated(*case)
    if mode in LOCATED and advantage < 0 and located:
        outside = np.setdiff1d(np.arange(n_tokens), located)
        assert not weights[outside].any()
        assert np.allclose(weights[located], 1 / len(set(located)))
    else:
        assert np.allclose(weights, 1 / n_tokens)


@given(cases())
def test_localizing_changes_weights_only_where_it_is_asked_for(case):
    mode, advantage, n_tokens, _located = case
    if not needs_localization(mode, advantage):
        assert np.array_equal(concentrated(*case), uniform(mode, advantage, n_tokens))


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=2, max_size=8))
def test_uniform_weights_are_plain_grpo(group):
    lengths, rewards = zip(*group, strict=True)
    advantages = group_advantages(rewards, len(rewards))
    rows = [
        per_token_advantages(a, uniform(Mode.LOGIC, a, n, [0]), loss="sequence_mean")
        for a, n in zip(advantages, lengths, strict=True)
    ]
    mask = pad([np.ones(n) for n in lengths])
    assert np.allclose(pad(rows), advantages[:, None] * mask, rtol=1e-12)


@given(st.lists(cases(), min_size=1, max_size=6), st.integers(0, 30))
def test_padding_changes_no_completion(batch, extra):
    rows = [assign(*case, cap=8.0).weights for case in batch]
    width = max(map(len, rows))
    wide = pad(rows, width + extra)
    assert wide.shape == (len(rows), width + extra)
    assert np.array_equal(wide[:, :width], pad(rows))
    assert not wide[:, width:].any()
    left = pad(rows, width + extra, side="left")
    for i, row in enumerate(rows):
        assert np.array_equal(wide[i, : row.size], row)
        assert np.array_equal(left[i, left.shape[1] - row.size :], row)
        assert np.allclose([wide[i].sum(), left[i].sum()], 1)


@given(st.permutations(range(6)))
def test_permuting_a_group_permutes_its_credit(order):
    group = [(Mode.LOGIC, [2]), (Mode.CORRECT, []), (Mode.SYNTAX, [0, 1])] * 2
    rewards = np.array([0.0, 1.0, 0.0, 0.25, 1.0, 0.0])

    def credit(indices):
        rows = []
        for i, advantage in zip(indices, group_advantages(rewards[list(indices)], 6), strict=True):
            mode, located = group[i]
            found = assign(mode, advantage, 5, located)
            rows.append(per_token_advantages(advantage, found.weights))
        return rows

    straight = credit(range(6))
    for row, i in zip(credit(order), order, strict=True):
        assert np.allclose(row, straight[i])


@given(weight_rows(), st.floats(1, 60))
def test_the_cap_bounds_spreads_and_keeps_the_order(weights, cap):
    limited = capped(weights, cap)
    assert abs(limited.sum() - 1) < 1e-9
    assert limited.max() * weights.size <= cap + 1e-9
    order = np.argsort(weights, kind="stable")
    assert (np.diff(limited[order]) >= -1e-12).all()
    assert np.allclose(capped(limited, cap), limited, atol=1e-9)
    if weights.max() * weights.size <= cap:
        assert np.allclose(limited, weights, rtol=1e-12)


@pytest.mark.parametrize("n_tokens", [1, 7, 1_000, 100_000])
def test_a_cap_of_one_is_uniform(n_tokens):
    spike = concentrated(Mode.LOGIC, -1.0, n_tokens, [n_tokens // 2])
    ramp = np.arange(1.0, n_tokens + 1) / np.arange(1.0, n_tokens + 1).sum()
    for weights in (spike, ramp):
        assert np.allclose(capped(weights, 1.0), 1 / n_tokens, rtol=1e-6)


def test_the_cap_spreads_the_rest_of_a_span_evenly_over_the_others():
    # Four of 100 tokens at multiplier 25, capped to 4: each keeps 4/100, the others share 0.84.
    credit = assign(Mode.LOGIC, -1.0, 100, [10, 11, 12, 13], cap=4.0)
    assert credit.max_multiplier == pytest.approx(4.0)
    assert np.allclose(credit.weights[10:14], 0.04)
    assert np.allclose(np.delete(credit.weights, range(10, 14)), 0.84 / 96)


@pytest.mark.parametrize(
    ("mode", "advantage", "located", "expected"),
    [
        (Mode.LOGIC, -1.0, [1], None),
        (Mode.SYNTAX, -1.0, [1], None),
        (Mode.CORRECT, 1.0, [], None),
        (Mode.CONSTRAINT, -1.0, [], None),
        (Mode.LOGIC, 0.5, [1], Fallback.POSITIVE_ADVANTAGE),
        (Mode.SYNTAX, 0.0, [1], Fallback.ZERO_ADVANTAGE),
        (Mode.LOGIC, -1.0, [], Fallback.NOTHING_LOCATED),
    ],
)
def test_the_reason_of_a_fallback_is_told(mode, advantage, located, expected):
    assert assign(mode, advantage, 4, located).fallback is expected


def test_multiplier_of_one_located_token_is_the_length():
    assert assign(Mode.LOGIC, -1.0, 64, [5]).max_multiplier == 64
    assert assign(Mode.CORRECT, 1.0, 64).max_multiplier == 1


def test_an_outside_strategy_is_a_function_and_its_weights_are_checked():
    def first_token(mode, advantage, n_tokens, located):
        return np.eye(n_tokens)[0]

    def unnormalised(mode, advantage, n_tokens, located):
        return np.ones(n_tokens)

    assert assign(Mode.LOGIC, -1.0, 3, strategy=first_token).weights.tolist() == [1, 0, 0]
    with pytest.raises(CreditError, match="sum to 1"):
        assign(Mode.LOGIC, -1.0, 3, strategy=unnormalised)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: concentrated(Mode.LOGIC, -1.0, 4, [4]), "token 4 lies outside"),
        (lambda: concentrated(Mode.LOGIC, -1.0, 4, [-1]), "token -1 lies outside"),
        (lambda: uniform(Mode.CORRECT, 1.0, 0), "at least one token"),
        (lambda: assign(Mode.LOGIC, float("nan"), 4), "finite"),
        (lambda: assign(Mode.LOGIC, -1.0, 4, strategy="ecga"), "there are egca, uniform"),
        (lambda: capped(np.array([1.0]), 0.5), "at least 1"),
        (lambda: pad([np.ones(3)], 2), "more than 2 columns"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(CreditError, match=message):
        call()
