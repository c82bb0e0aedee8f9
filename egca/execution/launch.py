"""Starting the zygote and talking to it: the parent's end of its control socket.

The interpreter is the parent's own, without site-packages, environment and working folder; see
`_BOOT` for what it runs and egca/execution/zygote.py for the messages."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any

import msgpack  # type: ignore[import-untyped]

from egca.errors import SandboxError
from egca.execution.protocol import START_S
from egca.execution.removal import remove_tree
from egca.execution.wire import pack, unpack

_log = logging.getLogger("egca")

# The zygote needs neither the packages' public faces nor what they import: bare packages do.
_BOOT = """
import sys, types
sys.path += sys.argv[3:]
for name in sys.argv[2].split(","):
    package, (home, _, rest) = types.ModuleType(name), name.partition(".")
    package.__path__ = [sys.argv[3] + "/" + name.replace(".", "/")]
    sys.modules[name] = package
from egca.execution.zygote import main
main(int(sys.argv[1]))
"""


class ZygoteProcess:
    """A running zygote and the socket to it. Its methods raise OSError once it is gone."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._owner = os.getpid()
        self._scratch = f"{tempfile.gettempdir()}/egca-{self._owner}-{secrets.token_hex(4)}"
        home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        paths = [home, *(path for path in _package_paths() if path != home)]
        self._lock = threading.RLock()
        self._ready = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(START_S)
        packages = {part for name in config["preload"] for part in _parents(name)}
        command = [sys.executable, "-s", "-S", "-P", "-c", _BOOT]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), ",".join(sorted(packages)), *paths],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,  # read only when it does not start
                    env=_environment(),
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the parent
                )
            except OSError as error:  # no interpreter, or no process to be had
                self._control.close()
                raise SandboxError(f"the sandbox process cannot start: {error}") from error
        details = {"parent_pid": self._owner, "fallback_scratch": self._scratch}
        self._control.send(pack(config | details))

    def new(self) -> tuple[int, socket.socket, int]:
        """Id, channel and journal of a fresh child; -1 where it has no journal."""
        with self._lock:
            if not self._ready:
                self._wait_ready()
            self._control.send(pack(["new"]))
            answer, (channel, *journal) = self._answer("new")
            return answer[1], socket.socket(fileno=channel), journal[0] if journal else -1

    def end(self, child: int, grace_s: float) -> tuple[int, bool]:
        """Wait status of a child, and whether it had to be killed; nothing of it is left then."""
        with self._lock:
            self._control.send(pack(["end", child, int(grace_s * 1000)]))
            answer, _ = self._answer("ended", child)
            return answer[2], answer[3]

    def _answer(self, kind: str, child: int | None = None) -> tuple[list[Any], list[int]]:
        """The next answer of this kind; drops those that an interrupted caller never took."""
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._control, 4096, 2)
            if not data:
                raise ConnectionError("the zygote is gone")
            answer = unpack(data)
            if answer[0] == kind and child in (None, answer[1]):
                return answer, descriptors
            for descriptor in descriptors:
                os.close(descriptor)
            if descriptors:
                self.drop(answer[1])

    def drop(self, child: int) -> None:
        """Kill a child and all it started, without waiting."""
        with self._lock, contextlib.suppress(OSError):
            self._control.send(pack(["drop", child]))

    def disown(self) -> None:
        """Let go of it in a forked copy of the process that started it."""
        self._control.close()
        self._close_errors()
        self._process.returncode = 0  # not ours to wait for

    def close(self) -> None:
        """End it and everything below it, and wait until that is done. Idempotent."""
        if self._owner != os.getpid():
            return
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_errors()
        remove_tree(self._scratch)  # its own work, unless it was killed

    def _close_errors(self) -> None:
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _wait_ready(self) -> None:
        answer = self._control.recv(1 << 16)
        kind, detail = unpack(answer) if answer else ("failed", "it ended before it was ready")
        if kind == "failed":
            errors = self._process.stderr.read() if self._process.stderr and not answer else b""
            text = errors.decode(errors="replace") or detail
            _log.debug("the sandbox process cannot start: %s", text)
            raise SandboxError(f"the sandbox process cannot start: {last_line(text)}")
        self._close_errors()
        for text in detail:
            _log.debug("not preloaded: %s", text)
        self._ready = True


def last_line(text: str) -> str:
    """What a traceback ends with; the rest of it tells a user nothing of the machine's trouble."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), text)


def _parents(module: str) -> list[str]:
    """Packages of ours above a module, outermost first."""
    parts = module.split(".")
    if parts[0] != "egca":
        return []
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _package_paths() -> list[str]:
    """Where the interpreter's packages are, msgpack's first."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(str(msgpack.__file__))))
    names = ("site-packages", "dist-packages")
    found = [p for p in sys.path if os.path.basename(p.rstrip("/")) in names and os.path.isdir(p)]
    return [ours, *(path for path in found if path != ours)]


def _environment() -> dict[str, str]:
    """All that a program can read of the environment."""
    fixed = {
        "HOME": "/box/home",
        "LC_ALL": "C.UTF-8",
        # A page given back has to be zeroed for the next value; a child does not live long.
        "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 26),
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "TMPDIR": "/box/home",
        "TZ": "UTC",
    }
    if "LD_LIBRARY_PATH" in os.environ:  # the interpreter itself may need it
        fixed["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return fixed
