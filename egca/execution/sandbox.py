"""The parent's side of the sandbox: sessions with children that run untrusted programs.

`Sandbox` owns one zygote (egca/execution/zygote.py), `Session` one child of it. Everything a child
sends is data of an enemy: frames are bounded, decoding runs no code, and a child that dies, hangs,
floods or babbles ends its session with `SessionDied`. What runs in the child is an op; those of
egca/execution/program.py load and call a program."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import msgpack

from egca.errors import SandboxError
from egca.execution.limits import MAX_FRAME_BYTES, Limits
from egca.execution.wire import WireError, pack, unpack
from egca.types import Cause

FRAME, END, ERROR, HELLO = 0, 1, 2, 3
GRACE_S = 0.25  # what a child may take over a limit that it enforces itself
STATUS_MEMORY = 97
_START_S = 30.0
_log = logging.getLogger("egca")

# Programs import these in nearly every solution; a fork of a process that has them is the cheaper.
_COMMON = (
    "bisect collections copy dataclasses datetime enum functools heapq itertools math operator "
    "random re statistics string typing"
).split()
_OPS = ["egca.execution.program"]
# What programs may import beyond the standard library, where installed; data sets are not among it.
PACKAGES = (
    "egca msgpack numpy sortedcontainers scipy sympy mpmath pandas networkx dateutil pytz six"
).split()
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


class SessionDied(SandboxError):
    """The child of a session is gone; cause says how, the message the detail."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message


class Sandbox:
    """Runs untrusted programs in children of one pre-warmed process.

    Thread-safe; used after a fork of this process it starts a zygote of its own. The zygote starts
    at once and in parallel; the first session waits for it.

    Args:
        limits: of each session that names none.
        preload: modules with ops ("package.module") to import before forking.
        n_ready: children kept forked in advance.
    """

    def __init__(
        self, limits: Limits | None = None, preload: Sequence[str] = (), n_ready: int = 2
    ) -> None:
        self.limits = limits or Limits()
        self._preload = [*_OPS, *preload]
        self._n_ready = n_ready
        self._lock = threading.RLock()
        self._zygote: _ZygoteProcess | None = None
        self._layers: dict[str, str] | None = None
        self._closed = False
        _SANDBOXES.add(self)
        self._zygote = self._start()

    def _start(self) -> _ZygoteProcess:
        return _ZygoteProcess(self._preload, self._n_ready, self.limits)

    def session(self, limits: Limits | None = None) -> Session:
        """A fresh child. Raises: SandboxError if none can be had."""
        with self._lock:
            if self._closed:
                raise SandboxError("this sandbox is closed")
            for _ in range(2):
                if self._zygote is None:
                    self._zygote = self._start()
                try:
                    child, channel = self._zygote.new()
                except OSError:  # the zygote is gone: another one
                    self._zygote.close()
                    self._zygote = None
                else:
                    return Session(self, self._zygote, child, channel, limits or self.limits)
        raise SandboxError("the sandbox process does not stay alive")

    def layers(self) -> dict[str, str]:
        """Each layer of isolation, "on" or why it is not."""
        if self._layers is None:
            with self.session() as session:
                session.hello()
        return dict(self._layers or {})

    def close(self) -> None:
        """End the zygote and every session. Idempotent."""
        with self._lock:
            self._closed = True
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _note(self, layers: dict[str, str]) -> None:
        if self._layers is None:
            self._layers = layers
            _warn_once({name: state for name, state in layers.items() if state != "on"})

    def _forget_after_fork(self) -> None:
        """In a forked copy of this process: the zygote is the original's."""
        self._lock = threading.RLock()
        if self._zygote is not None:
            self._zygote.disown()
            self._zygote = None


_SANDBOXES: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_warned: set[str] = set()


def _after_fork() -> None:
    for sandbox in list(_SANDBOXES):
        sandbox._forget_after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _warn_once(missing: dict[str, str]) -> None:
    new = {name: state for name, state in missing.items() if name not in _warned}
    if new:
        _warned.update(new)
        text = "; ".join(f"{name}: {state}" for name, state in new.items())
        _log.warning("the sandbox runs without some of its layers (%s)", text)


