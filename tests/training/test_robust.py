"""What goes wrong around a run: memory, disks, references, debuggers, loggers."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

import yaml  # noqa: E402

from egca.errors import InputError  # noqa: E402
from egca.training import checkpoint  # noqa: E402
from egca.training.config import Model, TrainConfig, load_config  # noqa: E402
from egca.training.metrics import read_metrics  # noqa: E402
from egca.training.policy import load_policy  # noqa: E402
from egca.training.records import read_samples  # noqa: E402
from egca.training.run import train  # noqa: E402


def config_with(options: dict[str, object], **more: object) -> TrainConfig:
    changes = {name.replace("__", "."): value for name, value in more.items()}
    return load_config("tiny", changes={**options, **changes})


@pytest.mark.parametrize(
    ("is_training", "setting"), [(True, "micro_batch_tokens"), (False, "rollout.batch_size")]
)
def test_out_of_memory_names_the_setting(
    student: Path, options, tmp_path: Path, is_training: bool, setting: str
) -> None:
    policy = load_policy(Model(name=str(student)), "cpu")

    def fail(module: torch.nn.Module, inputs: object, output: object) -> None:
        if torch.is_grad_enabled() == is_training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    policy.model.model.layers[1].register_forward_hook(fail)
    config = config_with(options, objective__beta=0.05, objective__kl_estimator="k1")
    with pytest.raises(InputError, match=f"out of memory: lower {setting}$"):
        train(config, tmp_path / "run", policy=policy)


def command_of(config: TrainConfig, folder: Path, *more: str) -> list[str]:
    file = folder.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config.model_dump()))
    command = [sys.executable, "-m", "egca", "train", "--config", str(file)]
    return [*command, "--output", str(folder), *more]


def done(command: list[str], prepare: Callable[[], None] | None = None, **environment: str):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, preexec_fn=prepare,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on_later(options, tmp_path: Path) -> None:
    """A limit on the size of files makes every write beyond it fail, as a full disk does."""
    config, folder = config_with(options, steps=2), tmp_path / "run"

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

    found = done(command_of(config, folder), small_files)
    assert found.returncode == 2, found.stderr
    assert "the checkpoint cannot be written: " in found.stderr.splitlines()[-1]
    assert not list((folder / "checkpoints").iterdir())
    again = done(command_of(config, folder, "--resume"))
    assert again.returncode == 0, again.stderr
    assert len(checkpoint.found(folder / "checkpoints")) == 2
    assert [line["step"] for line in read_metrics(folder / "metrics.jsonl")] == [0, 1]


def test_metrics_that_cannot_be_written_are_one_line(options, tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def fill(step: int, *_: object) -> None:
        (folder / "metrics.jsonl").unlink()
        (folder / "metrics.jsonl").symlink_to("/dev/full")

    with pytest.raises(InputError, match=r"metrics.jsonl: no space left on device$"):
        train(config_with(options), folder, listeners=[fill])


def test_a_broken_reference_is_set_aside_and_listed(
    options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        json.loads(line) for line in Path(str(options["data.dataset"])).read_text().splitlines()
    ]
    entry = rows[1]["entry_point"]
    rows[1]["reference"] = f"def {entry}(*args):\n    return 'not this'\n"
    monkeypatch.chdir(tmp_path)
    file = Path("tiny-tasks.jsonl")  # not among the generated sets, which are taken as they are
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = config_with(options, data__dataset=str(file), steps=2)
    report = train(config, tmp_path / "run")
    assert [one.task_id for one in report.aside] == [rows[1]["task_id"]]
    assert report.aside[0].reason.startswith("its reference fails: ")
    assert report.n_steps == 2
    kept = json.loads((tmp_path / "run" / "set-aside.json").read_text())
    assert list(kept) == [rows[1]["task_id"]]
    alone = config_with(options, data__dataset=str(file), data__ids=[rows[1]["task_id"]])
    with pytest.raises(InputError, match="the references of all 1 problems fail; the first"):
        train(alone, tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["ok", "gone"])
def test_a_debugger_that_fails_falls_back_to_trace(
    options, tmp_path: Path, monkeypatch, behaviour: str
) -> None:
    """A server that answers garbage, and one that is not there any more."""
    pytest.importorskip("openai", reason="needs the extra llm")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "providers")
    from wire import wire_server

    config = config_with(options, debugger__name="llm:openai:tiny-chat", steps=2)
    with wire_server() as server:
        server.text = "I like trains."
        url = f"{server.url}/v1" if behaviour == "ok" else "http://127.0.0.1:9/v1"
        found = done(command_of(config, tmp_path / "run"), EGCA_BASE_URL=url, EGCA_API_KEY="k",
                     EGCA_CACHE=str(tmp_path / "cache"))  # fmt: skip
        assert found.returncode == 0, found.stderr
        assert bool(server.requests) == (behaviour == "ok")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    samples = [one for step in range(2) for one in read_samples(tmp_path / "run", step)]
    n = sum(one["mode"] == "logic" and one["advantage"] < 0 for one in samples)
    assert n > 0  # a syntax error is located by the compiler, and no model is asked
    assert sum(line["fell_back"] for line in lines) == n
    assert "fell back to trace" in found.stderr
    assert max(line["located"] for line in lines if line["localized"]) > 0.8


def test_a_logger_that_is_missing_is_one_line(options, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="loggers: wandb is not installed: pip install wandb"):
        train(config_with(options, loggers=["wandb"]), tmp_path / "run")


def test_tensorboard_gets_the_metrics(options, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(config_with(options, loggers=["tensorboard"], steps=2), tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    for name, wanted in (("reward", "reward"), ("modes/logic", "modes")):
        values = [event.value for event in events.Scalars(name)]
        logged = [line[wanted]["logic"] if wanted == "modes" else line[wanted] for line in lines]
        assert values == pytest.approx(logged, abs=1e-6)
