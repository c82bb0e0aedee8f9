"""Two processes train as one does: started by torchrun, on the CPU, through gloo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

import yaml  # noqa: E402
from left import timeless  # noqa: E402

from egca.training import checkpoint  # noqa: E402
from egca.training.config import load_config  # noqa: E402
from egca.training.records import read_samples  # noqa: E402

REPLAYING = Path(__file__).parent / "replaying.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
KINDS = {"ddp": {}, "fsdp": {"ACCELERATE_USE_FSDP": "true"}}


def started(command: list[str], **environment: str) -> subprocess.Popen[str]:
    everything = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        command, env=everything, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def done(command: list[str], status: int = 0, **environment: str) -> str:
    process = started(command, **environment)
    try:
        out, errors = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:  # the launcher takes its processes with it
        process.terminate()
        raise
    assert process.returncode == status, errors[-3000:]
    return out + errors


def saved(options: dict[str, object], file: Path, **more: object) -> str:
    changes = {name.replace("__", "."): value for name, value in more.items()}
    config = load_config("tiny", changes={**options, "steps": 2, **changes})
    file.write_text(yaml.safe_dump(config.model_dump()))
    return str(file)


VARIANTS = {
    "kl": {"objective__beta": 0.05, "rollout__prompts_per_step": 3},
    "repeated": {"objective__beta": 0.0, "objective__num_iterations": 2},
    "rounded": {"objective__beta": 0.05, "model__dtype": "bfloat16"},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_two_processes_are_one(options, tmp_path: Path, kind: str, variant: str) -> None:
    """Also with shares of one and two prompts, so that one process runs out of micro-batches."""
    more = {"micro_batch_tokens": 400, "objective__loss_normalisation": "token"}
    config = saved(options, tmp_path / "config.yaml", **more, **VARIANTS[variant])
    done([sys.executable, str(REPLAYING), config, str(tmp_path / "one")])
    done([*TORCHRUN, str(REPLAYING), config, str(tmp_path / "two")], **KINDS[kind])
    one, two = timeless(tmp_path / "one"), timeless(tmp_path / "two")
    assert one[0]["grad_norm"] > 1e-3
    assert abs(one[0]["loss"]) > 1e-3
    # In bfloat16 a sum depends on how rows are cut into micro-batches.
    close, near = (0.02, 1e-4) if variant == "rounded" else (1e-6, 1e-5)
    for name in ("loss", "grad_norm"):
        assert two[0][name] == pytest.approx(one[0][name], rel=close, abs=1e-6)
    for name in ("reward", "modes", "tokens", "localized", "located", "completion_tokens"):
        assert two[0][name] == pytest.approx(one[0][name], rel=1e-6, abs=1e-6), name
    texts = [
        sorted((s["task_id"], s["text"], *s["credit"]) for s in read_samples(tmp_path / n, 0))
        for n in ("one", "two")
    ]
    assert texts[0] == texts[1]
    alone = torch.load(tmp_path / "one" / "rank-0.pt")
    first, second = (torch.load(tmp_path / "two" / f"rank-{i}.pt") for i in range(2))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
        # AdamW's first steps are signs, so where a gradient is all rounding they may differ.
        assert float((tensor - alone[name]).abs().mean()) < near, name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_of_two_goes_on_to_the_bit(options, tmp_path: Path, kind: str) -> None:
    config = saved(options, tmp_path / "config.yaml", steps=3, evaluation__dataset="tiny-test",
                   evaluation__every=3, evaluation__limit=3)  # fmt: skip
    command = [*TORCHRUN, "-m", "egca", "train", "--config", config, "--output"]
    said = done([*command, str(tmp_path / "whole")], **KINDS[kind])
    assert said.count("step 0: reward") == 1  # one of them speaks
    assert "pass@1 on 3 held-out problems" in said
    folder = tmp_path / "killed"
    process = started([*command, str(folder)], **KINDS[kind])
    deadline = time.monotonic() + 120
    while not checkpoint.found(folder / "checkpoints") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    done([*command, str(folder), "--resume"], **KINDS[kind])
    assert timeless(folder) == timeless(tmp_path / "whole")
    wanted = checkpoint.load_last(tmp_path / "whole" / "checkpoints")
    found = checkpoint.load_last(folder / "checkpoints")
    assert wanted is not None
    assert found is not None
    for name, tensor in wanted["policy"]["weights"].items():
        assert torch.equal(found["policy"]["weights"][name], tensor)


@pytest.mark.slow
def test_what_does_not_fit_two_processes_is_refused(options, tmp_path: Path) -> None:
    config = saved(options, tmp_path / "config.yaml", rollout__prompts_per_step=1)
    command = ["-m", "egca", "train", "--config", config, "--output", str(tmp_path / "run")]
    said = done([*TORCHRUN, *command], 1)
    assert "rollout.prompts_per_step is 1, fewer than the 2 processes" in said
    config = saved(options, tmp_path / "config.yaml")
    done([sys.executable, "-m", "egca", "train", "--config", config, "--output",
          str(tmp_path / "run")])  # fmt: skip
    said = done([*TORCHRUN, *command, "--resume"], 1)
    assert "its checkpoint is of 1 processes, and here are 2" in said
