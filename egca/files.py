"""Files of a user, read and written whole, and what is said of one that cannot be."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

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


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file whole or not at all, so that no reader sees half of it.

    Its folder must exist; a device or a pipe is written to as it is.

    Args:
        mode: the permissions of a new file, less the process's umask.
    Raises: OSError; what was there before is still there then.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = path.resolve()  # a link stays one
    partial = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


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
    """Refuse early a file that can never be written. Raises: InputError naming it."""
    if path.is_dir():
        raise InputError(f"{path}: it is a folder, not a file to write")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
