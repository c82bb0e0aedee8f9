"""What a program prints and reads, inside its process: descriptors 0 and 1, and sys.stdin/stdout.

Text is caught at descriptor level, in memory, so that print, os.write and sys.stdout.buffer all
count. The program can close or replace any of this; `begin` puts it right again before the next
call, and what cannot be read back counts as nothing printed."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import sys
import tempfile


def _memory_file(name: str) -> int:
    try:
        return os.memfd_create(name)
    except OSError:  # a kernel or a filter that has none: a nameless file in the scratch folder
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())


def _is_open(stream: io.TextIOWrapper | None) -> bool:
    try:
        return stream is not None and not stream.closed
    except ValueError:  # detached
        return False


class Capture:
    """Standard input and output of one program. Make it before the program runs."""

    def __init__(self) -> None:
        # Its own hands: the program may replace what os and io hold.
        self._dup2, self._fstat, self._truncate = os.dup2, os.fstat, os.ftruncate
        self._pread, self._write, self._seek, self._open = os.pread, os.write, os.lseek, io.open
        self._out = _memory_file("stdout")
        fcntl.fcntl(self._out, fcntl.F_SETFL, os.O_APPEND)  # truncating also rewinds
        self._in = _memory_file("stdin")
        self._null = os.open(os.devnull, os.O_RDWR)
        self._stdout: io.TextIOWrapper | None = None
        self._stdin: io.TextIOWrapper | None = None
        self.is_over = False  # whether the last call printed more than allowed

    def begin(self, stdin: str | None) -> None:
        """Fresh streams for one call; without stdin there is nothing to read."""
        try:
            is_kept = (
                sys.stdout is sys.__stdout__ is self._stdout
                and sys.stdin is sys.__stdin__ is self._stdin
            )
        except AttributeError:  # deleted
            is_kept = False
        if not is_kept:
            self._drop()
        self._dup2(self._out, 1)
        if stdin is not None or not _is_open(self._stdin):
            self._feed(stdin)
        if not _is_open(self._stdout):
            self._stdout = self._open(1, "w", encoding="utf-8", closefd=False)
        sys.stdin, sys.stdout = self._stdin, self._stdout
        sys.__stdin__, sys.__stdout__ = sys.stdin, sys.stdout  # type: ignore[misc]

    def _drop(self) -> None:
        """Let go of streams that the program put in place of ours.

        As they end they may close our buffers or the descriptors, so this comes first; and they
        may write, which belongs to no call.
        """
        sys.stdin = sys.stdout = sys.__stdin__ = sys.__stdout__ = None  # type: ignore[misc]
        self._stdin = None
        with contextlib.suppress(OSError):
            self._truncate(self._out, 0)

    def _feed(self, stdin: str | None) -> None:
        if stdin is None:
            self._dup2(self._null, 0)
        else:
            self._truncate(self._in, 0)
            self._seek(self._in, 0, 0)
            data = stdin.encode("utf-8", "surrogatepass")
            while data:
                data = data[self._write(self._in, data) :]
            self._seek(self._in, 0, 0)
            self._dup2(self._in, 0)
        self._stdin = self._open(0, encoding="utf-8", errors="surrogateescape", closefd=False)

    def end(self, max_bytes: int) -> str:
        """What was printed since `begin`, at most so many bytes of it; see is_over."""
        given = getattr(sys, "stdout", None)
        for stream in (given,) if given is self._stdout else (given, self._stdout):
            try:
                if stream is not None and type(stream) is io.TextIOWrapper:
                    stream.flush()
            except (OSError, ValueError):  # full, or closed by the program
                self._stdout = None
        try:
            n_bytes = self._fstat(self._out).st_size
            self.is_over = n_bytes > max_bytes
            if n_bytes == 0:
                return ""
            data = self._pread(self._out, max_bytes, 0)
            self._truncate(self._out, 0)
        except OSError:
            return ""
        return data.decode("utf-8", "surrogateescape")

    def reopen(self) -> None:
        """Drop text that a full file did not take, before it is written into the next call."""
        self._stdout = None
        with contextlib.suppress(OSError):
            self._truncate(self._out, 0)
