"""Sessions from the parent's side: several at once, threads, forks, a dead zygote, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egca.errors import SandboxError
from egca.execution import Call, Limits, Sandbox, SessionDied, run_program
from egca.execution.protocol import END, FRAME, HELLO
from egca.execution.session import Session
from egca.execution.wire import pack
from egca.types import Cause

LOAD = "egca.execution.program:load"
RUN = "egca.execution.program:run"
ADD = "def f(x):\n    return x + 1"


@pytest.fixture(scope="module")
def others() -> set[int]:
    """Processes of this one that other tests have left running."""
    return children_of(os.getpid())


@pytest.fixture(scope="module")
def sandbox(others: set[int]) -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=0.5, program_s=2.0)) as sandbox:
        yield sandbox


def payload(source: str) -> dict[str, Any]:
    return {
        "source": source,
        "kind": "function",
        "entry_point": "f",
        "call_s": 0.5,
        "stdout_bytes": 1000,
        "value_bytes": 1000,
    }


def children_of(pid: int) -> set[int]:
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found |= {int(entry)} | children_of(int(entry))
    return found


def works(sandbox: Sandbox) -> bool:
    outcomes = run_program(sandbox, ADD, "function", "f", [Call((1,))])
    return isinstance(outcomes, list) and outcomes[0].value == 2


def test_several_sessions_are_open_at_once(sandbox: Sandbox) -> None:
    sessions = [sandbox.session() for _ in range(5)]
    for i, session in enumerate(sessions):
        session.call(LOAD, payload(f"n = {i}\ndef f(x):\n    return n"))
    for session in sessions:
        assert session.call(LOAD, payload(ADD)) == {"failure": None, "stdout": ""}
        session.close()
        with pytest.raises(SessionDied):
            session.call(LOAD, payload(ADD))


def test_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(works(sandbox))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


def test_sandbox_outlives_the_thread_that_made_it() -> None:
    made: list[Sandbox] = []
    thread = threading.Thread(target=lambda: made.append(Sandbox()))
    thread.start()
    thread.join()
    with made[0] as sandbox:
        time.sleep(0.05)
        assert works(sandbox)


def test_error_in_an_op_says_what_and_ends_the_session(sandbox: Sandbox) -> None:
    with sandbox.session() as session, pytest.raises(SandboxError, match="no_such_op"):
        session.call("egca.execution.program:no_such_op")
    assert not session.alive


def test_leaving_a_stream_early_ends_the_session(sandbox: Sandbox) -> None:
    call = {"args": b"\x91\x01", "kwargs": b"\x80", "stdin": None}
    with sandbox.session() as session:
        session.call(LOAD, payload(ADD))
        for _ in session.stream(RUN, {"calls": [call] * 3, "call_s": 1.0, "program_s": 1.0}):
            break
        assert not session.alive


def test_a_wait_has_an_end(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        started = time.monotonic()
        hang = "import signal\nsignal.signal(signal.SIGALRM, print)\nwhile True: pass"
        with pytest.raises(SessionDied) as caught:
            session.call(LOAD, payload(hang), timeout_s=0.2)
        assert caught.value.cause is Cause.TIMEOUT
        assert time.monotonic() - started < 1.5


def test_a_slow_start_of_a_child_is_not_the_program_s(sandbox: Sandbox) -> None:
    ours, theirs = socket.socketpair()

    def child() -> None:
        for pause_s, message in ((0.5, [HELLO, {}]), (0.05, [FRAME, 7]), (0.0, [END])):
            time.sleep(pause_s)
            data = pack(message)
            theirs.sendall(len(data).to_bytes(4, "little") + data)

    thread = threading.Thread(target=child)
    thread.start()
    zygote = sandbox._zygote
    assert zygote is not None
    with theirs, Session(zygote, 1 << 30, ours, -1, sandbox.limits, lambda layers: None) as session:
        assert session.call("op", timeout_s=0.2) == 7
        thread.join()


def test_a_dead_zygote_is_replaced(sandbox: Sandbox, others: set[int]) -> None:
    assert works(sandbox)
    before = children_of(os.getpid()) - others
    os.kill(max(before & direct_children()), signal.SIGKILL)
    assert works(sandbox)
    deadline = time.monotonic() + 3
    while children_of(os.getpid()) & before and time.monotonic() < deadline:
        assert works(sandbox)  # it notices when it is asked
    assert not children_of(os.getpid()) & before


def direct_children() -> set[int]:
    return {pid for pid in children_of(os.getpid()) if parent_of(pid) == os.getpid()}


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_closing_leaves_nothing_behind() -> None:
    before = children_of(os.getpid())
    n_files = len(os.listdir("/proc/self/fd"))
    with Sandbox() as sandbox:
        session = sandbox.session()
        session.call(LOAD, payload(ADD))
        assert children_of(os.getpid()) > before
    assert children_of(os.getpid()) == before
    session.close()
    assert len(os.listdir("/proc/self/fd")) == n_files
    with pytest.raises(SandboxError, match="closed"):
        sandbox.session()


def test_many_programs_leak_nothing(sandbox: Sandbox, others: set[int]) -> None:
    assert works(sandbox)
    n_files = len(os.listdir("/proc/self/fd"))
    for _ in range(60):
        assert works(sandbox)
    assert len(os.listdir("/proc/self/fd")) == n_files
    time.sleep(0.1)
    assert len(children_of(os.getpid()) - others) <= 5


def test_a_forked_copy_of_the_parent_has_a_zygote_of_its_own(sandbox: Sandbox) -> None:
    assert works(sandbox)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if works(sandbox) else 2
            sandbox.close()
        finally:
            os._exit(status)
    assert works(sandbox)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert works(sandbox)


def test_a_killed_parent_takes_its_children_along() -> None:
    script = (
        "import os, sys, time\nfrom egca.execution import Sandbox\n"
        "s = Sandbox()\nx = s.session()\nx.hello()\n"
        "if os.fork() == 0: time.sleep(20)\n"  # a data loader that lives on
        "print('up', flush=True)\ntime.sleep(20)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    family = children_of(parent.pid)
    loader = {pid for pid in family if b"from egca" in command_line(pid)[:60]}
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while any(map(is_running, family - loader)) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = [pid for pid in family - loader if is_running(pid)]
    for pid in loader:
        os.kill(pid, signal.SIGKILL)
    assert len(family) >= 4
    assert left == []


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\x00-c\x00")[-1]
    except OSError:
        return b""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_process_to_be_had_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(SandboxError, match=r"cannot start: .*/nowhere/python"):
        Sandbox()


def test_limits_are_checked() -> None:
    with pytest.raises(ValueError, match="call_s"):
        Limits(call_s=0)
