"""`egca localize` as a user meets it: real processes, real files, exit statuses and messages."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import pytest
from test_render_json import SCHEMA, violations

from egca.cli import main
from egca.cli.inputs import EXAMPLES, example_names

RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"
TESTS = "assert add(1, 2) == 3\nassert add(0, 0) == 0\n"
NEAR = "def add(a, b):\n    return sub(a, b)\n\n\ndef sub(a, b):\n    return a - b\n"


def egca(
    *args: str | Path,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    environ = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")
    }
    done = subprocess.run(
        [sys.executable, "-m", "egca", "localize", *map(str, args)],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=60,
        cwd=cwd,
        env={**environ, **env},
    )
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a right and a wrong program and tests."""
    for name, text in (("right.py", RIGHT), ("wrong.py", WRONG), ("tests.py", TESTS)):
        (tmp_path / name).write_text(text)
    return tmp_path


ALL = ("--reference", "right.py", "--tests", "tests.py")


def test_a_wrong_program_is_located(files: Path) -> None:
    done = egca("wrong.py", *ALL, cwd=files)
    assert done.returncode == 0, done.stderr
    assert "> 2 │     return a - b" in done.stdout
    assert "add(1, 2)" in done.stdout
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_a_program_that_passes_has_status_1(files: Path) -> None:
    done = egca("right.py", *ALL, cwd=files)
    assert done.returncode == 1, done.stderr
    assert "passes 2 tests" in done.stdout


def test_json_is_one_object(files: Path) -> None:
    done = egca("wrong.py", *ALL, "--json", cwd=files)
    data = json.loads(done.stdout)
    assert (done.returncode, data["schema"]) == (0, "egca.localization/1")
    assert data["divergence"]["span"]["line"] == 2
    assert data["failing"]["expected"]["json"] == 3


def test_html_is_written(files: Path) -> None:
    done = egca("wrong.py", *ALL, "--html", "page.html", cwd=files)
    assert done.returncode == 0, done.stderr
    assert "<mark>" in (files / "page.html").read_text(encoding="utf-8")


def test_without_a_reference_it_says_that_the_answer_is_weaker(files: Path) -> None:
    done = egca("wrong.py", "--tests", "tests.py", cwd=files)
    assert done.returncode == 0, done.stderr
    assert "> 2 │     return a - b" in done.stdout
    assert "reference" in done.stdout


