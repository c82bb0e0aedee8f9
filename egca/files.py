"""Files of a user, read and written whole, and what is said of one that cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from egca.errors import InputError


def reason_of(error: OSError) -> str:
    """What the system says, as the end of a line: "no such file or directory"."""
    return (error.strerror or str(error)).lower()


def read_whole(path: Path) -> bytes:
    """A file's bytes. Raises: InputError naming it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


@contextmanager
def written_whole(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """A stream to a file that is written whole or not at all, so that no reader sees half of it.

    Its folder must exist; a device or a pipe is written to as it is.

    Args:
        mode: the permissions of a new file, less the process's umask.
    Raises: OSError. After it, or what else ends the block early, what was there before still is.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()  # a link stays one
    partial = _partial_of(path)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _partial_of(path: Path) -> Path:
    return path.with_name(f".{os.urandom(8).hex()}.part")


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file as `written_whole` does. Raises: OSError."""
    with written_whole(path, mode) as file:
        file.write(data)


def save_text(path: Path, text: str) -> None:
    """Write a text for a user, whole or not at all; what UTF-8 lacks is escaped.

    Raises: InputError naming the file.
    """
    try:
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


def make_folder(path: Path) -> None:
    """Make a folder, and those that it is in. Raises: InputError naming it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


def check_writable(path: Path) -> None:
    """Refuse early a file that cannot be written. Raises: InputError naming it."""
    if path.is_dir():
        raise InputError(f"{path}: it is a folder, not a file to write")
    if path.exists() and not path.is_file():
        return  # a device or a pipe, which may be opened only once
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    partial = _partial_of(path.resolve())
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        partial.unlink()
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


def check_apart(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path]) -> None:
    """Refuse to write over what is read, or one output over another.

    Args: both by how they are called in messages; None: not given. Devices and pipes may recur.
    Raises: InputError naming the two.
    """
    taken = dict(inputs)
    for name, path in outputs.items():
        if path is None or (path.exists() and not path.is_file()):
            continue
        for other, there in taken.items():
            if path.resolve() == there.resolve() or (
                path.exists() and there.exists() and path.samefile(there)
            ):
                raise InputError(f"{name} is {path}, the file of {other}; write somewhere else")
        taken[name] = path
