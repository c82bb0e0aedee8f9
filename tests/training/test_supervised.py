"""Supervised post-training: what is learned, how much of it, and that a killed run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import are_same, killed_and_resumed, timeless, weights  # noqa: E402

from egca.training.config import Model, Objective, load_config  # noqa: E402
from egca.training.distributed import Replica  # noqa: E402
from egca.training.metrics import Means, read_metrics  # noqa: E402
from egca.training.policy import Policy, Scorer, load_policy  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.training.supervised import supervised_row, target_of  # noqa: E402
from egca.training.update import Totals, Updater, tokens_for  # noqa: E402

PROGRAM = "def f(values):\n    return len(values)\n"


@pytest.fixture
def policy(student: Path) -> Policy:
    return load_policy(Model(name=str(student)), "cpu")


def test_the_loss_is_the_cross_entropy_of_the_program(policy) -> None:
    target = target_of(PROGRAM, policy, "plain")
    assert policy.decode(target) == PROGRAM
    assert target[-1] in policy.ends
    row = supervised_row([5, 6, 7], target, 1.0)
    objective = Objective(name="sft")
    updater = Updater(policy, Replica(Scorer(policy.model)), None, objective, micro_batch_tokens=99)
    means = Means()
    updater.prepare([row])
    updater.backward([row], Totals(1, len(target), 144), means)
    mine = {name: p.grad.clone() for name, p in policy.model.named_parameters()}
    policy.model.zero_grad()
    ids = tokens_for([row], policy).ids
    logits = policy.model(input_ids=ids).logits[0, 2:-1]
    wanted = torch.nn.functional.cross_entropy(logits, torch.tensor(target))
    wanted.backward()
    assert means.values()["loss"] == pytest.approx(wanted.item(), rel=1e-5)
    for name, parameter in policy.model.named_parameters():
        assert torch.allclose(mine[name], parameter.grad, atol=1e-6)


def test_a_program_stands_in_the_block_that_its_prompt_asks_for(policy) -> None:
    text = policy.decode(target_of("def f():\n    pass\n\n", policy, "generation"))
    # The student's tokenizer has no backquote; what it can say is all there.
    assert text.strip("`").startswith("python\ndef f")


def config_of(options, **more):
    changes = {name.replace("__", "."): value for name, value in more.items()}
    return load_config("tiny", changes={**options, "objective.name": "sft", **changes})


def test_a_run_learns_its_references_and_goes_on_to_the_bit(options, tmp_path: Path) -> None:
    config = config_of(options, steps=6)
    train(config, tmp_path / "whole")
    lines = read_metrics(tmp_path / "whole" / "metrics.jsonl")
    # 2 prompts x 6 completions is what a step of the same budget would sample
    assert [line["tokens"] > 12 * 10 for line in lines] == [True] * 6
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    assert "pass_rate" not in lines[0]

    report = killed_and_resumed(config, tmp_path / "killed", 3)
    assert report.resumed_at == 3
    assert timeless(tmp_path / "killed") == timeless(tmp_path / "whole")
    assert are_same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))


def test_the_budget_can_be_one_of_tokens(options, tmp_path: Path) -> None:
    config = config_of(options, supervised__sequences_per_step=4, supervised__tokens=500)
    train(config, tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    n_tokens = [line["tokens"] for line in lines]
    assert sum(n_tokens[:-1]) < 500 <= sum(n_tokens) + 4  # one pass of four programs is a mean step


def test_a_supervised_part_beside_the_policy_loss(options, tmp_path: Path) -> None:
    changes = {"credit.strategy": "rltf", "supervised.weight": 1.0, "steps": 3}
    config = load_config("tiny", changes={**options, **changes})
    train(config, tmp_path / "run")
    alone = load_config("tiny", changes={**options, **changes, "supervised.weight": 0.0})
    train(alone, tmp_path / "alone")
    mine, theirs = weights(tmp_path / "run"), weights(tmp_path / "alone")
    assert any(not torch.equal(mine[name], theirs[name]) for name in theirs)
    first, second = (read_metrics(tmp_path / n / "metrics.jsonl")[0] for n in ("run", "alone"))
    assert first["reward"] == second["reward"]
    assert first["loss"] > second["loss"] + 0.02  # the cross-entropy of the references
