"""`egca eval` and what people, programs and machines give it: one line each, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SET = [
    {"task_id": "own/1", "entry_point": "f", "tests": [{"args": [1], "expected": 2}]},
    {"task_id": "own/2", "entry_point": "g", "tests": [{"args": [1], "expected": 2}]},
]
SAMPLES = [
    {"task_id": "own/1", "solution": "def f(x):\n    return x + 1\n"},
    {"task_id": "own/2", "solution": "def g(x):\n    raise ValueError('\\ud800\\n\\x1b[2Jx')\n"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("set", SET), ("samples", SAMPLES)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text)
    (tmp_path / "link.jsonl").symlink_to("set.jsonl")
    (tmp_path / "notes.partial").write_text("without an end of line")
    return tmp_path


def egca(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **variables}
    command = [sys.executable, "-m", "egca", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def judge(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    files = ("--samples", "samples.jsonl", "--dataset", "set.jsonl", "--workers", "1")
    return egca(folder, "eval", *files, *options, **variables)


def test_no_sample_reaches_the_terminal_or_another_tasks_score(folder: Path) -> None:
    with (folder / "samples.jsonl").open("a") as stream:
        stream.write('{"task_id": "own/\\ud800\\n9", "solution": "x"}\n{"task_id": "own_2"}\n')
    done = judge(folder, "--json", "out.json", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pass@1           50.0 \\xb1 50.0 %" in done.stdout
    assert r"own/2 test 1: the program raises an exception" in done.stdout
    assert r"ValueError: \ud800\n\x1b[2Jx (line 2)" in done.stdout
    assert r"own/\ud800\n9: samples.jsonl:3: no task" in done.stdout
    assert "\x1b" not in done.stdout
    assert "left out  1 samples for no task of the data set" in done.stdout
    found = json.loads((folder / "out.json").read_text())["summary"]
    assert (found["n_tasks"], found["n_without_task"], found["fewest_samples"]) == (2, 1, 1)


def test_rows_that_are_left_out_are_told_and_counted(folder: Path) -> None:
    with (folder / "set.jsonl").open("a") as stream:
        stream.write(json.dumps(SET[0]) + "\n{}\n")
    refused = judge(folder)
    assert refused.returncode == 2
    assert 'set.jsonl:3: task_id "own/1" is on line 1 already' in refused.stderr
    done = judge(folder, "--skip-bad", "--json", "out.json")
    assert done.returncode == 0
    assert done.stderr.count("egca: left out: set.jsonl:") == 2
    assert "left out  2 rows of the data set" in done.stdout
    assert len(json.loads((folder / "out.json").read_text())["summary"]["skipped"]) == 2


@pytest.mark.parametrize("ids", [("own/1, own_2,",), ("own/1", "own/2")])
def test_ids_as_people_write_them(folder: Path, ids: tuple[str, ...]) -> None:
    done = judge(folder, *(word for one in ids for word in ("--ids", one)))
    assert done.stdout.startswith("set.jsonl: 2 samples of 2 tasks"), done.stderr


def test_a_report_that_cannot_be_written_is_shown(folder: Path) -> None:
    done = judge(folder, "--json", "out.json", "--html", "/dev/full")
    assert (done.returncode, done.stderr) == (
        2,
        "egca: error: /dev/full: no space left on device\n",
    )
    assert "own/2 test 1" in done.stdout
    assert (folder / "out.json").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--json", "samples.jsonl"), "--json is samples.jsonl, the file of --samples"),
        (("--html", "./link.jsonl"), "--html is link.jsonl, the file of --dataset"),
        (("--json", "x", "--html", "./x"), "--html is x, the file of --json"),
        (("--html", "/proc/x.html"), "/proc/x.html: "),
        (("--json", "notes"), "notes.partial has 1 result of a run that did not end"),
        (("--json", "/dev/null", "--resume"), "--resume needs --json OUT, a file"),
        (("--resume", "--force", "--json", "x"), "choose one"),
        (("--engine", "evalplus", "--timeout", "1"), "--timeout belongs to --engine native"),
        (
            ("--engine", "evalplus", "--resume", "--json", "x"),
            "--resume belongs to --engine native",
        ),
        (("--engine", "evalplus", "--no-cache"), "--no-cache belongs to --engine native"),
        (("--timeout", "inf"), "--timeout is inf, but must be a number of seconds above 0"),
        (("--timeout", "1e11"), "and at most 86,400"),
        (("--ids", " ,"), '--ids is " ,", but must name tasks'),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    folder: Path, options: tuple[str, ...], said: str
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = judge(folder, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_limit_that_leaves_no_sample(folder: Path) -> None:
    text = (folder / "samples.jsonl").read_text()
    (folder / "samples.jsonl").write_text("{torn\n" + text)
    done = judge(folder, "--limit", "1")
    assert done.returncode == 2
    assert done.stderr.startswith("egca: error: samples.jsonl:1: not JSON")
    assert done.stderr.endswith("; --ids and --limit leave no sample\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("data", "info", "set.jsonl", "--timeout", "1e300"),
        ("localize", "--example", "grades", "--timeout", "1e300"),
        ("localize", "--example", "grades", "--budget-s", "inf"),
    ],
)
def test_times_have_the_same_bound_everywhere(folder: Path, arguments: tuple[str, ...]) -> None:
    done = egca(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "and at most 86,400" in done.stderr
