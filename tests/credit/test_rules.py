"""Rules against numbers worked out by hand, beside the laws in test_strategies.py."""

import math
from dataclasses import replace

import numpy as np
import pytest
from groups import groups, with_advantages
from hypothesis import given

from egca.credit import (
    REWARDS,
    STRATEGIES,
    Evidence,
    Options,
    Strategy,
    TokenRepair,
    assign,
    for_loss,
    token_repair,
)
from egca.credit.rules.bounded import capped
from egca.credit.rules.rltf import Kind, error_kind
from egca.credit.rules.survival import chances
from egca.credit.rules.tempo import prefix_values
from egca.errors import CreditError
from egca.types import Cause, Mode


def rows(group, name, **values):
    found = assign(group, name, options=Options(**values))
    return [credit.advantages for credit in found]


def three_steps(reward, **known):
    """A program of three statements of one token each, aligned with the steps 0, 1, 2."""
    mode = Mode.CORRECT if reward else Mode.LOGIC
    statements = [[0], [1], [2]]
    return Evidence([1, 2, 3], reward, 0.0, mode, statements=statements, steps=[0, 1, 2], **known)


def test_survival_of_four_completions_by_hand():
    # Two pass, one dies at step 1, one at step 2.
    #   h_0 = 0/4, h_1 = 1/4, h_2 = 1/3
    #   V_3 = 1, V_2 = 2/3, V_1 = 3/4 * 2/3 = 1/2, V_0 = 1/2 = mean r
    # Survivors: V_1 - V_0 = 0, V_2 - V_1 = 1/6, V_3 - V_2 = 1/3; the sum is 1 - 1/2.
    # Dead at 1: 0, then -V_1 = -1/2, then 0. Dead at 2: 0, 1/6, -V_2 = -2/3; both sum to -1/2.
    group = with_advantages(
        [
            three_steps(1.0),
            three_steps(1.0),
            three_steps(0.0, dies_at=1),
            three_steps(0.0, dies_at=2),
        ],
        "none",
    )
    expected = [[0, 1 / 6, 1 / 3], [0, 1 / 6, 1 / 3], [0, -1 / 2, 0], [0, 1 / 6, -2 / 3]]
    assert np.allclose(rows(group, "survival"), expected)
    # Scaled advantages scale it: population std of (1, 1, 0, 0) is 1/2.
    scaled = with_advantages(group, "population")
    assert np.allclose(rows(scaled, "survival"), np.array(expected) / 0.5, rtol=1e-3)


def test_survival_of_a_program_that_passes_in_a_form_that_was_not_asked_for():
    # Whatever the gate says of its form, no step of it is a death: V is as without the gate.
    members = [three_steps(1.0), three_steps(1.0), three_steps(0.0, dies_at=1)]
    plain = rows(with_advantages(members, "none"), "survival")
    members[1] = replace(members[1], mode=Mode.CONSTRAINT, cause=Cause.CONSTRAINT, passes=True)
    gated = with_advantages(members, "none")
    assert np.allclose(rows(gated, "survival"), plain)
    assert np.allclose(plain, [[0, 1 / 3, 0], [0, 1 / 3, 0], [0, -2 / 3, 0]])


def test_survival_shares_a_step_among_its_tokens_and_adds_what_meets_there():
    """Values as in the example of chances(): 1/2, 1/2, 2/3, 1. The place of one death lies in the
    statement of an earlier step, whose token gets both."""
    shape = {"statements": [[0, 1], [2]], "steps": [0, 1]}
    group = [
        Evidence([1, 2, 3], 1.0, 0.5, "correct", **shape),
        Evidence([1, 2, 3], 0.0, -0.5, "logic", dies_at=1, located=[0], **shape),
        Evidence([1, 2, 3], 0.0, -0.5, "logic", dies_at=0, **shape),
        Evidence([1, 2, 3], 1.0, 0.5, "correct", **shape),
    ]
    right = [1 / 12, 1 / 12, 1 / 3]
    found = rows(group, "survival")
    assert np.allclose(found, [right, [-7 / 12, 1 / 12, 0], [-1 / 4, -1 / 4, 0], right])
    assert found[1][2] == 0
    assert found[2][2] == 0


