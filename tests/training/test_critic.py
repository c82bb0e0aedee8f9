"""REINFORCE++ and PPO: token advantages by hand, and a critic that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import are_same, killed_and_resumed, timeless  # noqa: E402

from egca.errors import InputError  # noqa: E402
from egca.training import checkpoint  # noqa: E402
from egca.training.config import Model, Objective, Optimizer, load_config  # noqa: E402
from egca.training.critic import Critic, CriticUpdater  # noqa: E402
from egca.training.distributed import Replica, World  # noqa: E402
from egca.training.metrics import Means  # noqa: E402
from egca.training.policy import Policy, load_policy  # noqa: E402
from egca.training.returns import token_advantages  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.training.supervised import supervised_row  # noqa: E402
from egca.training.update import Row, Totals, tokens_for  # noqa: E402


@pytest.fixture
def policy(student: Path) -> Policy:
    return load_policy(Model(name=str(student)), "cpu")


def row_of(first: int, n: int, reward: float) -> Row:
    completion = [first + i for i in range(n)]
    return Row([7, first], completion, np.zeros(n, dtype=np.float32), n, reward=reward)


def updater_of(critic: Critic, policy: Policy, budget: int = 10_000) -> CriticUpdater:
    objective = Objective(name="ppo", critic_learning_rate=3e-3)
    return CriticUpdater(policy, Replica(critic), objective, Optimizer(), micro_batch_tokens=budget)


def totals_of(rows: list[Row]) -> Totals:
    return Totals(len(rows), sum(len(row.completion) for row in rows), 12)


def test_a_critic_begins_at_zero_with_the_trunk_of_the_policy(policy) -> None:
    critic = Critic(policy)
    tokens = tokens_for([row_of(20, 3, 1.0), row_of(30, 2, 0.0)], policy)
    assert torch.equal(critic(tokens), torch.zeros(2, 3))
    wanted = policy.model.model(input_ids=tokens.ids).last_hidden_state
    assert torch.equal(critic.trunk(input_ids=tokens.ids).last_hidden_state, wanted)
    assert critic.trunk is not policy.model.model


@pytest.mark.parametrize("budget", [10_000, 5])
def test_the_gradient_of_the_head_is_that_of_the_squared_error(policy, budget: int) -> None:
    """With values 0: minus the mean over sequences and their tokens of R h, by hand."""
    critic = Critic(policy)
    rows = [row_of(20, 3, 1.0), row_of(30, 2, -1.0)]
    for row in rows:
        row.old_values = torch.zeros(len(row.completion))
        row.returns = torch.arange(1.0, len(row.completion) + 1) * row.reward
    captured: dict[str, torch.Tensor] = {}
    for name, parameter in critic.head.named_parameters():
        parameter.register_hook(
            lambda g, name=name: captured.update({name: captured.get(name, 0) + g})
        )
    before = critic.trunk
    tokens = tokens_for(rows, policy)
    hidden = before(input_ids=tokens.ids).last_hidden_state.detach()
    updater_of(critic, policy, budget).update(rows, totals_of(rows), Means(), 1.0)
    bias, weight = 0.0, torch.zeros(hidden.shape[-1])
    for i, row in enumerate(rows):
        n = len(row.completion)
        for t in range(n):
            factor = float(row.returns[t]) / (2 * n)
            bias -= factor
            weight -= factor * hidden[i, len(row.prompt) - 1 + t]
    assert float(captured["bias"]) == pytest.approx(bias, abs=1e-6)
    torch.testing.assert_close(captured["weight"][0], weight, rtol=1e-4, atol=1e-6)


def test_a_critic_learns_a_fixed_return(policy) -> None:
    rows = [row_of(20, 4, 1.0), row_of(40, 3, 0.0), row_of(60, 5, -0.5)]
    updater = updater_of(Critic(policy), policy)
    objective = Objective(name="ppo", beta=0.0, lam=1.0)
    errors = []
    for _ in range(60):
        updater.prepare(rows)
        errors.append(max(float((row.old_values - row.reward).abs().max()) for row in rows))
        token_advantages(rows, objective, World())
        updater.update(rows, totals_of(rows), Means(), 1.0)
    assert errors[0] == 1.0
    assert errors[-1] < 0.1


def test_advantages_of_ppo_by_hand() -> None:
    rows = [row_of(20, 2, 1.0), row_of(40, 1, 0.0)]
    for row, values, gap in zip(rows, ([0.5, 0.25], [0.5]), ([0.1, -0.2], [0.3]), strict=True):
        row.old_values = torch.tensor(values)
        row.ref_logprobs = torch.zeros(len(gap)) - 1.0
        row.old_logprobs = row.ref_logprobs + torch.tensor(gap)
    token_advantages(rows, Objective(name="ppo", beta=0.5, lam=0.5), World())
    # deltas: -0.05 + 0.25 - 0.5 = -0.3; 1 + 0.1 - 0.25 = 0.85; 0 - 0.15 - 0.5 = -0.65
    raw = np.array([-0.3 + 0.5 * 0.85, 0.85, -0.65])
    white = (raw - raw.mean()) / raw.std()
    np.testing.assert_allclose(np.concatenate([row.advantages for row in rows]), white, atol=1e-5)
    np.testing.assert_allclose(rows[0].returns.numpy(), [0.125 + 0.5, 0.85 + 0.25], atol=1e-6)


def test_advantages_of_reinforce_by_hand() -> None:
    rows = [row_of(20, 2, 1.0), row_of(40, 1, 0.0)]
    for row, gap in zip(rows, ([0.1, -0.2], [0.3]), strict=True):
        row.ref_logprobs = torch.zeros(len(gap)) - 1.0
        row.old_logprobs = row.ref_logprobs + torch.tensor(gap)
    token_advantages(rows, Objective(name="reinforce++", beta=0.5), World())
    raw = np.array([1.0 + 0.05, 1.0 + 0.1, -0.15])
    white = (raw - raw.mean()) / raw.std()
    np.testing.assert_allclose(np.concatenate([row.advantages for row in rows]), white, atol=1e-5)


@pytest.mark.parametrize("name", ["ppo", "reinforce++"])
def test_lessons_keep_their_weights_and_have_no_value(policy, name: str) -> None:
    objective = Objective(name=name, beta=0.0)
    found, losses = [], []
    for lessons in ([], [supervised_row([7], [20, 21, 1], 2.0)]):
        rows = [*lessons, row_of(20, 2, 1.0), row_of(40, 3, 0.0)]
        if objective.has_critic:
            updater_of(Critic(policy), policy).prepare(rows)
        token_advantages(rows, objective, World())
        found.append(np.concatenate([row.advantages for row in rows[len(lessons) :]]))
        for lesson in lessons:
            assert lesson.advantages.tolist() == [2.0, 2.0, 2.0]
            assert lesson.old_values is lesson.returns is None
        if objective.has_critic:
            means = Means()
            updater_of(Critic(policy), policy).update(rows, Totals(2, 5, 12), means, 1.0)
            losses.append(means.values()["value_loss"])
    np.testing.assert_array_equal(*found)
    assert len(set(losses)) == int(objective.has_critic)


def config_with(options: dict[str, object], **more: object):
    changes = {name.replace("__", "."): value for name, value in more.items()}
    return load_config("tiny", changes={**options, "credit.strategy": "uniform", **changes})


@pytest.mark.parametrize("name", ["ppo", "reinforce++"])
def test_runs_are_resumed_to_the_bit(options, tmp_path: Path, name: str) -> None:
    more = {"objective__name": name, "objective__beta": 0.05, "objective__minibatches": 2,
            "objective__num_iterations": 2, "optimizer__schedule": "linear",
            "steps": 3}  # fmt: skip
    config = config_with(options, **more)
    train(config, tmp_path / "whole")

    assert killed_and_resumed(config, tmp_path / "killed", 1).resumed_at == 1
    lines = timeless(tmp_path / "whole")
    assert timeless(tmp_path / "killed") == lines
    assert ("value_loss" in lines[0]) == (name == "ppo")
    states = [checkpoint.load_last(tmp_path / n / "checkpoints") for n in ("whole", "killed")]
    for part in ["policy", "critic"] if name == "ppo" else ["policy"]:
        assert are_same(*(state[part]["weights"] for state in states))


def test_credit_rules_do_not_go_with_token_advantages(options) -> None:
    with pytest.raises(InputError, match=r"credit.strategy egca would .*--credit uniform"):
        config_with(options, objective__name="ppo", credit__strategy="egca")
