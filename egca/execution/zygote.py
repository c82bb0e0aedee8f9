"""The process that forks children: started once, confined once, then one fork for each program.

`main` runs in a fresh interpreter that egca/execution/sandbox.py starts. It talks to its parent
over a socket of packets (messages below), keeps a few confined children ready, hands each out as
the other end of its channel, and reaps them. It never runs a program itself and has one thread.
What a child is kept from is decided in isolation.py; here is only its life: fork, serve
requests, die.

To the zygote: ["new"], ["end", id, grace_ms] (wait so long for its own death, then kill it and
all it started; answered), ["drop", id] (kill, not answered).
From it: ["ready"] once, ["new", id] with the channel and, where there is one, the journal,
["ended", id, status, killed]."""

from __future__ import annotations

import gc
import importlib
import mmap
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

from egca.execution import isolation
from egca.execution.protocol import (
    ARRAY_32,
    END,
    ERROR,
    FRAME,
    FRAMES_HEAD,
    HELLO,
    JOURNAL_BYTES,
    JOURNAL_HEAD,
    MAX_FRAME_BYTES,
    STATUS_BROKEN,
    STATUS_MEMORY,
)
from egca.execution.wire import pack, unpack

_HEADER = struct.Struct("<I")
_PATIENCE_S = 0.002  # that a frame waits for others; the parent has something to do meanwhile
_GC_THRESHOLD = 20_000  # new containers between two collections; Python's 700 took 5 % of a run


def _frames_head(n_frames: int, *, _pack: Any = FRAMES_HEAD.pack) -> bytes:
    """The beginning of a message with so many frames."""
    head: bytes = _pack(ARRAY_32, n_frames + 1, FRAME)
    return head


class Channel:
    """Length-prefixed messages over a child's socket, with private hands on all it calls.

    Frames of an op wait in the journal for a message that takes several: a write for each is half
    of what a short call costs. The parent reads there what a child that died had not sent yet.
    """

    def __init__(self, descriptor: int, journal: mmap.mmap | None) -> None:
        self.descriptor = descriptor
        self._journal = journal
        self._n_sent = self._n_waiting = 0
        self._end = JOURNAL_HEAD.size
        self._sent_at = 0.0

    def begin(self, *, _clock: Any = time.monotonic) -> None:
        """Start to count the frames of an op."""
        self._n_sent = 0
        self._sent_at = _clock()
        self._note()

    def put(
        self,
        frame: Any,
        *,
        _pack: Any = pack,
        _clock: Any = time.monotonic,
        _limit: int = JOURNAL_BYTES,
        _patience_s: float = _PATIENCE_S,
    ) -> None:
        """Send a frame, now or with those that follow it soon."""
        data = _pack(frame)
        end = self._end + len(data)
        if self._journal is None or end > _limit:
            self.flush()
            self._write(_frames_head(1) + data)
            self._n_sent += 1
            self._note()
            return
        self._journal[self._end : end] = data
        self._end = end
        self._n_waiting += 1
        self._note()
        if _clock() - self._sent_at > _patience_s:
            self.flush()

    def flush(
        self,
        *,
        _clock: Any = time.monotonic,
        _head: int = JOURNAL_HEAD.size,
    ) -> None:
        """Send what waits."""
        if self._n_waiting and self._journal is not None:
            self._write(_frames_head(self._n_waiting) + self._journal[_head : self._end])
            self._n_sent += self._n_waiting
            self._n_waiting, self._end = 0, _head
            self._note()
        self._sent_at = _clock()

    def _note(self, *, _head: Any = JOURNAL_HEAD) -> None:
        if self._journal is not None:
            _head.pack_into(self._journal, 0, self._n_sent, self._n_waiting, self._end - _head.size)

    def send(self, message: list[Any], *, _pack: Any = pack) -> None:
        """Send a message, after what waits."""
        self.flush()
        self._write(_pack(message))

    def _write(self, data: bytes, *, _write: Any = os.write, _header: Any = _HEADER.pack) -> None:
        if len(data) > MAX_FRAME_BYTES:
            raise ValueError(f"a message of {len(data)} bytes is over {MAX_FRAME_BYTES}")
        data = _header(len(data)) + data
        sent = _write(self.descriptor, data)
        while sent < len(data):
            sent += _write(self.descriptor, data[sent:])

    def receive(self, *, _unpack: Any = unpack, _header: Any = _HEADER.unpack) -> Any:
        """The next request, None when the parent has gone."""
        head = self._read(4)
        return None if head is None else _unpack(self._read(_header(head)[0]) or b"")

    def _read(self, n_bytes: int, *, _read: Any = os.read) -> bytes | None:
        parts = []
        while n_bytes:
            part = _read(self.descriptor, min(n_bytes, 1 << 20))
            if not part:
                return None
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)


