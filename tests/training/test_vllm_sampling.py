"""Rollouts by vLLM, with its build for processors: in the trainer's process, and behind a port.

`make test-servers` sets it up in a virtual environment of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from real_servers import BIN, ROOT, serving, trained

from egca.training.metrics import read_metrics

pytestmark = pytest.mark.servers

# Large steps: with weights of the step before, the gap would be tenths of a nat and more.
STEPS = {"rollout.importance_bound": 2.0, "optimizer.learning_rate": 3e-3, "steps": 4}
EXTENSION = ["--worker-extension-cls", "egca.training.vllm_worker.Extension"]


def check_followed(folder: Path) -> None:
    """The engine's log-probabilities stay those of a policy that moves."""
    steps: list[dict[str, float]] = read_metrics(folder / "run" / "metrics.jsonl")
    assert len(steps) == 4
    taught = [step for step in steps if step["silent_groups"] < 1]
    assert len(taught) > 1
    assert max(step["sampler_gap_max"] for step in taught) < 1e-3
    entropies = [step["entropy"] for step in taught]
    assert max(entropies) - min(entropies) > 1e-3


def test_vllm_samples_with_the_weights_of_the_step(options: dict[str, Any], tmp_path: Path) -> None:
    done = trained(BIN / "python", {**options, **STEPS, "rollout.engine": "vllm"}, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    check_followed(tmp_path)


def vllm(student: Path, *more: str) -> list[str]:
    begin = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(student), "--dtype"]
    return [*begin, "float32", "--enforce-eager", "--max-num-seqs", "16", *more]


@pytest.fixture(scope="module")
def server(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = vllm(student, "--logprobs-mode", "processed_logprobs", *EXTENSION)
    log = tmp_path_factory.mktemp("log") / "vllm.txt"
    development = {"VLLM_SERVER_DEV_MODE": "1", "PYTHONPATH": str(ROOT)}
    with serving(arguments, log, development) as address:
        yield address


def test_a_server_samples_with_the_weights_of_the_step(
    server: str, options: dict[str, Any], tmp_path: Path
) -> None:
    warm = {**options, **STEPS, "rollout.engine": server, "rollout.temperature": 0.9}
    done = trained(Path(sys.executable), warm, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    check_followed(tmp_path)
    assert len([*(tmp_path / "run/handover").iterdir()]) == 1  # weights do not pile up


def test_a_server_begins_with_the_weights_of_the_run(
    server: str, options: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever the run before has left there."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        one = {**options, "rollout.engine": server, "optimizer.learning_rate": 3e-2, "steps": 2}
        done = trained(Path(sys.executable), one, tmp_path / name)
        assert done.returncode == 0, done.stderr[-3000:]
        steps = read_metrics(tmp_path / name / "run/metrics.jsonl")
        gaps = [step["sampler_gap_max"] for step in steps if step["silent_groups"] < 1]
        assert gaps
        assert max(gaps) < 1e-2


def test_no_server_is_one_line_and_status_2(options: dict[str, Any], tmp_path: Path) -> None:
    done = trained(
        Path(sys.executable), {**options, "rollout.engine": "http://127.0.0.1:9"}, tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "egca: error: rollout.engine http://127.0.0.1:9: no server answers; start it with VLLM"
    )
