"""One child of the sandbox, seen from the parent: ops go in, frames come out.

Everything a child sends is data of an enemy. Messages are bounded, decoding runs no code, every
wait has an end, and a child that dies, hangs, floods or babbles ends its session with
`SessionDied`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from egca.errors import SandboxError
from egca.execution import linux
from egca.execution.launch import ZygoteProcess, last_line
from egca.execution.limits import Limits
from egca.execution.protocol import (
    ARRAY_32,
    END,
    ERROR,
    FRAME,
    FRAMES_HEAD,
    GRACE_S,
    HELLO,
    JOURNAL_BYTES,
    JOURNAL_HEAD,
    MAX_FRAME_BYTES,
    START_S,
    STATUS_BROKEN,
    STATUS_MEMORY,
)
from egca.execution.wire import WireError, pack, unpack
from egca.types import Cause

_LARGE_BYTES = 1 << 20
_MAX_ERROR = 4000  # characters of a child's traceback; a program may write a longer one itself


class SessionDied(SandboxError):
    """The child of a session is gone; cause says how, the message the detail."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message


class SessionLost(SessionDied):
    """The sandbox lost the child, the program has no part in it: worth another try."""

    def __init__(self, message: str) -> None:
        super().__init__(Cause.CRASH, message)


class Session:
    """One child: it keeps what its ops put into `state` until it is closed or dies."""

    # A large message leaves holes in the heap that no later one fills: given back before the next.
    _has_grown = False

    def __init__(
        self,
        zygote: ZygoteProcess,
        child: int,
        channel: socket.socket,
        journal: int,
        limits: Limits,
        on_hello: Callable[[dict[str, str]], None],
    ) -> None:
        self.limits = limits
        self._on_hello = on_hello
        self._zygote = zygote
        self._child = child
        self._channel = channel
        self._journal = journal
        self._buffer = bytearray()
        self._greeted = False
        self._limited = False
        self._alive = True
        self._is_cut = False  # it lost or spoiled its channel before it died
        if Session._has_grown:
            Session._has_grown = False
            linux.trim_heap()

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._alive

    def stream(
        self,
        op: str,
        payload: Any = None,
        timeout_s: float | None = None,
        total_s: float | None = None,
    ) -> Iterator[Any]:
        """Run an op in the child and yield its frames as they come.

        Args:
            op: "package.module:function", a generator function of (state, payload).
            payload: envelope data (see wire.pack).
            timeout_s: longest wait for one frame; limits.program_s and a grace if None.
            total_s: longest wait for all of them; the larger of program_s and timeout_s if None.
        Raises: SessionDied if the child dies, hangs, floods, writes garbage, or if the op raises.
            Leaving the iterator early closes the session.
        """
        if not self._alive:
            raise SessionDied(Cause.CRASH, "the session is closed")
        wait_s = self.limits.program_s + GRACE_S if timeout_s is None else timeout_s
        finished = False
        n_frames = 0
        try:
            self.hello()  # a child that starts slowly takes nothing of the program's time
            end = time.monotonic() + (
                max(wait_s, self.limits.program_s) if total_s is None else total_s
            )
            limits = None if self._limited else self.limits.as_data()
            self._send(pack([op, payload, limits]), time.monotonic() + wait_s)
            self._limited = True
            while True:
                match self._read_message(min(time.monotonic() + wait_s, end + GRACE_S)):
                    case [kind, *frames] if kind == FRAME and frames:
                        for frame in frames:
                            n_frames += 1
                            yield frame
                    case [kind] if kind == END:
                        finished = True
                        return
                    case [kind, str(text)] if kind == ERROR:
                        self._is_cut = True  # what came before it was sent before it
                        raise SessionDied(Cause.CRASH, text[-_MAX_ERROR:])
                    case _:
                        self._is_cut = True
                        raise SessionDied(Cause.CRASH, "the child sent an unknown message")
        except SessionDied:
            yield from self._unsent(n_frames)
            raise
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
            try:
                message = self._read_message(time.monotonic() + START_S)
            except SessionDied as death:
                raise SessionLost(f"a sandbox child died at its start: {death}") from death
            match message:
                case [kind, dict(layers)] if kind == HELLO:
                    self._on_hello(layers)
                case [kind, str(text)] if kind == ERROR:
                    self.close()
                    raise SandboxError(f"a sandbox child cannot start: {last_line(text)}")

    def _unsent(self, n_taken: int) -> list[Any]:
        """Frames of the op that a child had ready when it died, after the n that were taken.

        None of a child that spoiled its channel: what it says there counts, and it says nothing.
        """
        if self._journal < 0 or self._is_cut:
            return []
        head = os.pread(self._journal, JOURNAL_HEAD.size, 0)
        if len(head) != JOURNAL_HEAD.size:  # the child's file, and it may cut it
            return []
        n_sent, n_waiting, n_bytes = JOURNAL_HEAD.unpack(head)
        data = os.pread(self._journal, min(n_bytes, JOURNAL_BYTES), JOURNAL_HEAD.size)
        try:
            _, *frames = unpack(
                FRAMES_HEAD.pack(ARRAY_32, min(n_waiting, len(data)) + 1, FRAME) + data
            )
        except WireError:
            return []
        return frames[n_taken - n_sent :] if n_taken >= n_sent else []

    def close(self) -> None:
        """Kill the child and all it started, at once. Idempotent."""
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1
        if self._alive:
            self._alive = False
            self._channel.close()
            self._zygote.drop(self._child)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            self._channel.sendall(struct.pack("<I", len(data)) + data)
        except TimeoutError:
            raise self._killed(Cause.TIMEOUT, "the child does not take the request") from None
        except OSError:
            raise self._obituary() from None

    def _read_message(self, deadline: float) -> Any:
        head = self._read(4, deadline)
        n_bytes = int.from_bytes(head, "little")
        if n_bytes > MAX_FRAME_BYTES:
            raise self._killed(Cause.CRASH, f"the child announced a message of {n_bytes} bytes")
        if n_bytes > _LARGE_BYTES:
            Session._has_grown = True
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
            self._is_cut = killed or os.waitstatus_to_exitcode(status) == STATUS_BROKEN
        except (OSError, WireError):
            return SessionLost("the sandbox process died")
        return SessionDied(*_cause_of(status, killed))


def _cause_of(status: int, killed: bool) -> tuple[Cause, str]:
    """Cause and message for a wait status; killed if it was us who ended it."""
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        if code == STATUS_MEMORY:
            return Cause.MEMORY, "out of memory"
        if code == STATUS_BROKEN:
            return Cause.CRASH, "the program broke its own process"
        return Cause.EXIT, f"the program ended its process with status {code}"
    number = os.WTERMSIG(status)
    if killed:
        return Cause.CRASH, "the program closed its process's channel"
    if number == signal.SIGXCPU:
        return Cause.TIMEOUT, "processor time limit"
    if number == signal.SIGKILL:
        return Cause.MEMORY, "killed by the system, most likely for memory"
    known = {one.value: one.name for one in signal.Signals}  # without those for real time
    return Cause.CRASH, f"the process died of {known.get(number, f'signal {number}')}"
