"""The frame of the command line: quick help, lazy commands, errors in one line, exit statuses."""

import subprocess
import sys

import pytest

from egca import __version__
from egca.cli import COMMANDS

COMMAND = """
from egca.errors import InputError
import os, signal

def fail(kind: str) -> None:
    if kind == "input":
        raise InputError("cases.jsonl:3: no such\\nthing")
    if kind == "bug":
        raise ZeroDivisionError("division by zero")
    if kind == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
"""
RUN = """
import sys
from egca.cli import app
app.COMMANDS["fail"] = app.Entry("faulty:fail", "Fails.")
app.main()
"""


def egca(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egca", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def faulty(tmp_path):
    """Runs the command line with one command more, which fails as its argument says."""
    (tmp_path / "faulty.py").write_text(COMMAND)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", RUN, *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)

    return run


def test_help_lists_every_command():
    shown = egca("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in COMMANDS)


def test_help_imports_no_command_and_nothing_heavy():
    code = "import sys; sys.argv = ['egca', '--help']\nfrom egca.cli import main\ntry: main()\n"
    code += "except SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    loaded = run.stderr.split()
    assert "egca.cli.app" in loaded
    for module in ("numpy", "rich", "msgpack", "egca.cli.doctor", "egca.execution", "asyncio"):
        assert module not in loaded


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name):
    shown = egca(name, "--help")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"Usage: egca {name}")


def test_version():
    assert egca("--version").stdout == f"egca {__version__}\n"


def test_bad_input_is_one_line_and_status_2(faulty):
    shown = faulty("fail", "input")
    assert shown.returncode == 2
    assert shown.stderr == "egca: error: cases.jsonl:3: no such thing\n"


def test_a_bug_of_ours_says_so_and_how_to_see_it(faulty):
    shown = faulty("fail", "bug")
    assert shown.returncode == 70
    assert shown.stderr.count("\n") == 1
    assert "bug: ZeroDivisionError: division by zero" in shown.stderr
    assert "egca --debug fail" in shown.stderr


@pytest.mark.parametrize(("kind", "status"), [("input", 2), ("bug", 70)])
def test_debug_shows_the_traceback_and_keeps_the_status(faulty, kind, status):
    shown = faulty("--debug", "fail", kind)
    assert shown.returncode == status
    assert shown.stderr.startswith("Traceback")
    assert 'faulty.py"' in shown.stderr


def test_ctrl_c_is_status_130(faulty):
    shown = faulty("fail", "interrupt")
    assert shown.returncode == 130
    assert "Traceback" not in shown.stderr


def test_usage_errors_are_status_2_and_a_near_miss_is_suggested():
    assert egca("--bogus").returncode == 2
    shown = egca("docter")
    assert shown.returncode == 2
    assert "doctor" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lokalize",), "no such command 'lokalize'. Did you mean 'localize'? \"egca --help\""),
        (("bench", "mian"), "Did you mean 'main'? \"egca bench --help\" says how"),
        (("--foo",), 'no such option: --foo; "egca --help" says how'),
        (("data", "info"), "missing argument 'NAME_OR_PATH'; \"egca data info --help\" says how"),
        (("localize", "x.py", "--budget-s", "abc"), "invalid value for '--budget-s': "),
    ],
)
def test_misuse_is_one_line_that_names_the_help(arguments, said):
    run = egca(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("egca: error: ")
    assert said in run.stderr
    assert run.stderr.count("\n") == 1


def test_a_group_without_a_command_shows_its_help():
    run = egca("bench")
    assert run.returncode == 2
    assert "Usage: egca bench" in run.stdout + run.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["localize", "--help"],
        ["localize", "--list-examples"],
        ["localize", "--example", "total", "--json"],
    ],
)
def test_a_full_disk_is_one_line_and_status_2(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "egca", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    said = "egca: error: a file or standard output: no space left on device\n"
    assert done.stderr == said


def test_a_reader_that_goes_away_is_not_told_of() -> None:
    command = [sys.executable, "-m", "egca", "localize", "--list-examples"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    running.stdout.close()
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (1, "")
