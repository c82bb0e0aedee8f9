"""Laws of every rule: what it conserves, that the order of a group is none of its business."""

from dataclasses import fields, replace

import numpy as np
import pytest
from groups import groups
from hypothesis import given, settings
from hypothesis import strategies as st

from egca.credit import (
    STRATEGIES,
    Context,
    Evidence,
    Fallback,
    Need,
    Options,
    Strategy,
    assign,
    find_strategy,
    for_loss,
)
from egca.errors import CreditError
from egca.types import Mode

CONSERVING = [name for name, strategy in STRATEGIES.items() if strategy.conserves]
EVERY = pytest.mark.parametrize("name", STRATEGIES)
BRIEFLY = settings(max_examples=15, deadline=None)  # of each rule
OPTIONS = st.builds(
    Options,
    cap=st.floats(1, 20),
    temperature=st.sampled_from([0.0, 0.3, 2.0, float("inf")]),
    trace_decay=st.floats(0, 1),
    trace=st.sampled_from(["recent", "both"]),
)
FIELDS = {  # what of the evidence each need fills
    Need.LOCATION: ["located"],
    Need.LATE: ["late"],
    Need.UNCONFIRMED: ["unconfirmed"],
    Need.EXCEPTIONS: ["exception_located"],
    Need.STATEMENTS: ["statements"],
    Need.EXECUTED: ["executed"],
    Need.STEPS: ["statements", "steps", "dies_at"],
    Need.REPAIR: ["repair"],
}
DEFAULTS = {field.name: field.default for field in fields(Evidence)}


def rows(group, name, **given_):
    return [credit.advantages for credit in assign(group, name, **given_)]


@pytest.mark.parametrize("name", CONSERVING)
@BRIEFLY
@given(group=groups(), options=OPTIONS)
def test_credit_is_conserved(group, name, options):
    for evidence, row in zip(group, rows(group, name, options=options), strict=True):
        assert row.sum() == pytest.approx(evidence.advantage, abs=1e-9)
        assert for_loss(row).mean() == pytest.approx(evidence.advantage, abs=1e-9)


@EVERY
@BRIEFLY
@given(group=groups(min_size=2), options=OPTIONS, seed=st.integers(0, 9), random=st.randoms())
def test_permuting_a_group_permutes_its_credit(group, name, options, seed, random):
    order = list(range(len(group)))
    random.shuffle(order)
    straight = rows(group, name, options=options, seed=seed)
    mixed = rows([group[i] for i in order], name, options=options, seed=seed)
    for row, i in zip(mixed, order, strict=True):
        assert np.allclose(row, straight[i], atol=1e-9)


@EVERY
@BRIEFLY
@given(group=groups())
def test_a_rule_reads_only_what_it_says_it_needs(group, name):
    """Evidence that was not asked for changes nothing, so a trainer need not compute it."""
    strategy = STRATEGIES[name]
    bare = []
    for evidence in group:
        wanted = strategy.wanted(evidence.mode, evidence.advantage)
        kept = {field for need in wanted for field in FIELDS[need]}
        lost = {field for names in FIELDS.values() for field in names} - kept
        bare.append(replace(evidence, **{field: DEFAULTS[field] for field in lost}))
    for full, poor in zip(assign(group, name), assign(bare, name), strict=True):
        assert np.allclose(full.advantages, poor.advantages)
        assert full.fallback is poor.fallback or poor.fallback is not None
        assert (full.contrast is None) == (poor.contrast is None)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "rltf"])
@BRIEFLY
@given(group=groups(rewards=(0.0,)) | groups(rewards=(1.0,)))
def test_a_group_without_a_signal_gets_none_and_asks_for_nothing(group, name):
    # Not of rltf: its fine feedback is absolute.
    assert not any(STRATEGIES[name].wanted(e.mode, e.advantage) for e in group)
    assert not any(row.any() for row in rows(group, name))


@pytest.mark.parametrize("name", [name for name, s in STRATEGIES.items() if s.place])
@BRIEFLY
@given(group=groups())
def test_a_place_gets_all_of_a_failure_or_the_fallback_says_why(group, name):
    place = STRATEGIES[name].place
    for evidence, credit in zip(group, assign(group, name), strict=True):
        tokens = place(evidence)
        plain = np.full(evidence.n_tokens, evidence.advantage / evidence.n_tokens)
        if tokens is None or credit.fallback:
            assert np.allclose(credit.advantages, plain)
            assert credit.contrast is None
        elif name == "egca-mask":
            outside = np.setdiff1d(np.arange(evidence.n_tokens), tokens)
            assert not credit.advantages[outside].any()
            assert np.allclose(credit.advantages[list(tokens)], plain[0])
        elif name not in ("random-span", "soft", "egca-cap"):
            outside = np.setdiff1d(np.arange(evidence.n_tokens), tokens)
            assert not credit.advantages[outside].any()
            assert credit.n_effective == pytest.approx(len(set(tokens)))


@given(groups(), st.integers(0, 99))
def test_a_random_span_is_as_wide_as_the_located_one(group, seed):
    for evidence, credit in zip(group, assign(group, "random-span", seed=seed), strict=True):
        if credit.fallback is None and evidence.mode in (Mode.SYNTAX, Mode.LOGIC):
            touched = np.flatnonzero(credit.advantages)
            assert touched.size == len(set(evidence.located))
            assert np.array_equal(touched, np.arange(touched[0], touched[-1] + 1))
            starts = [min(statement) for statement in evidence.statements]
            last = evidence.n_tokens - touched.size
            assert not starts or touched[0] in [min(start, last) for start in starts]


