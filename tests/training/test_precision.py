"""Models in bfloat16: float32 masters are what the optimizer changes and a checkpoint keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import are_same, killed_and_resumed, timeless, weights  # noqa: E402

from egca.training import checkpoint  # noqa: E402
from egca.training.config import Lora, Model, Objective, load_config  # noqa: E402
from egca.training.distributed import Replica  # noqa: E402
from egca.training.metrics import Means  # noqa: E402
from egca.training.policy import Scorer, load_policy, tokens_of  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.training.update import Row, Totals, Updater  # noqa: E402

DTYPES = ("float32", "bfloat16")


def config_with(options: dict[str, object], **more: object):
    changes = {name.replace("__", "."): value for name, value in more.items()}
    return load_config("tiny", changes={**options, "credit.strategy": "uniform", **changes})


def test_small_steps_move_as_many_weights_as_in_float32(
    student: Path, options, tmp_path: Path
) -> None:
    """A step of 1e-6 is less than half the distance to the next bfloat16 number."""
    moved = {}
    for dtype in DTYPES:
        more = {"model__dtype": dtype, "optimizer__learning_rate": 1e-6}
        train(config_with(options, **more), tmp_path / dtype)
        first = dict(load_policy(Model(name=str(student), dtype=dtype), "cpu").model
                     .named_parameters())  # fmt: skip
        now = weights(tmp_path / dtype)
        assert {tensor.dtype for tensor in now.values()} == {torch.float32}
        changed = [now[name] != first[name.removeprefix("model.")].float() for name in now]
        moved[dtype] = float(torch.cat([one.flatten() for one in changed]).float().mean())
    assert moved["float32"] > 0.5
    assert moved["bfloat16"] == pytest.approx(moved["float32"], abs=0.05)


@pytest.mark.parametrize("recomputes", [False, True])
def test_log_probabilities_and_gradients_are_those_of_float32_but_for_rounding(
    student: Path, recomputes: bool
) -> None:
    rng = np.random.default_rng(0)
    prompts = [rng.integers(2, 200, 5).tolist() for _ in range(4)]
    completions = [rng.integers(2, 200, 9).tolist() for _ in range(4)]
    found = {}
    for dtype in DTYPES:
        options = Model(name=str(student), dtype=dtype, gradient_checkpointing=recomputes)
        policy = load_policy(options, "cpu")
        replica = Replica(Scorer(policy.model))
        updater = Updater(policy, replica, None, Objective(beta=0.0), micro_batch_tokens=14)
        advantages = [np.full(9, 0.5 - i, dtype=np.float32) for i in range(4)]
        rows = [Row(*row, 9) for row in zip(prompts, completions, advantages, strict=True)]
        updater.backward(rows, Totals(4, 36, 9), Means())
        gradients = [p.grad for p in replica.named.values()]
        assert {one.dtype for one in gradients} == {torch.float32}
        scored = Scorer(policy.model)(tokens_of(prompts, completions, policy.pad, "cpu"))[0]
        found[dtype] = scored.detach(), torch.cat([one.flatten() for one in gradients])
    (mine, ours), (theirs, wanted) = (found[dtype] for dtype in reversed(DTYPES))
    torch.testing.assert_close(mine, theirs, rtol=0.02, atol=0.1)
    assert float((ours - wanted).norm() / wanted.norm()) < 0.05


def test_gradients_of_many_micro_batches_are_summed_in_float32() -> None:
    """In bfloat16 what is added to 1 has to be 1/256 at least, or is lost."""
    module = torch.nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    replica = Replica(module)
    for part in [1.0] + [2.0**-10] * 512:
        (module(torch.ones(1, 1, dtype=torch.bfloat16)) * part).sum().backward()
    assert float(replica.named["weight"].grad) == 1.5
    assert module.weight.grad is None


def test_adapters_are_in_float32_and_need_no_masters(student: Path) -> None:
    options = Model(name=str(student), dtype="bfloat16", lora=Lora(r=2))
    policy = load_policy(options, "cpu")
    replica = Replica(Scorer(policy.model))
    mine = {name: p for name, p in replica.module.named_parameters() if p.requires_grad}
    assert replica.named.keys() == mine.keys()
    assert all(replica.named[name] is mine[name] for name in mine)


@pytest.mark.parametrize("name", ["grpo", "ppo"])
def test_a_killed_run_goes_on_to_the_bit(options, tmp_path: Path, name: str) -> None:
    more = {"model__dtype": "bfloat16", "objective__name": name, "objective__beta": 0.05,
            "objective__minibatches": 2, "steps": 3}  # fmt: skip
    config = config_with(options, **more)
    train(config, tmp_path / "whole")
    assert killed_and_resumed(config, tmp_path / "killed", 1).resumed_at == 1
    assert timeless(tmp_path / "killed") == timeless(tmp_path / "whole")
    states = [checkpoint.load_last(tmp_path / n / "checkpoints") for n in ("whole", "killed")]
    for part in ["policy", "critic"] if name == "ppo" else ["policy"]:
        assert are_same(*(state[part]["weights"] for state in states))


def test_the_saved_model_is_the_masters_rounded(options, tmp_path: Path) -> None:
    """What was sampled from and evaluated, in the model's own dtype."""
    train(config_with(options, model__dtype="bfloat16", steps=2), tmp_path / "run")
    saved = load_policy(Model(name=str(tmp_path / "run" / "model"), dtype="bfloat16"), "cpu")
    theirs = dict(saved.model.named_parameters())
    masters = weights(tmp_path / "run")
    assert any(not torch.equal(tensor, tensor.bfloat16().float()) for tensor in masters.values())
    for name, tensor in masters.items():
        assert torch.equal(theirs[name.removeprefix("model.")], tensor.bfloat16()), name
