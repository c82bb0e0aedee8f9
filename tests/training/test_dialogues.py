"""RLEF: a turn sees the feedback of the one before, private tests decide, turns have one value."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import are_same, killed_and_resumed, timeless  # noqa: E402

from egca.errors import InputError  # noqa: E402
from egca.problems.generated import FAMILIES  # noqa: E402
from egca.training import checkpoint  # noqa: E402
from egca.training import dialogues as rlef  # noqa: E402
from egca.training.config import Model, Objective, Optimizer, load_config  # noqa: E402
from egca.training.critic import Critic, CriticUpdater  # noqa: E402
from egca.training.dialogues import Turn, turns_of  # noqa: E402
from egca.training.distributed import Replica, World  # noqa: E402
from egca.training.metrics import Means, read_metrics  # noqa: E402
from egca.training.policy import Policy, Scorer, load_policy  # noqa: E402
from egca.training.returns import token_advantages  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.training.turns import n_at_k  # noqa: E402
from egca.training.update import Row, Totals, Updater, plan, tokens_for  # noqa: E402

OPTIONS = {
    "objective.name": "rlef", "credit.strategy": "uniform", "objective.beta": 0.05,
    "objective.critic_learning_rate": 1e-3, "dialogue.n_public": 4, "steps": 2,
    "rollout.num_generations": 4, "rollout.max_completion_length": 56,
}  # fmt: skip


@pytest.fixture
def policy(student: Path) -> Policy:
    return load_policy(Model(name=str(student)), "cpu")


def row_of(n: int, reward: float, value: float) -> Row:
    row = Row([1, 2], list(range(5, 5 + n)), np.zeros(n, dtype=np.float32), n, reward=reward)
    row.old_values = torch.full((n,), value)
    return row


@pytest.mark.parametrize(("wanted", "n_public"), [(3, 3), (10, 9), (99, 9)])
def test_one_test_at_least_stays_private(wanted: int, n_public: int) -> None:
    problem = FAMILIES["easy"].task("train", 3).problem
    assert len(problem.tests) == 10
    assert rlef.n_public_of(problem, wanted) == n_public


def test_the_tokens_of_a_turn_share_one_advantage_by_hand() -> None:
    first, second, other = row_of(3, -0.2, 0.5), row_of(2, 1.0, 0.25), row_of(4, -1.0, 0.0)
    first.following = second
    first.old_logprobs, first.ref_logprobs = torch.tensor([0.3, 0.6, 0.0]), torch.zeros(3)
    for row in (second, other):
        row.old_logprobs = row.ref_logprobs = torch.zeros(len(row.completion))
    objective = Objective(name="rlef", beta=0.1, lam=0.5)
    token_advantages([first, second, other], objective, World())
    penalised = -0.2 - 0.1 * 0.3  # the mean over the turn's tokens, not their sum
    late = 1.0 - 0.25
    early = (penalised + 0.25 - 0.5) + 0.5 * late
    raw = np.array([early] * 3 + [late] * 2 + [-1.0] * 4)
    white = (raw - raw.mean()) / raw.std()
    found = np.concatenate([row.advantages for row in (first, second, other)])
    assert found == pytest.approx(white, abs=1e-5)
    assert first.returns is not None
    assert float(first.returns[0]) == pytest.approx(early + 0.5)


def test_the_critic_learns_turns_and_no_other_token(policy) -> None:
    objective = Objective(name="rlef", critic_learning_rate=3e-3)
    critic = Critic(policy)
    updater = CriticUpdater(
        policy, Replica(critic), objective, Optimizer(), micro_batch_tokens=999
    )  # fmt: skip
    rows = [row_of(3, 1.0, 0.0), row_of(2, -1.0, 0.0)]
    rows[0].prompt, rows[1].prompt = [20, 21], [40, 41]
    for row in rows:
        row.returns = torch.full((len(row.completion),), row.reward)
        row.returns[1:] = 99.0  # whatever stands there is not learned
    errors = []
    for _ in range(40):
        updater.prepare(rows)
        assert rows[0].old_values is not None
        errors.append(sum(abs(float(row.old_values[0]) - row.reward) for row in rows))
        updater.update(rows, Totals(2, 5, 10), Means(), 1.0)
    assert errors[0] == pytest.approx(2.0)
    assert errors[-1] < 0.3


def dialogues_of() -> list[Row]:
    """Two dialogues about one problem: of three turns, whose second was cut off, and of one."""
    texts = [[20, 21, 22, 1], [30, 31, 32, 33, 34], [40, 41, 1]]
    prompts = [[7, 8, 9]]
    for said in (texts[0][:-1], texts[1]):  # without the end, if it has one
        prompts.append([*prompts[-1], *said, 50, 51])
    rows = [
        Row(prompt, text, np.full(len(text), 0.5 - i, dtype=np.float32), len(text))
        for i, (prompt, text) in enumerate(zip(prompts, texts, strict=True))
    ]
    rows[0].following, rows[1].following = rows[1], rows[2]
    rows.append(Row([7, 8, 9], [60, 61, 1], np.full(3, 2.0, dtype=np.float32), 3))
    return rows


def gradient_of(policy: Policy, rows: list[Row], budget: int, *, shares: bool) -> torch.Tensor:
    # In float32 sums taken in another order differ by about the bound that gradients are held to.
    policy = replace(policy, model=copy.deepcopy(policy.model).double())
    objective = Objective(name="rlef")
    replica = Replica(Scorer(policy.model, 0.8, shares_prompts=shares))
    updater = Updater(policy, replica, None, objective, micro_batch_tokens=budget)
    policy.model.zero_grad()
    updater.backward(rows, Totals(len(rows), 15, 8), Means())
    return torch.cat([one.grad.flatten() for one in policy.model.parameters()])


@pytest.mark.parametrize("budget", [1, 10_000])
@pytest.mark.parametrize("shares", [True, False])
def test_a_dialogue_read_once_has_the_gradient_of_its_turns(policy, budget: int, shares) -> None:
    rows = dialogues_of()
    apart = [replace(row, following=None) for row in rows]
    wanted = gradient_of(policy, apart, 1, shares=False)
    assert wanted.abs().max() > 1e-3
    found = gradient_of(policy, rows, budget, shares=shares)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_turns_stay_with_the_last_one_and_count_no_tokens() -> None:
    rows = dialogues_of()
    assert [len(batch) for batch in plan(rows, 1).batches] == [1, 3]
    read = rows[2].n_tokens + rows[3].n_tokens
    whole = plan(rows, 2 * rows[2].n_tokens)
    assert [len(batch) for batch in whole.batches] == [4]
    assert whole.waste == pytest.approx(1 - read / (2 * rows[2].n_tokens))


def test_the_critic_reads_prompts_alone_and_has_the_values_of_whole_turns(policy) -> None:
    critic = Critic(policy)
    torch.nn.init.normal_(critic.head.weight)
    critic.double()  # though Llama's norms and softmax stay in float32
    rows = dialogues_of()
    wanted = critic(tokens_for([replace(row, following=None) for row in rows], policy))[:, 0]
    objective = Objective(name="rlef", critic_learning_rate=1e-3)
    updater = CriticUpdater(
        policy, Replica(critic), objective, Optimizer(), micro_batch_tokens=10_000
    )
    updater.prepare(rows)
    found = torch.cat([row.old_values for row in rows])
    torch.testing.assert_close(found, wanted.detach(), rtol=1e-4, atol=1e-6)
    assert len(tokens_for(rows, policy, n=1).read()[0]) == 1  # the prompt of the last turn
    gradients = []
    for row in rows:
        row.returns = torch.full((len(row.completion),), row.advantages[0].item())
    loss = updater._loss(rows, Totals(len(rows), 15, 8), Means())
    returns = torch.stack([row.returns[0] for row in rows])
    by_hand = 0.5 * (wanted - returns).square().mean()
    for one in (loss, by_hand):
        grads = torch.autograd.grad(one, [*critic.parameters()], allow_unused=True)
        gradients.append(torch.cat([g.flatten() for g in grads if g is not None]))
    found, wanted = gradients
    scale = wanted.abs().max().item()  # single precision is a share of the largest terms
    assert scale > 1e-3
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 3), (2, 3), (3, 5)])
def test_n_at_k_is_the_mean_over_all_draws(n: int, k: int) -> None:
    outcomes = [(True, True), (True, False), (True, False), (False, False), (True, True)]
    rates = []
    for drawn in combinations(outcomes, k):
        passing = [is_right for passes, is_right in drawn if passes]
        picks = list(combinations(passing, min(n, len(passing))))
        rates.append(sum(any(pick) for pick in picks) / len(picks))
    assert n_at_k(outcomes, n, k) == pytest.approx(sum(rates) / len(rates))


def test_dialogues_of_a_run(options, problems, policy, tmp_path: Path) -> None:
    held_out = {"evaluation.dataset": str(problems), "evaluation.every": 2, "evaluation.limit": 2}
    config = load_config("tiny", changes={**options, **OPTIONS, **held_out})
    seen: list[Turn] = []

    def look(step, metrics, groups) -> None:
        for group in groups:
            dialogues = turns_of(group)
            assert len(dialogues) == 4
            assert all(len(dialogue) <= 3 for dialogue in dialogues)
            seen.extend(group)

    train(config, tmp_path / "whole", listeners=[look])
    assert any(turn.number > 1 for turn in seen)
    for turn in seen:
        problem = turn.task.problem
        if turn.before is not None:
            said = policy.decode(turn.prompt)
            assert turn.before.said
            told = policy.decode(policy.encode("\n".join(turn.before.said), special=False))
            assert turn.before.text + told in said
            assert said.endswith(f"{problem.prompt}\n")
            assert not turn.before.is_last
        if turn.is_last:
            assert turn.reward == (1.0 if turn.passes_private else -1.0)
            assert turn.number == 3 or not turn.said
    lines = timeless(tmp_path / "whole")
    assert lines[0]["turn_3_solved"] >= lines[0]["turn_1_solved"]
    assert {"turn_1_wrong_output", "turn_2_chrf", "dialogue_1_at_3", "value_loss"} <= set(lines[0])

    (evaluation,) = read_metrics(tmp_path / "whole" / "evaluations.jsonl")
    found = evaluation["dialogues"]
    assert found["turn_1_made"] == 1.0
    assert found["dialogue_1_at_3"] <= found["turn_3_solved"]
    assert 0.0 <= found["independent_1_at_3"] <= 1.0

    killed_and_resumed(config, tmp_path / "killed", 1)
    assert timeless(tmp_path / "killed") == lines
    mine, theirs = (checkpoint.load_last(tmp_path / n / "checkpoints") for n in ("killed", "whole"))
    for part in ("policy", "critic"):
        assert are_same(mine[part]["weights"], theirs[part]["weights"])


def test_random_feedback_is_that_of_another_problem(options, policy, tmp_path: Path) -> None:
    changes = {**OPTIONS, "dialogue.feedback": "random", "dialogue.turns": 2, "steps": 1}
    n_told = 0

    def sayable(text: str) -> str:
        return policy.decode(policy.encode(text, special=False))

    def look(step, metrics, groups) -> None:
        nonlocal n_told
        said = {group[0].task.key: {sayable("\n".join(one.said)) for one in group if one.said}
                for group in groups}  # fmt: skip
        for group in groups:
            key = group[0].task.key
            others = set().union(*(texts for other, texts in said.items() if other != key))
            for turn in group:
                if turn.before is not None:
                    told = policy.decode(turn.prompt).removesuffix(f"{turn.task.problem.prompt}\n")
                    told = told[told.index(turn.before.text) + len(turn.before.text) :].strip()
                    assert told in others or told == ""
                    n_told += told != ""

    train(load_config("tiny", changes={**options, **changes}), tmp_path / "run", listeners=[look])
    assert n_told


def test_what_does_not_go_together_is_refused(options) -> None:
    with pytest.raises(InputError, match="give --credit uniform"):
        load_config("tiny", changes={**options, **OPTIONS, "credit.strategy": "egca"})
    with pytest.raises(InputError, match="has no exercises"):
        load_config("tiny", changes={**options, **OPTIONS, "alignment.share": 0.4})