def test_survival_asks_for_no_place_where_a_failing_program_is_raised():
    """Values 1/3, 1/3, 1/2, 1; what rewards between 0 and 1 leave over is spread."""
    shape = {"statements": [[0], [1], [2]], "steps": [0, 1, None]}
    group = [
        Evidence([1, 2, 3], 0.8, 0.2, "logic", dies_at=1, located=[0], **shape),
        Evidence([1, 2, 3], 0.0, -0.6, "logic", dies_at=0, **shape),
        Evidence([1, 2, 3], 1.0, 0.4, "correct", **shape),
    ]
    rest = (0.2 + 1 / 3) / 3
    assert np.allclose(rows(group, "survival")[0], [1 / 6 + rest, -1 / 2 + rest, rest])


def test_survival_before_the_first_step_and_at_a_step_without_tokens():
    # One passes and has no statement at step 1; one does not compile (dies before step 0); one dies
    # at step 1, where its located token is the last.
    #   h_{-1} = 1/3, h_0 = 0, h_1 = 1/2; V_2 = 1, V_1 = V_0 = 1/2, V_{-1} = 1/3 = mean r
    passing = Evidence([1, 2], 1.0, 0.0, "correct", statements=[[0], [1]], steps=[0, None])
    broken = Evidence([1, 2], 0.0, 0.0, "syntax", Cause.COMPILE, located=[1])
    wrong = Evidence(
        [1, 2], 0.0, 0.0, "logic", located=[1], statements=[[0], [1]], steps=[0, 1], dies_at=1
    )
    group = with_advantages([passing, broken, wrong], "none")
    # passing: 1/2 - 1/3 = 1/6 over both, 0 at step 0, 1 - 1/2 = 1/2 over both: 1/3 each.
    # broken: -1/3 on its located token. wrong: 1/12 each, then -1/2 on the located token.
    expected = [[1 / 3, 1 / 3], [0, -1 / 3], [1 / 12, 1 / 12 - 1 / 2]]
    assert np.allclose(rows(group, "survival"), expected)


def test_chances_where_nobody_reaches_a_step():
    # All die at step 0: h_0 = 1, and V_1 = 1 since no death is known behind it.
    assert chances([0, 0], 2).tolist() == [0, 0, 1, 1]


@given(groups(rewards=(0.0, 1.0)))
def test_survival_sums_to_reward_minus_mean_without_any_remainder(group):
    group = with_advantages(group, "none")
    mean = np.mean([evidence.reward for evidence in group])
    for evidence, row in zip(group, rows(group, "survival"), strict=True):
        assert row.sum() == pytest.approx(evidence.reward - mean, abs=1e-9)
    # V_{-1} is the share that passes, so nothing was left to spread.
    deaths = [
        None if e.mode is Mode.CORRECT else -1 if e.dies_at is None else e.dies_at for e in group
    ]
    assert chances(deaths, 9)[0] == pytest.approx(mean)


def test_tempo_of_three_completions_by_hand():
    # Tokens: a b (r = 1), a c (r = 0), d (r = 0). The root branches (a / d), so does a (b / c).
    #   V(root) = 1/3, V(a) = 1/2, V(ab) = 1, V(ac) = 0, V(d) = 0; mean r = 1/3, no std.
    # a_{i,t} T_i = r_i - 1/3 + V(s') - V(s):
    #   ab: 2/3 + 1/6 = 5/6, 2/3 + 1/2 = 7/6; ac: -1/3 + 1/6 = -1/6, -1/3 - 1/2 = -5/6
    #   d: -1/3 - 1/3 = -2/3
    group = with_advantages(
        [
            Evidence([1, 2], 1.0, 0.0, "correct"),
            Evidence([1, 3], 0.0, 0.0, "logic"),
            Evidence([4], 0.0, 0.0, "logic"),
        ],
        "none",
    )
    found = [for_loss(row) for row in rows(group, "tempo")]
    for row, expected in zip(found, [[5 / 6, 7 / 6], [-1 / 6, -5 / 6], [-2 / 3]], strict=True):
        assert np.allclose(row, expected)


def test_a_completion_that_ends_where_another_goes_on_branches_off():
    group = [Evidence([1], 1.0, 0.5, "correct"), Evidence([1, 2], 0.0, -0.5, "logic")]
    assert [values.tolist() for values in prefix_values(group)] == [[0.5, 1.0], [0.5, 0.0, 0.0]]
    later = [Evidence([1, 2], 1.0, 0.5, "correct"), Evidence([1, 2, 3], 0.0, -0.5, "logic")]
    values = [values.tolist() for values in prefix_values(later)]
    assert values == [[0.5, 0.5, 1.0], [0.5, 0.5, 0.0, 0.0]]


