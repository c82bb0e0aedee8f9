"""What evidence, options and the arrays of a loss have to be; bad input is refused in one line."""

import math

import numpy as np
import pytest
from groups import groups
from hypothesis import given
from hypothesis import strategies as st

from egca.credit import Evidence, Options, TokenRepair, assign, for_loss, options_from, pad
from egca.credit.evidence import failed_in
from egca.credit.rules.bounded import capped
from egca.credit.rules.spans import late, on_place, without_gate
from egca.errors import CreditError
from egca.types import Mode


def evidence(**known):
    return Evidence([5, 6, 7, 8], 0.0, -1.0, "logic", **known)


@st.composite
def weight_rows(draw):
    """Weights >= 0 with sum 1, from spread out to a single spike."""
    parts = draw(st.lists(st.floats(0, 1), min_size=1, max_size=60).filter(lambda p: sum(p) > 1e-3))
    return np.array(parts) / sum(parts)


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


@given(groups(), st.integers(0, 30))
def test_padding_changes_no_completion(group, extra):
    rows = [credit.advantages for credit in assign(group)]
    width = max(map(len, rows))
    wide = pad(rows, width + extra)
    assert wide.shape == (len(rows), width + extra)
    assert np.array_equal(wide[:, :width], pad(rows))
    assert not wide[:, width:].any()
    left = pad(rows, width + extra, side="left")
    for i, row in enumerate(rows):
        assert np.array_equal(wide[i, : row.size], row)
        assert np.array_equal(left[i, left.shape[1] - row.size :], row)


@given(groups())
def test_uniform_credit_is_the_plain_advantage_under_every_normalisation(group):
    for member, credit in zip(group, assign(group, "uniform"), strict=True):
        for loss in ("sequence", "token", "constant"):
            assert np.allclose(for_loss(credit.advantages, loss), member.advantage, rtol=1e-12)
        assert for_loss(credit.advantages, "sum").sum() == pytest.approx(member.advantage)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evidence(located=[4]), "located: token 4 lies outside"),
        (lambda: evidence(late=[-1]), "late: token -1 lies outside"),
        (lambda: evidence(executed=[9]), "executed: token 9"),
        (lambda: evidence(statements=[[0], [5]]), "statements: token 5"),
        (lambda: evidence(repair=TokenRepair(3, 5, (1,))), "repair: token 4"),
        (lambda: evidence(statements=[[0]], steps=[0, 1]), "2 steps for 1 statements"),
        (lambda: evidence(statements=[[0]], steps=[-1]), "count from 0, got -1"),
        (lambda: evidence(dies_at=-2), "count from 0, got -2"),
        (lambda: Evidence([], 0.0, 0.0, "logic"), "at least one token"),
        (lambda: Evidence([1], float("nan"), 0.0, "logic"), "reward must be finite"),
        (lambda: Evidence([1], 0.0, float("inf"), "logic"), "advantage must be finite"),
        (lambda: TokenRepair(2, 2, (1,)), "at least one token by at least one"),
        (lambda: TokenRepair(2, 3, ()), "at least one token by at least one"),
        (lambda: Options(cap=0.5), "cap is at least 1, got 0.5"),
        (lambda: Options(lowest_advantage=0.1), "lowest_advantage is at most 0, got 0.1"),
        (lambda: Options(fine_reward=-math.inf), "fine_reward is at most 0 and finite"),
        (lambda: evidence(located=[0, 4]), "located: token 4 lies outside"),
        (lambda: Options(cap=float("nan")), "cap is at least 1"),
        (lambda: Options(temperature=-1.0), "temperature is at least 0"),
        (lambda: Options(trace_decay=1.5), "trace_decay is between 0 and 1"),
        (lambda: Options(fine_reward=0.3), "fine_reward is at most 0"),
        (lambda: options_from({"trace": "old"}), "trace is recent or both, got old"),
        (lambda: options_from({"caps": 2}), "did you mean 'cap'"),
        (lambda: options_from({"zeal": 2}), "there are cap, temperature"),
        (lambda: options_from({"cap": "high"}), "cap is a number, got 'high'"),
        (lambda: capped(np.array([1.0]), 0.5), "at least 1"),
        (lambda: pad([np.ones(3)], 2), "more than 2 columns"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(CreditError, match=message):
        call()


def test_options_as_text():
    assert options_from({"cap": "2", "trace": "both"}) == Options(cap=2.0, trace="both")


def test_places_are_asked_for_of_failures_that_are_lowered():
    wants = failed_in(Mode.SYNTAX, Mode.LOGIC)
    assert wants(Mode.LOGIC, -0.1)
    assert wants(Mode.SYNTAX, -0.1)
    assert not wants(Mode.LOGIC, 0.0)
    assert not wants(Mode.LOGIC, 0.5)
    assert not wants(Mode.CONSTRAINT, -0.1)


def test_a_rule_of_a_place_takes_each_completion_to_its_own():
    one = Evidence([5, 6], 0.0, -1.0, "logic", located=[0], late=[1])
    other = Evidence([5, 6], 0.0, -2.0, "logic", located=[1], late=[0])
    found = on_place(late)([one, other], None)
    assert [row.tolist() for row in found] == [[0.0, -1.0], [-2.0, 0.0]]


def test_without_the_gate_constraint_mode_has_a_place():
    demanded = Evidence([5, 6], 0.0, -1.0, "constraint", located=[1])
    raised = Evidence([5, 6], 0.0, -1.0, "syntax", located=[1], exception_located=[0])
    assert without_gate(demanded) == [1]
    assert without_gate(raised) == [0]


def test_padding_of_nothing_is_nothing():
    assert pad([]).shape == (0, 0)


def test_options_at_their_bounds():
    assert Options(lowest_advantage=0.0, fine_reward=0.0, temperature=0.0, cap=1.0).cap == 1.0