class _ZygoteProcess:
    """A running zygote and the socket to it. Its methods raise OSError once it is gone."""

    def __init__(self, preload: list[str], n_ready: int, limits: Limits) -> None:
        home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        paths = [home, *(path for path in _package_paths() if path != home)]
        self._lock = threading.RLock()
        self._ready = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_START_S)
        packages = ",".join(sorted({part for name in preload for part in _parents(name)}))
        command = [sys.executable, "-s", "-S", "-P", "-B", "-c", _BOOT]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), packages, *paths],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the parent
            )
        config = {
            "parent_pid": os.getpid(),
            "packages": PACKAGES,
            "fallback_scratch": f"{tempfile.gettempdir()}/egca-{os.getpid()}-{secrets.token_hex(4)}",
            "preload": [*preload, *_COMMON],
            "n_ready": n_ready,
            "limits": dataclasses.asdict(limits),
        }
        self._control.send(pack(config))

    def new(self) -> tuple[int, socket.socket]:
        """Id and channel of a fresh child."""
        with self._lock:
            if not self._ready:
                self._wait_ready()
            self._control.send(pack(["new"]))
            data, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
            if not data or not descriptors:
                raise ConnectionError("the zygote is gone")
            return unpack(data)[1], socket.socket(fileno=descriptors[0])

    def end(self, child: int, grace_s: float) -> tuple[int, bool]:
        """Wait status of a child, and whether it had to be killed; nothing of it is left then."""
        with self._lock:
            self._control.send(pack(["end", child, int(grace_s * 1000)]))
            answer = unpack(self._control.recv(4096) or b"")
            return answer[2], answer[3]

    def drop(self, child: int) -> None:
        """Kill a child and all it started, without waiting."""
        with self._lock, contextlib.suppress(OSError):
            self._control.send(pack(["drop", child]))

    def disown(self) -> None:
        """Let go of it in a forked copy of the process that started it."""
        self._control.close()
        self._process.returncode = 0  # not ours to wait for

    def close(self) -> None:
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_ready(self) -> None:
        answer = self._control.recv(1 << 16)
        if not answer:
            raise SandboxError(
                f"the sandbox process ended with status {self._process.wait()} before it was ready"
            )
        kind, detail = unpack(answer)
        if kind == "failed":
            raise SandboxError(f"the sandbox process cannot start:\n{detail}")
        for text in detail:
            _log.debug("not preloaded: %s", text)
        self._ready = True


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


