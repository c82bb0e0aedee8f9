"""`egca data`: what it counts, what it writes, and one clear line where something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from egca.problems import load_dataset

ROWS: list[dict[str, Any]] = [
    {
        "task_id": f"own/{i}",
        "entry_point": "f",
        "reference": f"def f(x):\n    return x + {i}\n",
        "tests": [{"args": [n], "expected": n + 1} for n in range(i)],
    }
    for i in range(1, 4)
]
DATED = {
    "question_id": "a",
    "question_content": "Print 1.",
    "contest_date": "2024-05-01T00:00:00",
    "starter_code": "",
    "public_test_cases": '[{"input": "", "output": "1", "testtype": "stdin"}]',
    "private_test_cases": "[]",
    "metadata": "{}",
}


def egca(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egca", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Three problems, of which the last two have a wrong reference."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_info_counts_and_judges_the_references(rows: Path) -> None:
    shown = egca("data", "info", rows)
    assert shown.returncode == 1, shown.stderr
    assert shown.stdout.splitlines() == [
        str(rows),
        "problems    3 (3 function)",
        "tests       6; a problem has 1 to 3, median 2",
        "references  3 given, 1 pass their own tests",
        "  own/2: the reference itself fails test 1: f(0) returns 2, but 1 is expected",
        "  own/3: the reference itself fails test 1: f(0) returns 3, but 1 is expected",
    ]
    assert shown.stderr == ""


def test_info_without_running_anything(rows: Path) -> None:
    shown = egca("data", "info", rows, "--no-check", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == {
        "schema": 1,
        "dataset": str(rows),
        "path": str(rows),
        "n_problems": 3,
        "kinds": {"function": 3},
        "tests": {"total": 6, "min": 1, "median": 2, "max": 3},
        "references": {"given": 3, "pass": None, "failing": []},
        "skipped": [],
    }


def test_info_tells_what_it_leaves_out(rows: Path) -> None:
    with rows.open("a") as stream:
        stream.write("{oops\n")
    shown = egca("data", "info", rows, "--no-check")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith(f"egca: error: {rows}:4: not JSON")
    assert shown.stderr.count("\n") == 1
    shown = egca("data", "info", rows, "--no-check", "--skip-bad")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[-1] == "left out    1 rows that cannot be read"
    assert shown.stderr.startswith(f"egca: left out: {rows}:4: not JSON")


def test_convert_writes_what_loads_again(tmp_path: Path) -> None:
    output = tmp_path / "plain.jsonl"
    chosen = ("--ids", "HumanEval/3", "--ids", "HumanEval/38")
    shown = egca("data", "convert", "HumanEval", output, *chosen)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == f"egca: 2 problems written to {output}\n"
    written = list(load_dataset(output))
    assert [problem.task_id for problem in written] == ["HumanEval/3", "HumanEval/38"]
    assert [path.name for path in tmp_path.iterdir()] == ["plain.jsonl"]
    shown = egca("data", "convert", "HumanEval", output, "--limit", "1")
    assert (shown.returncode, shown.stderr) == (
        2,
        f"egca: error: {output} exists; overwrite it by --force\n",
    )
    assert egca("data", "convert", "HumanEval", output, "--limit", "1", "--force").returncode == 0
    assert len(list(load_dataset(output))) == 1


def test_convert_writes_through_links_and_pipes_and_over_no_file_of_others(
    rows: Path, tmp_path: Path
) -> None:
    target, link, pipe = tmp_path / "target.jsonl", tmp_path / "link.jsonl", tmp_path / "pipe"
    target.write_text("old\n")
    link.symlink_to("target.jsonl")
    os.mkfifo(pipe)
    theirs = tmp_path / "link.jsonl.part"
    theirs.write_text("somebody else's")
    shown = egca("data", "convert", rows, link, "--force")
    assert shown.returncode == 0, shown.stderr
    assert link.is_symlink()
    assert len(list(load_dataset(target))) == 3
    assert theirs.read_text() == "somebody else's"
    command = [sys.executable, "-m", "egca", "data", "convert", str(rows), str(pipe)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reader, True)
        process.wait(60)
        with os.fdopen(reader) as stream:
            assert len(stream.readlines()) == 3
    assert pipe.is_fifo()


def test_ids_as_people_write_them_and_the_one_that_lacks(rows: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert egca("data", "convert", rows, output, "--ids", "own/1, own_3,").returncode == 0
    assert [problem.task_id for problem in load_dataset(output)] == ["own/1", "own/3"]
    shown = egca(
        "data", "convert", rows, output, "--ids", "own/1,own/XX", "--limit", "1", "--force"
    )
    assert (shown.returncode, shown.stderr) == (
        2,
        f'egca: error: {rows}: no task "own/XX" in it\n',
    )


def test_a_task_that_is_there_twice(rows: Path) -> None:
    evil = {**ROWS[0], "task_id": "own/\ud800\x1b[2J", "reference": "def f(x): return 7"}
    with rows.open("a") as stream:
        stream.write(f"{json.dumps(ROWS[0])}\n{json.dumps(evil)}\n")
    shown = egca("data", "info", rows)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr == f'egca: error: {rows}:4: task_id "own/1" is on line 1 already\n'
    shown = egca("data", "info", rows, "--skip-bad")
    assert shown.returncode == 1
    assert "left out    1 rows" in shown.stdout
    assert r"own/\ud800\x1b[2J: the reference itself fails" in shown.stdout


def test_convert_leaves_out_what_another_data_set_has(tmp_path: Path) -> None:
    held, output = tmp_path / "held.jsonl", tmp_path / "plain.jsonl"
    ids = ("--ids", "HumanEval/3,HumanEval/38")
    assert egca("data", "convert", "HumanEval", held, "--ids", "HumanEval/3").returncode == 0
    held.write_text(held.read_text().replace("HumanEval/3", "HUMANEVAL/3"))  # as MBPP and MBPP+
    shown = egca("data", "convert", "HumanEval", output, *ids, "--exclude", held)
    assert shown.returncode == 0, shown.stderr
    assert [problem.task_id for problem in load_dataset(output)] == ["HumanEval/38"]
    shown = egca("data", "convert", "HumanEval", output, "--exclude", "HumanEval", "--force")
    assert shown.returncode == 2
    assert shown.stderr == f"egca: error: {output}: no problem is left to write\n"
    assert [problem.task_id for problem in load_dataset(output)] == ["HumanEval/38"]


def test_convert_takes_a_window_of_time(tmp_path: Path) -> None:
    path, output = tmp_path / "lcb.jsonl", tmp_path / "plain.jsonl"
    later = {**DATED, "question_id": "b", "contest_date": "2025-01-01T00:00:00"}
    path.write_text(f"{json.dumps(DATED)}\n{json.dumps(later)}\n")
    window = ("--since", "2024-05-01", "--until", "2024-12-31")
    assert egca("data", "convert", path, output, *window).returncode == 0
    assert [problem.task_id for problem in load_dataset(output)] == ["LiveCodeBench/a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "HumanEvl"], 'did you mean "HumanEval"?'),
        (["info", "no/file.jsonl"], "no/file.jsonl: no such file or directory"),
        (["info", "HumanEval", "--timeout", "0"], "--timeout is 0"),
        (["info", "HumanEval", "--since", "May"], '--since is "May", but must be a day'),
        (["convert", "HumanEval", "OUT", "--limit", "0"], "--limit is 0"),
        (["convert", "HumanEval", "OUT", "--ids", "HumanEval/999"], 'no task "HumanEval/999"'),
        (["convert", "HumanEval", "OUT", "--since", "2024-01-01"], "no day in this task"),
        (["convert", "HumanEval", "no/folder/x.jsonl"], "cannot be written: no such file"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    output = tmp_path / "out.jsonl"
    given = [str(output) if argument == "OUT" else argument for argument in arguments]
    shown = egca("data", *given)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert message in shown.stderr
    assert shown.stderr.startswith("egca: error: ")
    assert shown.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["info", "convert"])
def test_each_command_explains_itself(command: str) -> None:
    shown = egca("data", command, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"Usage: egca data {command}")


def test_localize_finds_its_place_behind_a_preamble(tmp_path: Path) -> None:
    """The span in the completion is not moved by the imports that the data set puts in front."""
    stub = "class Solution:\n    def total(self, xs: List[int]) -> int:\n        return sum(xs)"
    row = {
        "task_id": "total",
        "prompt": "from typing import *\nimport math\n",
        "problem_description": "Sum up.",
        "completion": stub,
        "entry_point": "Solution().total",
        "test": "def check(candidate):\n    assert candidate(xs = [1, 2]) == 3\n",
    }
    (tmp_path / "set.jsonl").write_text(json.dumps(row))
    completion = f"Here:\n\n```python\n{stub.replace('sum(xs)', 'sum(xs) + 1')}\n```\n"
    (tmp_path / "answer.md").write_text(completion)
    task = ("--task", "LeetCode/total", "--dataset", tmp_path / "set.jsonl")
    shown = egca("localize", tmp_path / "answer.md", *task, "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    start, end = found["divergence"]["completion_span"]
    assert completion[start:end] in "sum(xs) + 1"
