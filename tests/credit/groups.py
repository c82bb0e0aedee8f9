"""Hypothesis groups of completions, with all the evidence that any rule reads."""

import itertools
from dataclasses import replace

from hypothesis import strategies as st

from egca.credit import Evidence, TokenRepair, group_advantages
from egca.types import Cause, Mode

FAILURES = {
    Mode.SYNTAX: [Cause.COMPILE, Cause.EXCEPTION],
    Mode.CONSTRAINT: [Cause.CONSTRAINT],
    Mode.LOGIC: [Cause.WRONG_OUTPUT, Cause.TIMEOUT],
}
EXCEPTIONS = st.sampled_from(["", "KeyError", "RecursionError", "RuntimeError"])


@st.composite
def completions(draw, reward):
    # Few ids, so that completions of a group share prefixes and some are equal.
    ids = draw(st.lists(st.integers(0, 2), min_size=1, max_size=12))
    n = len(ids)
    tokens = st.lists(st.integers(0, n - 1), max_size=4)
    mode = Mode.CORRECT if reward == 1 else draw(st.sampled_from(list(FAILURES)))
    edges = sorted(draw(st.sets(st.integers(0, n), max_size=6)))
    statements = [list(range(a, b)) for a, b in itertools.pairwise(edges)]
    step = st.none() | st.integers(0, 4)
    failed = reward != 1
    start = draw(st.integers(0, n - 1))
    repair = TokenRepair(start, draw(st.integers(start + 1, n)), (7, 8))
    return Evidence(
        ids,
        reward,
        0.0,
        mode,
        draw(st.sampled_from(FAILURES[mode])) if failed else Cause.NONE,
        draw(EXCEPTIONS) if failed else "",
        located=draw(tokens) if failed else (),
        late=draw(tokens),
        unconfirmed=draw(tokens),
        exception_located=draw(tokens),
        statements=statements,
        executed=draw(st.none() | tokens),
        steps=[draw(step) for _ in statements],
        dies_at=draw(step) if failed else None,
        repair=draw(st.none() | st.just(repair)) if failed else None,
    )


def with_advantages(members, scale="sample"):
    advantages = group_advantages([e.reward for e in members], len(members), scale=scale)
    return [replace(e, advantage=float(a)) for e, a in zip(members, advantages, strict=True)]


@st.composite
def groups(draw, rewards=(0.0, 0.25, 1.0), min_size=1):
    values = draw(st.lists(st.sampled_from(rewards), min_size=min_size, max_size=6))
    members = [draw(completions(reward)) for reward in values]
    return with_advantages(members, draw(st.sampled_from(["sample", "population", "none"])))
