"""What a step counts and divides by, what is saved of it, and what is said of it beforehand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from egca.training import checkpoint  # noqa: E402
from egca.training.config import load_config  # noqa: E402
from egca.training.data import PLAIN, load_problems  # noqa: E402
from egca.training.loop import Trainer  # noqa: E402
from egca.training.metrics import read_metrics  # noqa: E402
from egca.training.plan import plan_of  # noqa: E402
from egca.training.policy import load_policy  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.training.sampling import PolicySampler  # noqa: E402
from egca.training.supervised import target_of  # noqa: E402
from egca.training.update import Row, Totals, Updater  # noqa: E402
from egca.training.vllm_sampling import seeds_of  # noqa: E402


@pytest.mark.parametrize(("n_rows", "n"), [(11, 4), (3, 4), (12, 4), (5, 1)])
def test_every_row_weighs_the_same_in_unequal_updates(n_rows: int, n: int) -> None:
    """And where updates are of equal size, the loss of each is the mean over its rows."""
    trainer = Trainer.__new__(Trainer)
    trainer._config, trainer.step = load_config("tiny", changes={"objective.minibatches": n}), 0
    found = list(trainer._batches(range(n_rows), Totals(n_rows, 7 * n_rows, 100)))
    assert sorted(row for batch, _ in found for row in batch) == list(range(n_rows))
    for batch, share in found:
        assert (share.n_sequences, share.n_tokens) == (n_rows / n, 7 * n_rows / n)
        if n_rows % n == 0:
            assert share.n_sequences == len(batch)


def test_tokens_are_all_that_were_sampled(options, tmp_path: Path, monkeypatch) -> None:
    """Those of groups that others took the place of, too."""
    n_sampled = 0
    sample = PolicySampler.sample

    def counted(self, *args):
        nonlocal n_sampled
        for one in sample(self, *args):
            n_sampled += len(one.ids)
            yield one

    monkeypatch.setattr(PolicySampler, "sample", counted)
    more = {"credit.strategy": "uniform", "objective.resample": 3, "steps": 2,
            "rollout.num_generations": 2}  # fmt: skip
    train(load_config("tiny", changes={**options, **more}), tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert sum(line.get("resampled", 0) for line in lines) > 0
    assert sum(line["tokens"] for line in lines) == n_sampled


def test_a_step_that_was_saved_is_not_taken_away_to_be_saved_again(
    tmp_path: Path, monkeypatch
) -> None:
    """A run that was resumed and stopped at once, killed while it saves."""
    checkpoint.save(tmp_path, 50, {"a": 1}, keep=1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        checkpoint.save(tmp_path, 50, {"a": 1}, keep=1)
    assert checkpoint.load_last(tmp_path) == {"a": 1}


def test_lessons_are_no_longer_than_completions(options, tmp_path: Path, monkeypatch) -> None:
    learned: list[int] = []
    backward = Updater.backward

    def seen(self, rows: list[Row], *args) -> None:
        learned.extend(len(row.completion) for row in rows if row.is_supervised)
        backward(self, rows, *args)

    monkeypatch.setattr(Updater, "backward", seen)
    more = {"credit.strategy": "uniform", "supervised.weight": 1.0, "steps": 2,
            "rollout.prompts_per_step": 4, "rollout.max_completion_length": 30}  # fmt: skip
    config = load_config("tiny", changes={**options, **more})
    train(config, tmp_path / "run")
    policy = load_policy(config.model, "cpu")
    lengths = [len(target_of(one.reference, policy, PLAIN)) for one in load_problems(config.data)]
    assert sorted(learned) == sorted(2 * [n for n in lengths if n <= 30])
    assert max(lengths) > 30


def said(**changes: object) -> tuple[str, float]:
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    plan = plan_of(load_config("tiny", changes=dotted))
    assert plan.memory_gb is not None
    return dict(plan.lines)["objective"], plan.memory_gb


def test_a_plan_says_what_the_objective_does() -> None:
    uniform = {"credit__strategy": "uniform", "objective__beta": 0.05}
    assert "KL 0.05 (k3)" in said(**uniform)[0]
    assert "KL 0.05 (k1, in the reward)" in said(**uniform, objective__name="ppo")[0]
    sft = said(objective__name="sft", objective__beta=0.05)[0]
    assert "KL" not in sft
    assert "clip" not in sft


def test_a_plan_counts_every_copy() -> None:
    """In units of the number of parameters: 4 bytes each, gradient and two moments as many."""
    few = {"micro_batch_tokens": 1, "credit__strategy": "uniform"}
    alone = said(**few, objective__beta=0.0)[1]
    weight = alone / 4  # activations of one token are next to nothing
    near = pytest.approx
    assert said(**few, objective__beta=0.1)[1] == near(alone + weight, rel=0.02)
    assert said(**few, objective__name="sft", objective__beta=0.1)[1] == near(alone, rel=0.02)
    assert said(**few, objective__name="ppo")[1] == near(2 * alone, rel=0.02)
    assert said(**few, model__dtype="bfloat16")[1] == near(alone + weight / 2, rel=0.02)
    critique = {"reward__critique": 0.5, "teacher__model": "tiny:medium-15"}
    assert said(**few, **critique)[1] == near(alone + weight, rel=0.02)


@pytest.mark.parametrize(("n", "line", "lacks"), [(1, "", 1), (8, "accelerate launch", 0)])
def test_a_plan_counts_the_memory_of_all_gpus(monkeypatch, n: int, line: str, lacks: int) -> None:
    device = SimpleNamespace(total_memory=80e9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "GPU")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: device)
    plan = plan_of(load_config("paper"))
    assert line in dict(plan.lines)["device"]
    assert sum("GB are needed" in text for text in plan.missing) == lacks


def test_seeds_of_vllm_are_numbers_of_64_bits() -> None:
    assert max(seeds_of(2**32 - 1, 1_000, 64, 16)) < 2**63