@given(groups(min_size=2))
def test_tempo_adds_what_the_end_is_worth_over_the_mean(group):
    scale = [e.advantage / (e.reward - m) for e in group if e.reward != (m := mean_reward(group))]
    values = prefix_values(group)
    for evidence, row, value in zip(group, rows(group, "tempo"), values, strict=True):
        extra = scale[0] * (value[-1] - mean_reward(group)) if scale else 0.0
        assert for_loss(row).sum() == pytest.approx(
            evidence.n_tokens * evidence.advantage + extra, abs=1e-6
        )


def mean_reward(group):
    return float(np.mean([evidence.reward for evidence in group]))


def test_grpo_lambda_by_hand():
    # gamma lambda = 1/2, T = 3. "recent": e_0 = 1 + 1/2 + 1/4, e_1 = 1 + 1/2, e_2 = 1.
    # "both": w_{u,l} = max(2^-l, 2^-(u-l)): w_00 = 1; w_10 = 1, w_11 = 1; w_20 = 1, w_21 = 1/2,
    # w_22 = 1; so e_0 = w_00 + w_11 + w_22 = 3, e_1 = w_10 + w_21 = 3/2, e_2 = w_20 = 1.
    group = [Evidence([1, 2, 3], 1.0, 3.0, "correct"), Evidence([1, 2, 3], 0.0, -3.0, "logic")]
    recent = rows(group, "grpo-lambda", trace_decay=0.5)
    assert np.allclose(recent[0], [1.75, 1.5, 1.0])
    assert np.allclose(recent[1], np.array([1.75, 1.5, 1.0]) * -0.1 / 3)  # A_i clamped to -0.1
    both = rows(group, "grpo-lambda", trace_decay=0.5, trace="both")
    assert np.allclose(both[0], [3.0, 1.5, 1.0])


def test_grpo_lambda_is_the_gradient_of_the_traced_ratio():
    # J = (1/T) sum_u A exp(sum_l w_{u,l} x_{u-l}) at x = 0, differentiated by finite differences.
    n, decay, h = 5, 0.8, 1e-6
    w = {"recent": lambda u, k: decay**k, "both": lambda u, k: max(decay**k, decay ** (u - k))}
    for style, weight in w.items():

        def objective(x, weight=weight):
            exponents = [sum(weight(u, k) * x[u - k] for k in range(u + 1)) for u in range(n)]
            return 2.0 * np.exp(exponents).sum() / n

        steps = np.eye(n) * h
        gradient = [(objective(step) - objective(-step)) / (2 * h) for step in steps]
        group = [Evidence(range(n), 1.0, 2.0, "correct")]
        found = rows(group, "grpo-lambda", trace_decay=decay, trace=style)[0]
        assert np.allclose(found, gradient, rtol=1e-6)


def test_soft_by_hand():
    # Four statements of one token, the second at fault, tau = 1/ln 2: weights 2^-d = 1/2, 1, 1/2,
    # 1/4, which sum to 9/4; A_i = -9 gives -2, -4, -2, -1.
    statements = [[0], [1], [2], [3]]
    group = [Evidence(range(4), 0.0, -9.0, "logic", located=[1], statements=statements)]
    assert np.allclose(rows(group, "soft", temperature=1 / math.log(2)), [[-2, -4, -2, -1]])
    assert np.allclose(rows(group, "soft", temperature=0.0), [[0, -9, 0, 0]])
    assert np.allclose(rows(group, "soft", temperature=math.inf), [[-2.25] * 4])


def test_soft_counts_statements_and_not_tokens():
    # Statements {0, 1}, {2}, {4}; token 3 is nearest to 2 and 4 alike and goes with the earlier.
    group = [Evidence(range(5), 0.0, -1.0, "logic", located=[4], statements=[[0, 1], [2], [4]])]
    row = rows(group, "soft", temperature=1 / math.log(2))[0]  # d = 2, 2, 1, 1, 0
    assert np.allclose(row, -np.array([1 / 4, 1 / 4, 1 / 2, 1 / 2, 1]) / 2.5)


def test_stepcoder_shares_among_what_was_executed():
    group = [Evidence(range(5), 1.0, 3.0, "correct", executed=[0, 2, 2, 4])]
    assert np.allclose(rows(group, "stepcoder"), [[1, 0, 1, 0, 1]])


