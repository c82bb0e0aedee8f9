"""Files of JSON lines that a long run appends to: locked, safe to kill, and to go on with.

A killed run leaves whole lines and at most one torn at the end, which `kept` cuts off."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from egca.errors import InputError
from egca.files import read_whole, reason_of

T = TypeVar("T")


def json_object(raw: bytes, where: str) -> dict[str, Any]:
    """The object on a line. Raises: InputError that begins with `where`."""
    try:
        row = json.loads(raw)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object, but {type(row).__name__}")
    return row


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(1-based line, object) of each line of a file that is not blank.

    Raises: InputError for a file that cannot be read, or a line that is no object.
    """
    for number, raw in enumerate(read_whole(path).split(b"\n"), 1):
        if raw.strip():
            yield number, json_object(raw, f"{path}:{number}")


def append(stream: IO[bytes], row: dict[str, Any]) -> None:
    """Write a line, at once. Raises: InputError where it cannot be, as on a full disk."""
    left = memoryview((json.dumps(row) + "\n").encode())
    try:
        while left:
            left = left[stream.write(left) :]
    except OSError as error:
        raise InputError(
            f"{stream.name}: {reason_of(error)}; what was done before stands in it, for --resume"
        ) from None


def kept(
    stream: IO[bytes], name: str, read: Callable[[dict[str, Any]], T], kind: str
) -> tuple[list[T], bool]:
    """What is on the lines that a file has already; the stream is left at their end.

    Args:
        read: takes what matters from a line; KeyError or TypeError says that the line is no `kind`.
    Returns: that of every line, and whether a last line that a kill had torn was cut off.
    Raises: InputError naming a line of something else; the file stays as it was.
    """
    stream.seek(0)
    data = stream.read()
    found: list[T] = []
    end = 0
    for number, raw in enumerate(data.splitlines(keepends=True), 1):
        is_last = end + len(raw) == len(data)
        try:
            found.append(read(json_object(raw, f"{name}:{number}")))
        except (InputError, KeyError, TypeError) as error:
            if is_last and not raw.endswith(b"\n"):
                break
            if raw.strip():
                message = f"{name}:{number}: not a line of {kind}; not resuming"
                raise InputError(message) from error
        end += len(raw)
    stream.truncate(end)
    stream.seek(end)
    if end and not data[:end].endswith(b"\n"):
        stream.write(b"\n")
    return found, end < len(data)


@contextlib.contextmanager
def opened(path: Path, resume: bool) -> Iterator[IO[bytes]]:
    """A file to write lines to, locked, so that two runs never mix them; emptied unless `resume`.

    A new file in which nothing was written is removed again. Raises: InputError.
    """
    is_file, is_new = path.is_file(), not path.exists()
    mode = "r+b" if is_file else "w+b" if is_new else "wb"
    try:
        stream = path.open(mode, buffering=0)  # nothing is left to fail when it is closed
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None
    with stream:
        if mode != "wb":
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{path}: another run is writing to it") from None
            except OSError:
                pass  # a file system without locks
            if not resume:
                stream.truncate(0)
        try:
            yield stream
        finally:
            if is_new and not stream.tell():
                path.unlink(missing_ok=True)
