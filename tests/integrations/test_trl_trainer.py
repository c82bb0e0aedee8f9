"""EGCATrainer beside TRL's GRPOTrainer: real runs of both, with a real model and real judging."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra trl")

import torch
from trl import GRPOTrainer

sys.path.insert(0, str(Path(__file__).parent))
from trl_runs import (
    RecordedEGCA,
    data_of,
    egca_run,
    grpo_run,
    shortness,
    sometimes,
)

from egca.errors import InputError
from egca.integrations.trl import EGCATrainer
from egca.integrations.trl.config import LOSS_TYPES

VARIANTS: dict[str, dict[str, Any]] = {
    **{loss_type: {"loss_type": loss_type} for loss_type in LOSS_TYPES},
    "kl": {"beta": 0.05},
    "two passes over a batch in two parts": {
        "num_iterations": 2,
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": 1,
        "steps_per_generation": 2,
    },
    "batch scale": {"scale_rewards": "batch", "off_policy_mask_threshold": 0.5},
}


QUICK = ("grpo", "dapo", "kl", "two passes over a batch in two parts")


@pytest.mark.parametrize(
    "variant",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in VARIANTS],
)
def test_uniform_credit_is_grpo(student: Path, problems: Path, tmp_path: Path, variant: str):
    options = VARIANTS[variant]
    ours = egca_run(student, problems, tmp_path, credit="uniform", **options)
    ours.train()
    theirs = grpo_run(student, problems, tmp_path, **options)  # seeds as it is made
    theirs.train()
    assert len(ours.losses) == len(theirs.losses) >= 3
    assert ours.losses == pytest.approx(theirs.losses, abs=1e-6)
    assert len(ours.gradients) == len(theirs.gradients) == 3
    for mine, plain in zip(ours.gradients, theirs.gradients, strict=True):
        assert mine.keys() == plain.keys()
        for name in plain:
            torch.testing.assert_close(mine[name], plain[name], rtol=0, atol=1e-6)
    assert max(float(g.abs().max()) for g in ours.gradients[0].values()) > 1e-3


@pytest.fixture(scope="module")
def finished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> RecordedEGCA:
    """A run of three steps under the published rule."""
    student, problems = (request.getfixturevalue(name) for name in ("student", "problems"))
    trainer = egca_run(student, problems, tmp_path_factory.mktemp("trl") / "run")
    trainer.train()
    return trainer


def concentrated(trainer: RecordedEGCA) -> int:
    """Rows whose credit does not lie on all tokens, after a check of all sums."""
    n = 0
    for batch in trainer.batches:
        mask = batch["completion_mask"].bool()
        for row, own, plain in zip(batch["advantages"], mask, batch["plain"], strict=True):
            assert float(row.sum()) == pytest.approx(float(plain) * int(own.sum()), abs=1e-4)
            assert not row[~own].any()
            n += bool(plain) and not row[own].all()
    return n


def test_advantages_of_a_row_sum_to_the_advantage_times_its_length(finished: RecordedEGCA):
    assert all(batch["advantages"].shape == batch["completion_ids"].shape
               for batch in finished.batches)  # fmt: skip
    assert concentrated(finished) >= 3


def test_the_credit_is_on_the_place_that_was_found(finished: RecordedEGCA):
    located = [r for r in finished._judge.rollouts if r.places.statement is not None]
    assert located
    tokenizer = finished.processing_class
    for rollout, row in zip(
        finished._judge.rollouts, finished.batches[-1]["advantages"], strict=True
    ):
        if rollout in located:
            ids = rollout.completion.ids
            first, last = rollout.places.statement
            touched = row[: len(ids)].nonzero().flatten().tolist()
            said = tokenizer.decode([ids[t] for t in touched])
            assert rollout.text[first:last].strip() in said
            assert len(said) < len(rollout.text)


def test_only_tokens_with_credit_get_gradient(student: Path, problems: Path, tmp_path: Path):
    class Watched(RecordedEGCA):
        def _get_per_token_logps_and_entropies(self, *args: Any, **options: Any) -> Any:
            found = super()._get_per_token_logps_and_entropies(*args, **options)
            if found[0].requires_grad:
                found[0].retain_grad()
                self.logps = found[0]
            return found

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
            self.given = inputs["advantages"]
            return super().compute_loss(model, inputs, *args, **options)

    trainer = egca_run(student, problems, tmp_path, max_steps=1, trainer=Watched)
    trainer.train()
    assert trainer.logps.grad.shape == trainer.given.shape
    assert torch.equal(trainer.logps.grad != 0, trainer.given != 0)
    assert 0 < int((trainer.given != 0).sum()) < trainer.given.numel() / 2


def test_metrics_say_what_became_of_the_completions(finished: RecordedEGCA):
    lines = [line for line in finished.state.log_history if "loss" in line]
    assert len(lines) == 3
    for line in lines:
        shares = [line[f"egca/modes/{m}"] for m in ("syntax", "constraint", "correct", "logic")]
        assert sum(shares) == pytest.approx(1.0)
        assert line["egca/not_judged"] == 0.0
        assert line["rewards/tests/mean"] == pytest.approx(line["egca/modes/correct"])
        assert line["egca/multiplier_max"] >= 1.0
    assert any(line.get("egca/located", 0.0) > 0.5 for line in lines)
    modes = list(finished._logs["extra"]["mode"])
    assert set(modes) <= {"syntax", "constraint", "correct", "logic"}


@pytest.mark.parametrize("further", [shortness, sometimes])
def test_of_several_rewards_only_what_the_tests_contribute_is_located(
    student: Path, problems: Path, tmp_path: Path, further: Any
):
    trainer = egca_run(
        student,
        problems,
        tmp_path,
        reward_funcs=[further],
        reward_weights=[1.0, 0.5],
        max_steps=1,
    )
    trainer.train()
    assert concentrated(trainer) == 0  # every token carries its share of the other reward
    batch = trainer.batches[0]
    n_seen = 0
    for rollout, row, whole in zip(
        trainer._judge.rollouts, batch["advantages"], batch["plain"].tolist(), strict=True
    ):
        own = row[: rollout.n_tokens]
        located = own[(own - own.median()).abs() > 1e-4]
        if rollout.credit.fallback is None and rollout.places.statement is not None:
            n_seen += 1
            rest = whole - rollout.advantage
            torch.testing.assert_close(own.median(), torch.tensor(rest), rtol=0, atol=1e-5)
            assert float((located - rest).sum()) == pytest.approx(
                rollout.advantage * rollout.n_tokens, abs=1e-3
            )
        else:
            torch.testing.assert_close(own, torch.full_like(own, whole), rtol=0, atol=1e-5)
    assert n_seen
    assert {"rewards/tests/mean", f"rewards/{further.__name__}/mean"} <= set(
        trainer.state.log_history[0]
    )


def test_a_conversation_is_judged_and_credited_by_its_tokens(
    student: Path, problems: Path, tmp_path: Path
):
    trainer = egca_run(student, problems, tmp_path, train_dataset=chats(problems), max_steps=1)
    trainer.processing_class.chat_template = (
        "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    )
    trainer.train()
    assert concentrated(trainer) >= 1
    assert {r.judged.mode.value for r in trainer._judge.rollouts} - {"syntax"}


def chats(problems: Path) -> Any:
    return data_of(problems).map(lambda row: {"prompt": [
        {"role": "user", "content": row["prompt"].removesuffix("\n")}]})  # fmt: skip


def test_adapters_are_trained_and_nothing_else(student: Path, problems: Path, tmp_path: Path):
    from peft import LoraConfig

    adapters = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    trainer = egca_run(student, problems, tmp_path, peft_config=adapters, beta=0.05, max_steps=2)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    changed = {n for n, p in trainer.model.named_parameters() if not torch.equal(p, before[n])}
    assert changed
    assert all("lora_" in name for name in changed)
    assert concentrated(trainer) >= 1


def test_evaluation_judges_and_leaves_advantages_alone(finished: RecordedEGCA, problems: Path):
    before = len(finished.batches)
    finished.args.per_device_eval_batch_size = 6
    found = finished.evaluate(eval_dataset=data_of(problems))
    assert 0.0 <= found["eval_rewards/tests/mean"] <= 1.0
    assert found["eval_egca/modes/correct"] == found["eval_rewards/tests/mean"]
    assert all(batch["advantages"].ndim == 1 for batch in finished.batches[before:])
    del finished.batches[before:]


def test_a_stream_of_problems_and_a_checkpoint(student: Path, problems: Path, tmp_path: Path):
    stream = data_of(problems).to_iterable_dataset()
    options = {"train_dataset": stream, "max_steps": 1, "save_strategy": "steps", "save_steps": 1}
    egca_run(student, problems, tmp_path / "run", **options).train()
    saved = tmp_path / "run" / "checkpoint-1"
    assert (saved / "model.safetensors").is_file()
    assert "egca" in (tmp_path / "run" / "README.md").read_text()


def test_tokens_that_were_not_sampled_are_refused(student: Path, problems: Path, tmp_path: Path):
    def masked(prompts: list[str], trainer: Any) -> dict[str, Any]:
        n = len(prompts)
        found: dict[str, Any] = {"prompt_ids": [[5]] * n, "completion_ids": [[6, 7]] * n}
        return {**found, "logprobs": [[0.0, 0.0]] * n, "env_mask": [[1, 0]] * n}

    trainer = egca_run(student, problems, tmp_path, rollout_func=masked)
    with pytest.raises(InputError, match="a rollout_func that gives env_mask is not supported"):
        trainer.train()


def test_nothing_else_of_trl_is_touched():
    """So what TRL does elsewhere, such as sampling with vLLM in either mode, it does as before."""
    ours = {name for name in vars(EGCATrainer) if not name.startswith("__")}
    assert ours & set(dir(GRPOTrainer)) == {
        "_calculate_rewards",
        "_generate_and_score_completions",
        "_tag_names",
    }