_OPS: dict[str, Any] = {}


def _find_op(name: str, _import: Any = importlib.import_module) -> Any:
    """The generator function behind "package.module:function"."""
    op = _OPS.get(name)
    if op is None:
        module, _, function = name.partition(":")
        op = _OPS[name] = getattr(_import(module), function)
    return op


def _serve(channel: Channel, confinement: isolation.Confinement, _exit: Any = os._exit) -> NoReturn:
    """Requests of one session until the parent closes it."""
    state: dict[str, Any] = {}
    format_error = traceback.format_exc
    while True:
        request = channel.receive()
        if request is None:
            _exit(0)
        op, payload, limits = request
        try:
            if limits is not None:
                confinement.limit(limits)
            channel.begin()
            for frame in _find_op(op)(state, payload):
                channel.put(frame)
            channel.send([END])
        except MemoryError:
            _exit(STATUS_MEMORY)
        except BaseException:
            try:
                text = format_error()[-20_000:]
            except BaseException:  # the program has broken what it takes to tell
                text = "an op failed, and so did its traceback"
            channel.send([ERROR, text])


def _new_journal() -> int:
    """A file in memory for the journal of a child; -1 where the kernel has none."""
    try:
        descriptor = os.memfd_create("journal")
        os.ftruncate(descriptor, JOURNAL_BYTES)
    except OSError:
        return -1
    return descriptor


def _close(channel: socket.socket, journal: int) -> None:
    channel.close()
    if journal >= 0:
        os.close(journal)