@pytest.mark.parametrize("name", example_names())
def test_every_example_is_located(name: str) -> None:
    done = egca("--example", name, "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert violations(SCHEMA, data) == []
    wrong = {
        "total": 4, "grades": 7, "balance": 4, "intervals": 11, "receipt": 11,
        "average": 9, "search": 7, "primes": 7,
    }  # fmt: skip
    assert wrong[name] in data["divergence"]["ranked_lines"][:3], data["divergence"]["sentence"]


def test_examples_are_listed() -> None:
    done = egca("--list-examples")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    folders = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
    assert sorted(names) == folders
    assert len(names) >= 6


COMPLETION = """Here is my solution:

```python
from typing import List

def below_zero(operations: List[int]) -> bool:
    balance = 0
    for op in operations:
        balance += op
        if balance <= 0:
            return True
    return False
```

It stops early.
"""


def test_a_completion_from_stdin_with_a_task() -> None:
    done = egca("-", "--task", "HumanEval/3", "--json", stdin=COMPLETION.encode())
    assert done.returncode == 0, done.stderr
    divergence = json.loads(done.stdout)["divergence"]
    first, last = divergence["completion_span"]
    assert "<=" in COMPLETION[first:last] or "balance" in COMPLETION[first:last]
    assert divergence["span"]["line"] == 7


def test_kinds_are_inferred(tmp_path: Path) -> None:
    for name, kind in (("intervals", "method"), ("receipt", "script"), ("total", "function")):
        assert json.loads(egca("--example", name, "--json").stdout)["kind"] == kind


def write(folder: Path, name: str, text: str | bytes) -> str:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


BAD: dict[str, tuple[Sequence[str], str]] = {
    "nothing": ((), "no program given"),
    "no tests": (("wrong.py",), "no tests given"),
    "file missing": (("missing.py", *ALL), "missing.py: no such file or directory"),
    "directory": ((".", *ALL), ".: a directory"),
    "tests missing": (("wrong.py", "--tests", "none.py"), "none.py: no such file or directory"),
    "tests are a directory": (("wrong.py", "--tests", "."), ".: a directory, not a test file"),
    "reference missing": (
        ("wrong.py", "--tests", "tests.py", "--reference", "x.py"),
        "x.py: no such",
    ),
    "binary": (("binary.py", *ALL), "binary.py: a binary file"),
    "not text": (("latin.py", *ALL), "latin.py: not text in UTF-8"),
    "empty": (("empty.py", *ALL), "empty.py: empty"),
    "empty stdin": (("-", *ALL), "standard input: empty"),
    "test file without tests": (("wrong.py", "--tests", "empty.py"), "empty.py"),
    "tests are not Python": (("wrong.py", "--tests", "broken.py"), "broken.py:1"),
    "tests of another name": (("wrong.py", "--tests", "other.py"), "ad"),
    "entry point missing": (("wrong.py", *ALL, "--entry-point", "ad"), "ad"),
    "unknown task": (("wrong.py", "--task", "HumanEval/999"), "HumanEval/999"),
    "unknown data set": (("wrong.py", "--task", "LiveCodeBench/x"), "LiveCodeBench is not shipped"),
    "task of another name": (
        ("wrong.py", "--task", "HumanEval/3"),
        'wrong.py: does not define "below_zero"; it defines add',
    ),
    "strange task": (("wrong.py", "--task", "foo"), '"foo"'),
    "dataset without task": (("wrong.py", *ALL, "--dataset", "HumanEval"), "--task"),
    "unknown example": (("--example", "totl"), 'did you mean "total"?'),
    "example with files": (("wrong.py", "--example", "total"), "--example brings its own"),
    "kind": (("wrong.py", *ALL, "--kind", "procedure"), "function, method, script"),
    "kind differs": (("wrong.py", *ALL, "--kind", "method"), "--kind says method"),
    "script with entry point": (
        ("wrong.py", *ALL, "--kind", "script", "--entry-point", "f"),
        "script",
    ),
    "colour": (("wrong.py", *ALL, "--color", "red"), "auto, always, never"),
    "timeout": (("wrong.py", *ALL, "--timeout", "0"), "--timeout"),
    "budget": (("wrong.py", *ALL, "--budget-s", "nan"), "--budget-s"),
    "tolerance": (("wrong.py", *ALL, "--atol", "-1"), "--atol"),
    "html over the candidate": (
        ("wrong.py", *ALL, "--html", "wrong.py"),
        "--html is wrong.py, the file of the candidate; write somewhere else",
    ),
    "html into nowhere": (
        ("wrong.py", *ALL, "--html", "none/page.html"),
        "there is no folder none",
    ),
    "output without batch": (("--output", "x.jsonl"), "belong together"),
    "workers without batch": (("wrong.py", *ALL, "--workers", "2"), "--batch"),
    "reference that fails": (
        ("wrong.py", "--reference", "times.py", "--tests", "tests.py"),
        "the reference",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line(
    name: str, files: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(files, "binary.py", b"\x7fELF\0\0\x01")
    write(files, "latin.py", "x = 'é'\n".encode("latin-1"))
    write(files, "empty.py", "\n# nothing\n" if "test" in name else " \n")
    write(files, "broken.py", "assert add(1,\n")
    write(files, "times.py", "def add(a, b):\n    return a * b\n")
    write(files, "other.py", "assert ad(1, 2) == 3\n")
    args, message = BAD[name]
    # in this process: a start of Python for each would take longer than all of them
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["egca", "localize", *args])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(SystemExit) as exit_info:
        main()
    out, err = capfd.readouterr()
    assert exit_info.value.code == 2, out + err
    assert out == ""
    assert message in err
    assert err.startswith("egca: error: ")
    assert err.count("\n") == 1


def test_a_declared_encoding_is_read(files: Path) -> None:
    text = "# -*- coding: latin-1 -*-\ndef add(a, b):\n    é = a - b\n    return é\n"
    write(files, "latin.py", text.encode("latin-1"))
    done = egca("latin.py", *ALL, cwd=files)
    assert done.returncode == 0, done.stderr
    assert "é = a - b" in done.stdout


def test_a_program_that_does_not_compile_is_located_without_a_reference(files: Path) -> None:
    write(files, "broken.py", "def add(a, b:\n    return a + b\n")
    done = egca("broken.py", "--tests", "tests.py", cwd=files)
    assert done.returncode == 0, done.stderr
    assert "> 1 │ def add(a, b:" in done.stdout
    assert "compile" in done.stdout


def in_terminal(args: Sequence[str], cwd: Path, **env: str) -> str:
    """What the command writes to a terminal of its own."""
    leader, follower = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    command = [sys.executable, "-m", "egca", "localize", *args]
    process = subprocess.Popen(
        command, stdout=follower, stderr=follower, cwd=cwd, env={**environ, "TERM": "xterm", **env}
    )
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    process.wait()
    os.close(leader)
    return b"".join(parts).decode()


def test_colour_only_where_it_is_wanted(files: Path) -> None:
    args = ("wrong.py", *ALL)
    assert "\x1b[" in in_terminal(args, files)
    assert "\x1b" not in in_terminal(args, files, NO_COLOR="1")
    assert "\x1b" not in in_terminal(args, files, TERM="dumb")
    assert "\x1b" not in in_terminal((*args, "--color", "never"), files)
    assert "\x1b[" in egca(*args, "--color", "always", cwd=files).stdout


@pytest.mark.parametrize("columns", [40, 80])
def test_the_width_of_the_terminal_is_kept(files: Path, columns: int) -> None:
    done = egca("wrong.py", *ALL, cwd=files, COLUMNS=str(columns))
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= columns


def test_a_terminal_without_unicode_gets_ascii(files: Path) -> None:
    write(files, "wrong.py", 'def add(a, b):\n    """é 日本"""\n    return a - b\n')
    done = egca("wrong.py", *ALL, cwd=files, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "> 3 |     return a - b" in done.stdout
    assert r"\u65e5" in done.stdout


def test_a_closed_pipe_is_no_bug(files: Path) -> None:
    command = (
        f"{quote(sys.executable)} -m egca localize wrong.py {' '.join(ALL)} --json | head -c 1"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=files, timeout=60)
    assert b"Traceback" not in done.stderr
    assert b"bug" not in done.stderr


def test_a_machine_without_room_is_one_line(files: Path) -> None:
    command = f"ulimit -n 12; {quote(sys.executable)} -m egca localize wrong.py {' '.join(ALL)}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=files, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(b"egca: error: the sandbox process cannot start: OSError: ")
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "status", "said"),
    [
        ("<&-", 2, b"egca: error: standard input: empty; a program is needed\n"),
        ("<wrong.py >&-", 0, b""),
        ("<wrong.py 2>&-", 0, b""),
        ("<&- >&- 2>&-", 2, b""),
    ],
)
def test_closed_streams_are_no_bug(files: Path, redirection: str, status: int, said: bytes) -> None:
    command = f"{quote(sys.executable)} -m egca localize - {' '.join(ALL)} {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=files, timeout=60)
    assert done.returncode == status, done.stderr
    assert done.stderr == said


def test_the_python_entry_is_lazy() -> None:
    code = "import sys, egca; assert 'egca.localization' not in sys.modules; print(egca.localize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search("function localize", done.stdout)


def test_a_cold_start_stays_under_its_bound() -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert egca("--example", "total").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # wall-clock is 0.7 s where nothing else runs; processor time tells the same on a busy machine
    assert min(seconds) < 1.2, seconds
