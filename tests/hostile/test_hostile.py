"""Programs that cheat or harm: each gets its verdict, leaves nothing behind, harms no other.

A case is a file in cases/ (harness/benchmarks/hostile_cases.py reads them) or an entry of
hostile_sources.py. f(1) should give 2, and f(2) should give 3. The
cause "none" is for a program that does harm beside its right answer, and gives another one where
it succeeds. What cheats the tests themselves is in test_judge.py."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_sources import SOURCES

from egca.execution import Call, Limits, Sandbox, run_program
from egca.execution.judging import judge
from egca.problems import Check, Example, Problem
from egca.types import Cause, Failure
from harness.benchmarks.hostile_cases import hostile_cases

CHECK = """
def check(candidate):
    assert candidate(1) == 2
    assert candidate(2) == 3

check(candidate)
"""

LIMITS = Limits(
    call_s=0.3, late_call_s=0.05, program_s=0.9, memory_bytes=1 << 28, file_bytes=1 << 20
)
# How much of the sandbox may be missing: nothing, or the namespaces, as in a usual container.
NAMESPACES = ("user namespace", "mount namespace", "network namespace", "IPC namespace")
WITHOUT = {
    "all layers": (),
    "no namespaces": (*NAMESPACES, "host name namespace", "PID namespace"),
}


ADD = "def f(x):\n    return x + 1"
PROBLEM = Problem(
    "HumanEval/hostile",
    "f",
    (
        Example("1", (1,), expected=2),
        Example("2", (2,), expected=3),
        Check("check", CHECK, "candidate"),
    ),
)


# Many that use up all of their time, twice, teach no more than a few.
LONG = (
    *("a_megabyte_of_names", "blocked_signals", "empty_deques", "forged_drop_by_drop"),
    *("forged_places_without_end", "loop_swallows_alarm", "memory_bomb_small_objects"),
    *("message_without_end", "passes_descriptors_up", "recursion_without_limit", "shared_tower"),
    *("stops_itself", "swallows_memory_errors", "forged_message_without_end", "many_globals"),
)
LITTER = ("deep_folders", "folders_nobody_may_enter", "many_files", "forged_error", "memory_bomb")


CASES = SOURCES | hostile_cases()


@pytest.fixture(scope="module")
def others() -> int:
    """Processes of this one that were there before: those of other tests' fixtures."""
    return len(descendants())


@pytest.fixture(scope="module")
def sandboxes(others: int) -> Iterator[dict[str, Sandbox]]:
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(Sandbox(LIMITS, without=without))
            for name, without in WITHOUT.items()
        }


def kinds() -> Iterator[Any]:
    """Every case behind all layers; without namespaces by default those that look for a way out."""
    for name, (words, _) in CASES.items():
        marks = (pytest.mark.slow,) if name in LONG else ()
        yield pytest.param("all layers", name, id=name, marks=marks)
        is_short = words == "none" or name in LITTER
        marks = () if is_short else (pytest.mark.slow,)
        yield pytest.param("no namespaces", name, id=f"{name}, no namespaces", marks=marks)


def verdict(sandbox: Sandbox, source: str) -> Cause:
    outcomes = run_program(sandbox, source, "function", "f", [Call((1,)), Call((2,))])
    if isinstance(outcomes, Failure):
        return outcomes.cause
    for outcome, expected in zip(outcomes, (2, 3), strict=True):
        if outcome.failure is not None:
            return outcome.failure.cause
        if outcome.value != expected:
            return Cause.WRONG_OUTPUT
    return Cause.NONE


def descendants() -> set[int]:
    """Processes that this process started, in a few generations, zombies included."""
    found: set[int] = set()
    new = [os.getpid()]
    while new:
        pid = new.pop()
        with contextlib.suppress(OSError):  # it, or a thread of it, has ended in between
            for task in [*Path(f"/proc/{pid}/task").glob("*/children")]:
                new += map(int, task.read_text().split())
        found.update(new)
    return found


def settled(n_processes: int) -> bool:
    """Whether there are no more processes than that, soon."""
    deadline = time.monotonic() + 3
    while len(descendants()) > n_processes:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_there_are_many_kinds() -> None:
    assert len(CASES) >= 150


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the user of a child owns, where it can; nothing in it may change."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "canary").write_text("canary")
    (folder / "folder").mkdir()
    return folder


def state_of(folder: Path) -> list[tuple[object, ...]]:
    """Names, modes, times and contents of a folder and of what is in it."""
    found: list[tuple[object, ...]] = []
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.stat()
        text = path.read_text() if path.is_file() else ""
        found.append((path, status.st_mode, status.st_uid, status.st_mtime_ns, text))
        found.append(tuple(os.listxattr(path)))
    return found


@pytest.mark.parametrize(("layers", "name"), [*kinds()])
def test_hostile_program_is_contained(
    sandboxes: dict[str, Sandbox], others: int, outside: Path, layers: str, name: str
) -> None:
    """Run and judged: the verdict it must get, and nothing left of it in files or processes."""
    words, source = CASES[name]
    expected = {Cause(word) for word in words.split("|")}
    sandbox = sandboxes[layers]
    # Each zygote, its two idle children, and the waiting process above a PID namespace.
    n_processes = others + sum(
        3 + (one.layers()["PID namespace"] == "on") for one in sandboxes.values()
    )
    source = source.replace("@outside@", str(outside))
    canary = state_of(outside)
    before = files_around(), len(os.listdir("/proc/self/fd")), threading.active_count()

    assert verdict(sandbox, source) in expected
    judged = judge(PROBLEM, source, sandbox=sandbox)
    assert judged.cause in expected
    assert judged.passed is (judged.cause is Cause.NONE)

    assert next_is_right(sandbox)
    assert settled(n_processes)
    assert (files_around(), len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert state_of(outside) == canary


def next_is_right(sandbox: Sandbox) -> bool:
    """Whether the next program gets its verdict, with limits that a busy machine does not reach."""
    judged = judge(PROBLEM, ADD, sandbox=sandbox, limits=Limits())
    return judged.passed and verdict(sandbox, ADD) is Cause.NONE


def files_around() -> set[str]:
    """Names in the folders that a program would litter, and the scratch folders where those are."""
    places = [tempfile.gettempdir(), "/var/tmp", "/dev/shm", "/", str(Path.home()), os.getcwd()]
    return {
        f"{place}/{name}"
        for place in places
        if os.path.isdir(place)
        for name in os.listdir(place)
        if "egca-was-here" in name or name in ("answer", "out", "1")
    } | {str(path) for path in Path(tempfile.gettempdir()).glob(f"egca-{os.getpid()}-*~*")}
