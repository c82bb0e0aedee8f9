"""Programs that cheat or harm: each gets its verdict, leaves nothing behind, harms no other.

A case is a file in cases/ with its cause, or several that kernels and versions may choose from, in
the first line. It is called as f(1) and should give 2."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from egca.execution import Call, Limits, Sandbox, run_program
from egca.types import Cause, Failure

CASES = sorted((Path(__file__).parent / "cases").glob("*.py"))
LIMITS = Limits(call_s=0.4, program_s=2.0, memory_bytes=1 << 28, file_bytes=1 << 20)
# How much of the sandbox may be missing: everything on; no namespaces (a usual container); a kernel
# that has nothing but processes and rlimits.
NAMESPACES = ("user namespace", "mount namespace", "network namespace", "IPC namespace")
WITHOUT = {
    "all layers": (),
    "no namespaces": (*NAMESPACES, "host name namespace", "PID namespace"),
}


@pytest.fixture(scope="module", params=list(WITHOUT))
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(LIMITS, without=WITHOUT[request.param]) as sandbox:
        yield sandbox


def verdict(sandbox: Sandbox, source: str) -> Cause:
    outcomes = run_program(sandbox, source, "function", "f", [Call((1,))])
    if isinstance(outcomes, Failure):
        return outcomes.cause
    (outcome,) = outcomes
    if outcome.failure is not None:
        return outcome.failure.cause
    return Cause.NONE if outcome.value == 2 else Cause.WRONG_OUTPUT


def descendants() -> set[int]:
    """Processes that this process started, in a few generations, zombies included."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found: set[int] = set()
    new = [os.getpid()]
    while new:
        new = [child for pid in new for child in parents.get(pid, [])]
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


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_hostile_program_is_contained(sandbox: Sandbox, path: Path) -> None:
    source = path.read_bytes().decode()
    expected = {Cause(word) for word in source.partition("\n")[0].split(": ")[1].split("|")}
    assert verdict(sandbox, "def f(x):\n    return x + 1") is Cause.NONE
    # zygote, two idle children, and the waiting process above a PID namespace
    n_processes = 4 if sandbox.layers()["PID namespace"] == "on" else 3
    files = files_around()

    assert verdict(sandbox, source) in expected

    assert verdict(sandbox, "def f(x):\n    return x + 1") is Cause.NONE
    assert settled(n_processes)
    assert files_around() == files


def files_around() -> set[str]:
    """Names in the folders that a program would litter; the scratch folder itself is transient."""
    places = [tempfile.gettempdir(), "/var/tmp", "/dev/shm", "/", str(Path.home()), os.getcwd()]
    return {
        f"{place}/{name}"
        for place in places
        if os.path.isdir(place)
        for name in os.listdir(place)
        if "egca-was-here" in name or name in ("answer", "out", "1")
    }
