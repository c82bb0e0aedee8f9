"""`egca localize --batch`: what it writes, what it survives, what it never reads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from egca.cli.batch import read_jobs, written_ids
from egca.errors import InputError

FIELDS = {"case_id", "line", "end_line", "ranked_lines", "seconds", "mode", "confidence"}
REFERENCE = (
    "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
)


def case(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "case_id": f"case-{number}",
        "set": "mine",
        "task_id": "sum",
        "entry_point": "f",
        "candidate": REFERENCE.replace("range(n)", f"range(n + {number + 1})"),
        "reference": REFERENCE,
        "inputs": ["(3,)", "(0,)", "(5,)"],
        "atol": 0.0,
        "truth": {"lines": [3]},
        "source": "here",
        **changes,
    }


def write_cases(path: Path, cases: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in cases))
    return path


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "egca", "localize", *map(str, args)]


def batch(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*args), capture_output=True, text=True, timeout=120)


def lines_of(path: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({row["case_id"] for row in rows}) == len(rows)
    return {row["case_id"]: row for row in rows}


def workers_of(pid: int) -> list[int]:
    """Ids of the worker processes of a batch."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {int(n): Path(f"/proc/{n}/cmdline").read_bytes() for n in children}
    return [n for n, command in commands.items() if b"egca.execution.workers" in command]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_case_gets_a_line(tmp_path: Path) -> None:
    cases = [case(0), case(1, candidate=REFERENCE), case(2, candidate="def f(n:\n    return n\n")]
    cases += [case(3, inputs=["(3"]), case(4, reference="def f(n:\n"), case(5)]
    path = write_cases(tmp_path / "cases.jsonl", cases)
    output = tmp_path / "out.jsonl"
    done = batch("--batch", path, "--output", output, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "6 cases: 3 located, 1 passing, 2 with an error; written to" in done.stderr
    found = lines_of(output)
    assert set(found) == {row["case_id"] for row in cases}
    assert all(set(row) - {"error"} == FIELDS for row in found.values())
    assert found["case-0"]["line"] == 3
    assert found["case-0"]["ranked_lines"][0] == 3
    assert 0 < found["case-0"]["seconds"] < 5
    assert (found["case-1"]["line"], found["case-1"]["mode"]) == (None, "correct")
    assert found["case-2"]["mode"] == "syntax"
    assert f"{path}:4" in found["case-3"]["error"]
    assert found["case-4"]["line"] is None


def test_truth_is_never_read(tmp_path: Path) -> None:
    cases = [case(number) for number in range(2)]
    bare = [{k: v for k, v in row.items() if k not in ("truth", "source", "set")} for row in cases]
    path = write_cases(tmp_path / "cases.jsonl", cases)
    assert [job.row for job in read_jobs(path)] == [
        {k: row[k] for k in row if k in job.row}
        for row, job in zip(bare, read_jobs(path), strict=True)
    ]
    assert not {"truth", "source", "set"} & set(read_jobs(path)[0].row)


def test_resume_after_a_kill(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "cases.jsonl", [case(number) for number in range(60)])
    output = tmp_path / "out.jsonl"
    process = subprocess.Popen(command("--batch", cases, "--output", output))
    wait_until(lambda: output.exists() and output.read_bytes().count(b"\n") > 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = output.read_bytes()
    n_kept = kept.count(b"\n")
    assert n_kept > 2
    output.write_bytes(kept + b'{"case_id": "case-59", "li')
    done = batch("--batch", cases, "--output", output, "--resume")
    assert done.returncode == 0, done.stderr
    assert f"{n_kept} done before" in done.stderr
    assert output.read_bytes().startswith(kept)
    assert len(lines_of(output)) == 60


def test_an_interruption_keeps_the_work(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "cases.jsonl", [case(number) for number in range(200)])
    output = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command("--batch", cases, "--output", output, "--workers", "2"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: output.exists() and output.stat().st_size > 0)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: to the whole group
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "--resume" in err
    assert "Traceback" not in err
    assert 0 < len(lines_of(output)) < 200


def test_a_worker_that_dies_costs_its_case_only(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "cases.jsonl", [case(number) for number in range(100)])
    output = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        command("--batch", cases, "--output", output), stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: output.exists() and output.stat().st_size > 0)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    found = lines_of(output)
    assert len(found) == 100
    errors = [row["error"] for row in found.values() if "error" in row]
    assert len(errors) == 1
    assert "ended with status -9" in errors[0]


def test_a_killed_batch_leaves_no_process(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "cases.jsonl", [case(number) for number in range(200)])
    output = tmp_path / "out.jsonl"
    process = subprocess.Popen(command("--batch", cases, "--output", output, "--workers", "2"))
    wait_until(lambda: output.exists() and output.stat().st_size > 0)
    workers = workers_of(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_an_existing_output_is_not_overwritten(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "cases.jsonl", [case(0)])
    output = tmp_path / "out.jsonl"
    output.write_text('{"case_id": "case-9"}\n')
    done = batch("--batch", cases, "--output", output)
    assert (done.returncode, output.read_text()) == (2, '{"case_id": "case-9"}\n')
    assert "--resume" in done.stderr
    assert batch("--batch", cases, "--output", output, "--force").returncode == 0
    assert set(lines_of(output)) == {"case-0"}
    done = batch("--batch", cases, "--output", cases, "--force")
    assert done.returncode == 2
    assert len(cases.read_text()) > 100


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", ":2: not JSON"),
        ("[1]", ":2: not a JSON object"),
        ('{"line": 1}', ':2: no "case_id"'),
        (json.dumps(case(0)), ':2: case_id "case-0" is on line 1 already'),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(case(0)) + "\n" + line + "\n")
    with pytest.raises(InputError) as error_info:
        read_jobs(path)
    assert str(error_info.value).startswith(f"{path}{message}")


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_no_cases_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no cases"):
        read_jobs(path)
    with pytest.raises(InputError, match="no such file"):
        read_jobs(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("before", "after", "ids"),
    [
        (b"", b"", set()),
        (b'{"case_id": "a"}\n', b'{"case_id": "a"}\n', {"a"}),
        (b'{"case_id": "a"}', b'{"case_id": "a"}\n', {"a"}),
        (b'{"case_id": "a"}\n{"case_', b'{"case_id": "a"}\n', {"a"}),
        (b'{"case_', b"", set()),
        (
            b'{"case_id": "a"}\n\n{"case_id": "b"}\n',
            b'{"case_id": "a"}\n\n{"case_id": "b"}\n',
            {"a", "b"},
        ),
    ],
)
def test_a_torn_last_line_is_repaired(
    tmp_path: Path, before: bytes, after: bytes, ids: set[str]
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(before)
    with path.open("r+b") as stream:
        assert written_ids(stream, "out.jsonl") == ids
    assert path.read_bytes() == after


def test_another_file_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes\nmore\n")
    with path.open("r+b") as stream, pytest.raises(InputError, match=r"notes.txt:1: not a line"):
        written_ids(stream, "notes.txt")
    assert path.read_bytes() == b"my notes\nmore\n"


def test_real_cases(shared: Path, tmp_path: Path) -> None:
    rows = (shared / "data/localization/mutants.jsonl").read_text().splitlines()[:4]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(rows) + "\n")
    output = tmp_path / "out.jsonl"
    done = batch("--batch", path, "--output", output, "--workers", "2")
    assert done.returncode == 0, done.stderr
    found = lines_of(output)
    assert len(found) == 4
    assert all(row["line"] is not None for row in found.values())
