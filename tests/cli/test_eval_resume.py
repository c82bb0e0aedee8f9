"""`egca eval` on what an earlier run left: taken over where it still holds, and never lost."""

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

from harness.evaluation import Plan, Result, problems_of, read_samples
from harness.evaluation.journal import journal_in

ROWS = [
    {"task_id": f"own/{i}", "entry_point": "f", "tests": [{"args": [1]}],
     "reference": f"def f(x):\n    return x + {i}\n"}
    for i in (1, 2)
]  # fmt: skip
KEPT = "from the journal"


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tasks, a sample of each, and what a killed run left: that both pass, which is wrong."""
    write(tmp_path / "set.jsonl", ROWS)
    wrong = {"solution": "def f(x):\n    return x\n"}
    write(tmp_path / "samples.jsonl", [{"task_id": row["task_id"], **wrong} for row in ROWS])
    samples = read_samples(tmp_path / "samples.jsonl")
    problems, _ = problems_of(Plan(str(tmp_path / "set.jsonl"), tuple(samples)))
    with journal_in(tmp_path / "out.json.partial", False, problems, 2.0) as journal:
        for one in samples:
            result = Result(one.index, one.task_id, True, None, "correct", "none", 0.1, KEPT)
            journal.add(one, result)
    return tmp_path


def command(*options: str) -> list[str]:
    start = [sys.executable, "-m", "egca", "eval", "--samples", "samples.jsonl", "--json"]
    return [*start, "out.json", "--workers", "1", "--dataset", "set.jsonl", *options]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        command(*options), cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def kept(folder: Path) -> list[tuple[int, str, bool]]:
    """(index, task, whether it was taken over) of each result."""
    rows = json.loads((folder / "out.json").read_text())["results"]
    return [(row["index"], row["task_id"], row["evidence"] == KEPT) for row in rows]


def test_what_still_holds_is_taken_over_in_any_order_and_under_any_name(folder: Path) -> None:
    lines = (folder / "samples.jsonl").read_text().splitlines()
    (folder / "samples.jsonl").write_text("\n".join(reversed(lines)))
    done = run(folder, "--dataset", "./set.jsonl", "--resume")
    assert (done.returncode, done.stderr) == (0, "")
    assert kept(folder) == [(0, "own/2", True), (1, "own/1", True)]
    assert not (folder / "out.json.partial").exists()


def test_a_task_that_has_changed_is_judged_again(folder: Path) -> None:
    write(folder / "set.jsonl", [{**ROWS[0], "reference": "def f(x):\n    return x\n"}, ROWS[1]])
    done = run(folder, "--resume")
    assert done.returncode == 0
    assert kept(folder) == [(0, "own/1", False), (1, "own/2", True)]
    assert json.loads((folder / "out.json").read_text())["results"][0]["passed_base"] is True
    assert "out.json.partial stays: of its results, 1 are of other samples" in done.stderr


def test_a_smaller_run_leaves_the_results_of_a_larger_one(folder: Path) -> None:
    before = (folder / "out.json.partial").read_bytes()
    assert run(folder, "--resume", "--limit", "1").returncode == 0
    assert kept(folder) == [(0, "own/1", True)]
    assert (folder / "out.json.partial").read_bytes() == before
    assert run(folder, "--resume").returncode == 0
    assert kept(folder) == [(0, "own/1", True), (1, "own/2", True)]


def test_a_forgotten_resume_drops_nothing(folder: Path) -> None:
    before = (folder / "out.json.partial").read_bytes()
    done = run(folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "egca: error: out.json.partial has 2 results of a run that did not end; "
        "--resume goes on, --force drops them\n"
    )
    assert (folder / "out.json.partial").read_bytes() == before
    assert run(folder, "--force").returncode == 0
    assert kept(folder) == [(0, "own/1", False), (1, "own/2", False)]
    assert not (folder / "out.json.partial").exists()


def test_an_interruption_promises_no_file_that_there_is_not(tmp_path: Path) -> None:
    write(tmp_path / "samples.jsonl", [{"task_id": "own/1", "solution": "def f(x): pass"}])
    os.mkfifo(tmp_path / "set.jsonl")
    process = subprocess.Popen(command(), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    with (tmp_path / "set.jsonl").open("w"):  # it reads the data set now, and waits for more
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "egca: interrupted\n")
    assert not (tmp_path / "out.json.partial").exists()


def test_a_machine_that_loses_every_sample_is_no_score_of_0(tmp_path: Path) -> None:
    endless = {"task_id": "own/1", "solution": "def f(x):\n    while True: pass\n"}
    write(tmp_path / "set.jsonl", ROWS)
    write(tmp_path / "samples.jsonl", [endless])
    process = subprocess.Popen(
        command("--timeout", "60"), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        for child in map(int, children.read_text().split()):
            if b"egca.execution.workers" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
        time.sleep(0.1)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said == "egca: error: no sample can be judged: the process ended with status -9\n"
    assert not (tmp_path / "out.json").exists()
