"""Rollouts by vLLM in the trainer's process, with the build of vLLM for processors.

`make test-servers` sets it up in a virtual environment of its own, whose interpreter runs these."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")

import yaml

from egca.training.config import load_config
from egca.training.metrics import read_metrics

pytestmark = pytest.mark.servers

PYTHON = Path(os.environ.get("EGCA_SERVERS", ".venv-servers")).absolute() / "bin/python"
ROOT = Path(__file__).resolve().parents[2]


def run(options: dict[str, object], folder: Path, *more: str) -> list[dict[str, float]]:
    if not PYTHON.exists():
        pytest.skip("needs vLLM in .venv-servers: make test-servers")
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(load_config("tiny", changes=options).model_dump()))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [str(PYTHON), "-m", "egca", "train", "--config", str(file), "--output"]
    done = subprocess.run(
        [*command, str(folder / "run"), *more], env=environment, cwd=folder, text=True,
        capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return read_metrics(folder / "run" / "metrics.jsonl")


def test_vllm_samples_with_the_weights_of_the_step(options, tmp_path: Path) -> None:
    """Large steps: with weights of the step before, the gap would be tenths of a nat and more."""
    steps = run(
        {
            **options,
            "rollout.engine": "vllm",
            "rollout.importance_bound": 2.0,
            "optimizer.learning_rate": 3e-3,
            "steps": 4,
        },
        tmp_path,
    )
    assert len(steps) == 4
    taught = [step for step in steps if step["silent_groups"] < 1]
    assert len(taught) > 1
    assert max(step["sampler_gap_max"] for step in taught) < 1e-3
    entropies = [step["entropy"] for step in taught]
    assert max(entropies) - min(entropies) > 1e-3  # the policy has moved
