"""How commands write to the terminal, and end when they are interrupted."""

from __future__ import annotations

import sys
from typing import Any

EXIT_INTERRUPTED = 130  # as a shell says of Ctrl-C
_MAX_TOLD = 20  # rows left out that are named one by one


def speak_any_encoding() -> None:
    """What the terminal's encoding lacks is written as an escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def one_line(text: str) -> str:
    r"""Text of a program or a file as a part of one line: what does not print becomes an escape.

    >>> one_line("a\x1b[2J\nb é")
    'a\\x1b[2J\\nb é'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_json(value: Any) -> None:
    """A value as indented JSON, on stdout."""
    from json import dumps

    print(dumps(value, indent=2))


class Skipped:
    """Counts the rows of a data set that are left out, and names the first of them on stderr."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    @property
    def n(self) -> int:
        return len(self.reasons)

    def __call__(self, error: Exception) -> None:
        self.reasons.append(str(error))
        if self.n <= _MAX_TOLD:
            print(f"egca: left out: {one_line(str(error))}", file=sys.stderr)
        elif self.n == _MAX_TOLD + 1:
            print("egca: left out: further rows, which are only counted", file=sys.stderr)
