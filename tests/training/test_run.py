"""Whole runs with a real model, real judging and real localization."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

import yaml  # noqa: E402
from left import timeless, weights  # noqa: E402

from egca.errors import InputError  # noqa: E402
from egca.training import checkpoint  # noqa: E402
from egca.training.config import TrainConfig, load_config  # noqa: E402
from egca.training.metrics import read_metrics  # noqa: E402
from egca.training.records import read_samples  # noqa: E402
from egca.training.run import train  # noqa: E402


def config_with(options: dict[str, object], **more: object) -> TrainConfig:
    changes = {name.replace("__", "."): value for name, value in more.items()}
    return load_config("tiny", changes={**options, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory, request) -> Path:
    """A run that nothing disturbed."""
    student = request.getfixturevalue("student")
    problems = request.getfixturevalue("problems")
    folder = tmp_path_factory.mktemp("run") / "whole"
    options = {
        "model.name": str(student),
        "data.dataset": str(problems),
        "data.limit": 4,
        "evaluation.dataset": None,
        "rollout.prompts_per_step": 2,
        "rollout.num_generations": 6,
        "optimizer.learning_rate": 1e-3,
        "checkpoint.every": 1,
        "steps": 4,
    }
    train(load_config("tiny", changes=options), folder)
    return folder


def test_a_run_leaves_its_folder(finished: Path) -> None:
    assert yaml.safe_load((finished / "config.yaml").read_text())["steps"] == 4
    assert json.loads((finished / "environment.json").read_text())["versions"]["torch"]
    lines = read_metrics(finished / "metrics.jsonl")
    assert [line["step"] for line in lines] == [0, 1, 2, 3]
    assert all(abs(sum(line["modes"].values()) - 1) < 1e-6 for line in lines)
    assert {"generate", "judge", "localize", "train", "total"} <= set(lines[0]["seconds"])
    assert [p.name for p in checkpoint.found(finished / "checkpoints")] == [
        "step-000003",
        "step-000004",
    ]
    assert (finished / "model" / "config.json").is_file()


def test_credit_sits_on_the_place_and_sums_to_the_advantage(finished: Path) -> None:
    samples = [one for step in range(4) for one in read_samples(finished, step)]
    logic = [one for one in samples if one["mode"] == "logic" and one["advantage"] < 0]
    assert logic, "the student makes no mistakes to learn from"
    for one in samples:
        assert sum(one["credit"]) == pytest.approx(one["advantage"], abs=1e-4)
    concentrated = [one for one in logic if one["fallback"] is None]
    assert len(concentrated) > 0.8 * len(logic)
    for one in concentrated:
        first, last = one["statement"]
        touched = [
            (start, end)
            for (start, end), credit in zip(one["tokens"], one["credit"], strict=True)
            if credit
        ]
        assert touched
        assert all(start < last and first < end for start, end in touched)


def test_the_same_seed_gives_the_same_run(finished: Path, options, tmp_path: Path) -> None:
    train(config_with(options), tmp_path / "again")
    assert timeless(tmp_path / "again") == timeless(finished)
    mine, theirs = weights(tmp_path / "again"), weights(finished)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def started(config: TrainConfig, folder: Path, *more: str) -> subprocess.Popen[str]:
    file = folder.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config.model_dump()))
    command = [sys.executable, "-m", "egca", "train", "--config", str(file)]
    return subprocess.Popen(
        [*command, "--output", str(folder), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )  # fmt: skip


def test_a_killed_run_goes_on_to_the_bit(finished: Path, options, tmp_path: Path) -> None:
    config, folder = config_with(options), tmp_path / "killed"
    rng = random.Random(3)
    n_kills = 0
    for _ in range(30):
        resume = ["--resume"] if (folder / "config.yaml").exists() else []
        process = started(config, folder, *resume)
        while n_kills < 3 and process.poll() is None:
            before = len(read_metrics(folder / "metrics.jsonl"))
            time.sleep(0.05)
            if before and rng.random() < 0.15:
                process.send_signal(signal.SIGKILL)
                n_kills += 1
                break
        _, errors = process.communicate(timeout=300)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors
    assert timeless(folder) == timeless(finished)
    mine, theirs = weights(folder), weights(finished)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_an_interrupted_run_saves_and_says_how_to_go_on(options, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    process = started(config_with(options, steps=10_000, checkpoint__every=10_000), folder)
    deadline = time.monotonic() + 120
    while not read_metrics(folder / "metrics.jsonl") and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "egca train --resume" in out
    assert checkpoint.found(folder / "checkpoints")


def test_a_folder_in_use_is_left_alone(finished: Path, options) -> None:
    with pytest.raises(InputError, match="not empty; --resume goes on"):
        train(config_with(options), finished)
    with pytest.raises(InputError, match="other options"):
        train(config_with(options, steps=5), finished, resume=True)


def test_a_run_that_could_not_begin_leaves_its_folder_to_the_next(options, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InputError, match=r"nothing\.jsonl"):
        train(config_with({**options, "data.dataset": str(tmp_path / "nothing.jsonl")}), folder)
    assert (folder / "config.yaml").exists()
    train(config_with(options, steps=1), folder)
    assert len(read_metrics(folder / "metrics.jsonl")) == 1


@pytest.mark.parametrize("credit", ["uniform", "egca-mask", "survival", "egca-contrast", "tempo"])
def test_other_rules_train_too(options, tmp_path: Path, credit: str) -> None:
    config = config_with(options, steps=2, credit__strategy=credit, objective__beta=0.05)
    train(config, tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert len(lines) == 2
    assert lines[0]["kl"] == pytest.approx(0.0, abs=1e-6)
    assert all(line["grad_norm"] is not None for line in lines)


def test_several_updates_a_step(options, tmp_path: Path) -> None:
    changes = {"objective__num_iterations": 2, "objective__minibatches": 2}
    train(config_with(options, steps=2, **changes), tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert lines[0]["sampler_gap"] < 1e-4


def test_an_exploding_step_is_skipped(options, tmp_path: Path) -> None:
    config = config_with(options, steps=2, optimizer__max_grad_norm=1e-9)
    train(config, tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert any(line["skipped_updates"] for line in lines)


def said(*words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "egca", "train", *words], capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


def test_show_paints_completions(finished: Path, tmp_path: Path) -> None:
    status, out, _ = said("show", str(finished), "--step", "2")
    samples = read_samples(finished, 2)
    assert status == 0
    assert out.count(" mode; reward ") == len(samples) == 12
    assert all(line.strip() in out for line in samples[0]["text"].splitlines())
    page = tmp_path / "page.html"
    status, out, _ = said("show", str(finished), "--step", "2", "--html", str(page))
    assert (status, out.strip()) == (0, str(page))
    assert page.read_text().count("<section>") == 12
    for folder, reason in ((finished, "no completions of step 99"), ("none", "no such folder")):
        status, _, error = said("show", str(folder), "--step", "99")
        assert (status, error.count("\n")) == (2, 1)
        assert f"{folder}: {reason}" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give --preset tiny, small or paper, or --config FILE"),
        (("--preset", "tniy"), "did you mean tiny?"),
        (("--preset", "tiny", "--credit", "ecga", "--dry-run"), "did you mean 'egca'?"),
        (("--preset", "tiny", "--set", "stesp=1"), "did you mean steps?"),
        (("--resume", "--output", "nowhere"), "cannot be read"),
        (("show", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_clear_line(words, message, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, errors = said(*words)
    assert (status, out) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1


def test_every_option_of_set_is_listed() -> None:
    status, out, _ = said("--fields")
    assert status == 0
    assert "rollout.num_generations" in out