class Zygote:
    """The loop of the zygote: answers its parent, keeps children ready, reaps the dead."""

    def __init__(
        self,
        control: socket.socket,
        confinement: isolation.Confinement,
        n_ready: int,
        warm_up: list[str],
    ) -> None:
        self.control = control
        self.n_ready = n_ready
        self.warm_up = warm_up
        self.confinement = confinement
        self.ready: list[tuple[int, socket.socket, int]] = []  # id, channel, journal or -1
        self.children: dict[int, int] = {}  # id to pid
        self.ended: dict[int, int] = {}  # id to wait status, of those asked for
        self.next_id = 1
        self.wakeup, wakeup_end = socket.socketpair()
        self.wakeup.setblocking(False)
        wakeup_end.setblocking(False)
        self.wakeup_end = wakeup_end
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wakeup_end.fileno(), warn_on_full_buffer=False)

    def run(self, parent_fd: int | None) -> None:
        """Serve until the parent closes the control socket or dies."""
        poll = select.poll()
        for descriptor in (self.control.fileno(), self.wakeup.fileno(), parent_fd):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        while True:
            missing = len(self.ready) < self.n_ready
            events = {descriptor for descriptor, _ in poll.poll(0 if missing else None)}
            if parent_fd in events:
                return
            if self.wakeup.fileno() in events:
                self.wakeup.recv(4096)
                self.reap()
            if self.control.fileno() in events:
                data = self.control.recv(4096)
                if not data:
                    return
                self.answer(unpack(data))
            elif missing:
                self.ready.append(self.fork())

    def answer(self, message: list[Any]) -> None:
        match message:
            case ["new"]:
                child, channel, journal = self.ready.pop(0) if self.ready else self.fork()
                descriptors = [channel.fileno()] + [journal] * (journal >= 0)
                socket.send_fds(self.control, [pack(["new", child])], descriptors)
                _close(channel, journal)
            case ["end", child, grace_ms]:
                status, killed = self.end(child, grace_ms / 1000)
                self.control.send(pack(["ended", child, status, killed]))
            case ["drop", child]:
                if child in self.children:
                    self.confinement.kill(self.children[child])

    def fork(self) -> tuple[int, socket.socket, int]:
        """One more confined child that waits for its first request."""
        ours, theirs = socket.socketpair()
        journal = _new_journal()
        child = self.next_id
        self.next_id += 1
        pid = self.confinement.fork()
        if pid == 0:
            self.become_child(child, theirs, journal)
        theirs.close()
        self.children[child] = pid
        return child, ours, journal

    def become_child(self, child: int, theirs: socket.socket, journal: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            memory = mmap.mmap(journal, JOURNAL_BYTES) if journal >= 0 else None
            channel = Channel(theirs.detach(), memory)
            layers = self.confinement.confine(child, channel.descriptor)
            gc.set_threshold(_GC_THRESHOLD)
            gc.enable()
            for op in self.warm_up:
                for _ in _find_op(op)({}, None):
                    pass
            channel.send([HELLO, layers])
            _serve(channel, self.confinement)
        except BaseException:
            try:
                channel.send([ERROR, traceback.format_exc()])
            finally:
                os._exit(STATUS_BROKEN)

    def reap(self) -> None:
        """Collect every child that has ended, with what it left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                self.confinement.kill_orphans({*self.children.values()})
                return
            for child, known in self.children.items():
                if known == pid:
                    del self.children[child]
                    self.ended[child] = status
                    self._forget(child)
                    self.confinement.clean(child, pid)
                    break
            if len(self.ended) > 4096:  # sessions that were dropped and never asked for
                del self.ended[next(iter(self.ended))]

    def _forget(self, child: int) -> None:
        """A child that died before anybody had it."""
        for entry in [entry for entry in self.ready if entry[0] == child]:
            self.ready.remove(entry)
            _close(entry[1], entry[2])

    def end(self, child: int, grace_s: float) -> tuple[int, bool]:
        """(wait status, whether it had to be killed) of a child, once all of its tree is gone."""
        deadline = time.monotonic() + grace_s
        killed = False
        self.reap()
        while child in self.children:
            if not killed and time.monotonic() >= deadline:
                killed = True
                self.confinement.kill(self.children[child])
            time.sleep(0.0002)
            self.reap()
        return self.ended.pop(child, 0), killed

    def close(self) -> None:
        """End every child. With a PID namespace the kernel does it as we end; without one we do."""
        if self.confinement.pid_namespace is not None:
            self.confinement.close()
            return
        for pid in self.children.values():
            self.confinement.kill(pid)
        deadline = time.monotonic() + 2.0
        while self.children and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.001)
        self.confinement.close()


def _import_ahead(modules: list[str]) -> Iterator[str]:
    """Import what programs and ops will want; yields those that are not there."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            yield f"{name}: {error}"


def main(control_fd: int) -> NoReturn:
    """Run the zygote on this inherited socket; never returns."""
    control = socket.socket(fileno=control_fd)
    config = unpack(control.recv(1 << 20))
    try:
        parent_fd = os.pidfd_open(config["parent_pid"])
    except OSError:  # an old kernel, or the parent has just gone
        parent_fd = None
    try:
        confinement = isolation.Confinement(config)
        confinement.enter()
        missing = list(_import_ahead(config["preload"]))
        for name in [name for name in os.environ if name.startswith("MALLOC_")]:
            del os.environ[name]  # they have had their effect, and are not for programs
        sys.argv = [""]
        sys.dont_write_bytecode = True
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)  # until here it told the parent why we cannot start
        os.close(null)
        gc.disable()
        gc.collect()
        gc.freeze()
        zygote = Zygote(control, confinement, config["n_ready"], config["warm_up"])
        control.send(pack(["ready", missing]))
    except BaseException:
        control.send(pack(["failed", traceback.format_exc()[-20_000:]]))
        os._exit(STATUS_BROKEN)
    try:
        zygote.run(parent_fd)
    finally:
        zygote.close()
        os._exit(0)