def test_a_random_span_depends_on_the_seed_and_reaches_every_statement():
    group = [Evidence([5] * 6, 0.0, -1.0, "logic", located=[3], statements=[[0], [2], [4]])]
    places = {int(np.argmin(rows(group, "random-span", seed=seed)[0])) for seed in range(40)}
    assert places == {0, 2, 4}


@given(groups(), st.floats(1, 20))
def test_the_cap_bounds_the_multiplier(group, cap):
    for credit in assign(group, "egca-cap", options=Options(cap=cap)):
        assert credit.max_multiplier <= cap * (1 + 1e-9)


@given(groups())
def test_at_its_ends_a_rule_is_another(group):
    soft = Options(temperature=float("inf"))
    assert all(map(np.allclose, rows(group, "soft", options=soft), rows(group, "uniform")))
    one = Options(cap=1.0)
    assert all(map(np.allclose, rows(group, "egca-cap", options=one), rows(group, "uniform")))
    huge = Options(cap=1e9)
    assert all(map(np.allclose, rows(group, "egca-cap", options=huge), rows(group, "egca")))
    # Without a trace each token is credited for itself: GRPO with A_i clamped.
    none = Options(trace_decay=0.0, lowest_advantage=float("-inf"))
    assert all(map(np.allclose, rows(group, "grpo-lambda", options=none), rows(group, "uniform")))
    free = Options(fine_reward=0.0)
    assert all(map(np.allclose, rows(group, "rltf", options=free), rows(group, "uniform")))


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
    evidence = Evidence([5, 6, 7, 8], 0.0, advantage, mode, located=located)
    assert assign([evidence])[0].fallback is expected
    assert assign([evidence], "uniform")[0].fallback is None


def test_multiplier_and_effective_number_of_tokens():
    one = Evidence(range(64), 0.0, -1.0, "logic", located=[5])
    two = replace(one, located=[5, 6])
    right = Evidence(range(64), 1.0, 1.0, "correct")
    found = assign([one, two, right])
    assert [credit.max_multiplier for credit in found] == [64, 32, 1]
    assert [credit.n_effective for credit in found] == pytest.approx([1, 2, 64])


def test_what_is_asked_of_whom():
    asked = STRATEGIES["egca"].wanted
    assert asked(Mode.LOGIC, -0.5) == asked(Mode.SYNTAX, -0.5) == {Need.LOCATION}
    assert not asked(Mode.LOGIC, 0.0) | asked(Mode.LOGIC, 0.5) | asked(Mode.CONSTRAINT, -0.5)
    assert STRATEGIES["egca-no-gate"].wanted(Mode.CONSTRAINT, -0.5) == {Need.LOCATION}
    assert STRATEGIES["survival"].wanted(Mode.CORRECT, 0.5) == {Need.STEPS}
    assert not STRATEGIES["uniform"].needs
    assert [name for name, s in STRATEGIES.items() if not s.constraints] == ["egca-no-constraints"]


def first_token(group, context: Context):
    """All of A_i on the first token.

    Of every completion."""
    return [evidence.advantage * np.eye(evidence.n_tokens)[0] for evidence in group]


whole = Strategy(first_token, "first token", "here")
broken = Strategy(lambda group, context: [np.ones(e.n_tokens) for e in group], "ones", "here")


def test_a_strategy_from_outside():
    group = [Evidence([5, 6, 7], 0.0, -1.0, "logic", located=[2])]
    for name in (f"{__name__}:first_token", f"{__name__}:whole"):
        assert rows(group, name)[0].tolist() == [-1, 0, 0]
    bare = find_strategy(f"{__name__}:first_token")
    assert bare.label == "All of A_i on the first token."
    assert bare.source == f"{__name__}:first_token"
    assert bare.conserves is False
    assert bare.wanted(Mode.LOGIC, -1.0) == {Need.LOCATION, Need.STATEMENTS}
    assert Need.STATEMENTS in bare.wanted(Mode.SYNTAX, -1.0)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("egca_cap", "did you mean 'egca-cap'"),
        ("nothing", "there are uniform, egca"),
        ("no.such:rule", "no credit strategy 'no.such:rule'"),
        ("numpy:no_such", "no credit strategy"),
        ("numpy:pi", "neither a Strategy nor a function"),
        (f"{__name__}:broken", f"'{__name__}:broken' must keep the sum -1"),
        (
            Strategy(lambda g, c: [np.full(3, -0.3334)], "off", ""),
            "'off' must keep the sum -1, got",
        ),
        (Strategy(lambda g, c: [np.zeros(3)] * 2, "two", ""), "'two' gave 2 rows for 1"),
        (Strategy(lambda g, c: [], "none", ""), "gave 0 rows for 1"),
        (Strategy(lambda g, c: [np.ones(2)], "short", "", conserves=False), "3 finite numbers"),
        (Strategy(lambda g, c: [np.full(3, np.nan)], "nan", "", conserves=False), "3 finite"),
    ],
)
def test_a_wrong_strategy_is_refused(strategy, message):
    with pytest.raises(CreditError, match=message):
        assign([Evidence([5, 6, 7], 0.0, -1.0, "logic")], strategy)


def test_rounding_of_a_large_sum_is_let_pass():
    """An advantage of a thousand is kept to a thousandth, one below 1 to a millionth."""
    rough = Strategy(lambda g, c: [np.full(3, e.advantage / 3 + 1e-5) for e in g], "rough", "")
    assign([Evidence([5, 6, 7], 1.0, 1e3, "correct")], rough)
    with pytest.raises(CreditError, match="'rough' must keep the sum"):
        assign([Evidence([5, 6, 7], 1.0, 0.1, "correct")], rough)


def test_an_empty_group_is_refused():
    with pytest.raises(CreditError, match="at least one completion"):
        assign([])