def test_rltf_blames_by_kind():
    def row(cause, exception):
        evidence = Evidence(range(2), 0.0, -1.0, "syntax", cause, exception, located=[1])
        return rows([evidence], "rltf")[0].tolist()

    assert row(Cause.EXCEPTION, "IndexError") == pytest.approx([-0.5, -0.65])
    assert row(Cause.EXCEPTION, "RecursionError") == pytest.approx([-0.65, -0.65])
    assert row(Cause.EXCEPTION, "RuntimeError") == pytest.approx([-0.5, -0.5])
    assert row(Cause.COMPILE, "SyntaxError") == pytest.approx([-0.5, -0.65])
    assert row(Cause.WRONG_OUTPUT, "") == pytest.approx([-0.5, -0.5])
    assert error_kind(Cause.TIMEOUT, "") is Kind.GLOBAL
    assert error_kind(Cause.TIMEOUT, "RuntimeError") is Kind.GLOBAL  # only errors have a line
    assert error_kind(Cause.WRONG_OUTPUT, "") is Kind.IGNORE


def test_rewards_follow_the_sources():
    found = {
        name: [
            reward(Cause.NONE, 1.0),
            reward(Cause.WRONG_OUTPUT, 0.5),
            reward(Cause.TIMEOUT, 0.5),
            reward(Cause.COMPILE, 0.0),
        ]
        for name, reward in REWARDS.items()
    }
    assert found["binary"] == [1, 0, 0, 0]
    assert found["graded"] == [1, -0.3, -0.6, -1]
    assert found["graded_and_adaptive"] == pytest.approx([2, 0.05, -0.25, -1.3])
    assert {strategy.reward for strategy in STRATEGIES.values()} <= set(REWARDS)


@pytest.mark.parametrize("share", [-0.1, 1.1, 2.0])
@pytest.mark.parametrize("name", REWARDS)
def test_a_share_lies_between_0_and_1(name, share):
    with pytest.raises(CreditError, match="between 0 and 1"):
        REWARDS[name](Cause.NONE, share)


def test_the_cap_spreads_the_rest_of_a_span_evenly_over_the_others():
    # Four of 100 tokens at multiplier 25, capped to 4: each keeps 4/100, the others share 0.84.
    group = [Evidence(range(100), 0.0, -1.0, "logic", located=[10, 11, 12, 13])]
    credit = assign(group, "egca-cap", options=Options(cap=4.0))[0]
    assert credit.max_multiplier == pytest.approx(4.0)
    assert np.allclose(credit.advantages[10:14], -0.04)
    assert np.allclose(np.delete(credit.advantages, range(10, 14)), -0.84 / 96)


