"""Which rollouts a step learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from egca.credit import Options, find_strategy
from egca.problems import Example, Problem
from egca.training.assessment import Bench, Judged, Rules, task_of
from egca.training.config import Model
from egca.training.crediting import Crediting, Group, Rollout
from egca.training.places import Places
from egca.training.policy import Policy, load_policy
from egca.training.rollouts import Rollouts
from egca.training.sampling import Completion, PolicySampler
from egca.types import Cause, Mode

TEXT = "def f(x):\n  return y\n"
TASK = task_of(Problem("t/0", "f", (Example("one", (1,), expected=1),), reference=TEXT), None)


@pytest.fixture
def policy(student: Path) -> Policy:
    return load_policy(Model(name=str(student)), "cpu")


def all_alike(policy: Policy, crediting: Crediting) -> Group:
    """A group of which every program raises at its last statement."""
    ids = tuple(policy.encode(TEXT, special=False))
    place = TEXT.index("return"), len(TEXT) - 1
    group = []
    for number in range(3):
        completion = Completion(0, number, ids, (-1.0,) * len(ids), has_ended=True)
        rollout = Rollout(TASK, (1, 2), completion, policy.decode(ids))
        rollout.judged = Judged(Mode.SYNTAX, Cause.EXCEPTION, 0.0, "NameError")
        rollout.places = Places(place, place)
        group.append(rollout)
    crediting.advantages(group)
    crediting.credit(group, policy, seed=0)
    return group


@pytest.mark.parametrize(("strategy", "n_rows"), [("rltf", 3), ("egca", 0), ("uniform", 0)])
def test_a_step_without_a_kl_term_learns_from_all_that_has_credit(
    strategy: str, n_rows: int, policy: Policy
) -> None:
    crediting = Crediting(find_strategy(strategy), Options(), "sample", "statement")
    group = all_alike(policy, crediting)
    assert {rollout.advantage for rollout in group} == {0.0}
    sampler = PolicySampler(policy, max_tokens=8)
    with Bench(Rules(), 1) as bench:
        rollouts = Rollouts(policy, sampler, bench, crediting, 3, lambda: None)
        rows = rollouts.rows([group], is_all=False)
        assert len(rollouts.rows([group], is_all=True)) == 3
    assert len(rows) == n_rows
    for row in rows:  # what RLTF says of the line that an error names is no matter of siblings
        assert np.unique(row.advantages) == pytest.approx([-0.3, 0.0])