class Session:
    """One child: it keeps what its ops put into `state` until it is closed or dies."""

    def __init__(
        self,
        sandbox: Sandbox,
        zygote: _ZygoteProcess,
        child: int,
        channel: socket.socket,
        limits: Limits,
    ) -> None:
        self.limits = limits
        self._sandbox = sandbox
        self._zygote = zygote
        self._child = child
        self._channel = channel
        self._buffer = bytearray()
        self._greeted = False
        self._limited = False
        self._alive = True

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._alive

    def stream(
        self, op: str, payload: Any = None, timeout_s: float | None = None
    ) -> Iterator[Any]:
        """Run an op in the child and yield its frames as they come.

        Args:
            op: "package.module:function", a generator function of (state, payload).
            payload: envelope data (see wire.pack).
            timeout_s: longest wait for one frame; limits.program_s and a grace if None.
        Raises: SessionDied if the child dies, hangs, floods, writes garbage, or if the op raises.
            Leaving the iterator early closes the session.
        """
        if not self._alive:
            raise SessionDied(Cause.CRASH, "the session is closed")
        wait_s = self.limits.program_s + GRACE_S if timeout_s is None else timeout_s
        finished = False
        try:
            limits = None if self._limited else dataclasses.asdict(self.limits)
            self._send(pack([op, payload, limits]), time.monotonic() + wait_s)
            self._limited = True
            while True:
                match self._receive(time.monotonic() + wait_s):
                    case [0, frame]:
                        yield frame
                    case [1]:
                        finished = True
                        return
                    case [2, str(text)]:
                        raise SessionDied(Cause.CRASH, text)
                    case _:
                        raise SessionDied(Cause.CRASH, "the child sent an unknown message")
        finally:
            if not finished:
                self.close()

    def call(self, op: str, payload: Any = None, timeout_s: float | None = None) -> Any:
        """The last frame of an op, None if it yields none. Raises: SessionDied."""
        frame = None
        for frame in self.stream(op, payload, timeout_s):  # noqa: B007
            pass
        return frame

    def hello(self) -> None:
        """Wait until the child is confined. Raises: SessionDied."""
        if not self._greeted:
            self._greeted = True
            match self._read_message(time.monotonic() + _START_S):
                case [3, dict(layers)]:
                    self._sandbox._note(layers)
                case [2, str(text)]:
                    self.close()
                    raise SandboxError(f"a sandbox child cannot start:\n{text}")

    def close(self) -> None:
        """Kill the child and all it started, at once. Idempotent."""
        if self._alive:
            self._alive = False
            self._channel.close()
            self._zygote.drop(self._child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            self._channel.sendall(struct.pack("<I", len(data)) + data)
        except TimeoutError:
            raise self._killed(Cause.TIMEOUT, "the child does not take the request") from None
        except OSError:
            raise self._obituary() from None

    def _receive(self, deadline: float) -> Any:
        self.hello()
        return self._read_message(deadline)

    def _read_message(self, deadline: float) -> Any:
        head = self._read(4, deadline)
        n_bytes = int.from_bytes(head, "little")
        if n_bytes > MAX_FRAME_BYTES:
            raise self._killed(Cause.CRASH, f"the child announced a message of {n_bytes} bytes")
        try:
            return unpack(bytes(self._read(n_bytes, deadline)))
        except WireError as error:
            raise self._killed(Cause.CRASH, f"the child wrote garbage: {error}") from None

    def _read(self, n_bytes: int, deadline: float) -> bytearray:
        buffer = self._buffer
        while len(buffer) < n_bytes:
            wait_s = deadline - time.monotonic()
            if wait_s <= 0:
                raise self._killed(Cause.TIMEOUT, "time limit")
            try:
                self._channel.settimeout(wait_s)
                data = self._channel.recv(max(65536, min(n_bytes - len(buffer), 1 << 20)))
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                raise self._obituary()
            buffer += data
        part = buffer[:n_bytes]
        del buffer[:n_bytes]
        return part

    def _killed(self, cause: Cause, message: str) -> SessionDied:
        if self._alive:
            self._alive = False
            self._channel.close()
            with contextlib.suppress(OSError, WireError):
                self._zygote.end(self._child, 0.0)
        return SessionDied(cause, message)

    def _obituary(self) -> SessionDied:
        """How a child ended that has closed its channel."""
        if not self._alive:
            return SessionDied(Cause.CRASH, "the session is closed")
        self._alive = False
        self._channel.close()
        try:
            status, killed = self._zygote.end(self._child, 0.05)
        except (OSError, WireError):
            return SessionDied(Cause.CRASH, "the sandbox process died")
        return SessionDied(*_cause_of(status, killed))


def _cause_of(status: int, killed: bool) -> tuple[Cause, str]:
    """Cause and message for a wait status; killed if it was us who ended it."""
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        if code == STATUS_MEMORY:
            return Cause.MEMORY, "out of memory"
        return Cause.EXIT, f"the program ended its process with status {code}"
    number = os.WTERMSIG(status)
    if killed:
        return Cause.CRASH, "the program closed its process's channel"
    if number == signal.SIGXCPU:
        return Cause.TIMEOUT, "processor time limit"
    if number == signal.SIGKILL:
        return Cause.MEMORY, "killed by the system, most likely for memory"
    return Cause.CRASH, f"the process died of {signal.Signals(number).name}"