@pytest.mark.parametrize("n_tokens", [1, 7, 1_000, 100_000])
def test_a_cap_of_one_is_uniform(n_tokens):
    ramp = np.arange(1.0, n_tokens + 1) / np.arange(1.0, n_tokens + 1).sum()
    for weights in (np.eye(1, n_tokens, n_tokens // 2)[0], ramp):
        assert np.allclose(capped(weights, 1.0), 1 / n_tokens, rtol=1e-6)


def test_contrast_lowers_the_wrong_tokens_and_raises_the_right_ones():
    repair = TokenRepair(1, 3, (8, 9, 7))
    evidence = Evidence([5, 6, 7, 8], 0.0, -3.0, "logic", located=[0, 1, 2], repair=repair)
    credit = assign([evidence], "egca-contrast")[0]
    assert credit.advantages.tolist() == [0, -1.5, -1.5, 0]
    assert credit.contrast.prefix_length == 1
    assert credit.contrast.token_ids == (8, 9, 7)
    assert credit.contrast.advantages.tolist() == [1, 1, 1]
    # Under a loss that divides by a common length both sides still weigh the same.
    raised = for_loss(credit.contrast.advantages, "token", n_tokens=evidence.n_tokens)
    assert raised.sum() == -for_loss(credit.advantages, "token").sum()


PIECES = ["def", " f", "(", "x", ")", ":", " return", " x", " +", " -", " 1", "1", "\n"]


def encode(text):
    """The longest piece first, as a tokenizer without merges would."""
    ids = []
    while text:
        best = max((p for p in PIECES if text.startswith(p)), key=len)
        ids.append(PIECES.index(best))
        text = text[len(best) :]
    return ids


@pytest.mark.parametrize(
    ("old", "new", "wrong", "right"),
    [
        (" -", " +", [" -"], [" +"]),
        ("-", "+", [" -"], [" +"]),  # half a token is the whole token
        (" x - 1", " x + 1", [" -"], [" +"]),  # what both sides share is left out
        (" - 1", "", [" -", " 1", "\n"], ["\n"]),  # held against what comes next
        (" x", " x + 1", [" -"], [" +", " 1", " -"]),  # likewise
    ],
)
def test_a_repair_of_characters_as_tokens(old, new, wrong, right):
    text = " return x - 1\n"
    ids = encode(text)
    ends = np.cumsum([len(PIECES[i]) for i in ids]).tolist()
    offsets = list(zip([0, *ends], ends, strict=False))
    start = text.index(old)
    repair = token_repair(ids, offsets, text, (start, start + len(old)), new, encode)
    assert [PIECES[i] for i in ids[repair.start : repair.end]] == wrong
    assert [PIECES[i] for i in repair.token_ids] == right
    # In the context of the prefix, the repair reads as the repaired text does.
    repaired = text[:start] + new + text[start + len(old) :]
    head = "".join(PIECES[i] for i in ids[: repair.start])
    assert repaired.startswith(head + "".join(PIECES[i] for i in repair.token_ids))


def test_tokens_that_both_sides_end_with_are_left_out():
    text = " return x - 1 + x\n"
    ids = encode(text)
    ends = np.cumsum([len(PIECES[i]) for i in ids]).tolist()
    offsets = list(zip([0, *ends], ends, strict=False))
    for new, right in ((" + 1 + x", [" +"]), (" + 1 - 1 + x", [" +", " 1", " -"])):
        repair = token_repair(ids, offsets, text, (9, 17), new, encode)
        assert [PIECES[i] for i in ids[repair.start : repair.end]] == [" -"]
        assert [PIECES[i] for i in repair.token_ids] == right


def test_the_rest_of_a_touched_token_is_written_again():
    def letters(text):
        return [ord(letter) for letter in text]

    repair = token_repair([1, 2], [(0, 4), (4, 6)], "abcdef", (0, 2), "xy", letters)
    assert repair == TokenRepair(0, 1, tuple(letters("xycd")))
    repair = token_repair([1, 2], [(0, 4), (4, 6)], "abcdef", (1, 5), "x", letters)
    assert repair == TokenRepair(0, 2, tuple(letters("axf")))


def test_a_removal_at_the_very_end_has_no_token_to_raise():
    offsets = [(0, 7), (7, 9)]
    assert token_repair([6, 7], offsets, " return x", (7, 9), "", encode) is None
    assert token_repair([6, 7], offsets, " return x", (9, 10), "x", encode) is None
    assert token_repair([6, 7], offsets, " return x", (7, 9), " x", encode) is None  # no change


def test_a_cap_on_several_strong_tokens_by_hand():
    """The strongest is at the bound of 0.4; the level 1/15 keeps the sum."""
    found = capped(np.array([0.6, 0.3, 0.1, 0.0]), 1.6)
    assert np.allclose(found, [0.4, 0.3 + 1 / 15, 0.1 + 1 / 15, 1 / 15])
    two = capped(np.array([0.5, 0.4, 0.1, 0.0]), 1.2)
    assert np.allclose(two, [0.3, 0.3, 0.25, 0.15])


def test_what_is_raised_is_not_masked():
    raised = Evidence([5, 6, 7, 8], 0.5, 0.5, "logic", located=[1])
    for name in ("egca-mask", "egca", "soft", "egca-cap"):
        assert rows([raised], name)[0].tolist() == [0.125] * 4


def test_seeds_wrap():
    group = [Evidence(list(range(50)), 0.0, -1.0, "logic", located=[3, 4])]
    found = [
        assign(group, "random-span", seed=seed)[0].advantages.tolist()
        for seed in (5, 5 + 2**64, 5 - 2**64, 6)
    ]
    assert found[0] == found[1] == found[2]
    assert found[0] != found[3]


def test_what_a_log_is_told_of_the_smallest_credit():
    (credit,) = assign([Evidence([5, 6], 1.0, 1e-200, "correct")], "uniform")
    assert (credit.n_effective, credit.max_multiplier, credit.mode) == (2.0, 1.0, Mode.CORRECT)


def test_the_number_of_tokens_that_carry_credit():
    """(1 + 1/2)^2 / (1 + 1/4), and none where nothing is."""
    half = Strategy(lambda g, c: [np.array([-1.0, -0.5, 0.0])], "half", "", conserves=False)
    none = Strategy(lambda g, c: [np.zeros(3)], "none", "", conserves=False)
    group = [Evidence([5, 6, 7], 0.0, -1.0, "logic")]
    assert assign(group, half)[0].n_effective == pytest.approx(1.8)
    assert assign(group, none)[0].n_effective == 0
