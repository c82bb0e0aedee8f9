"""JSON as data sets and test files have it: integers of any length, lists read item by item.

Python's own reader refuses integers of more than 4300 digits. What the values mean is decided in
the module of each format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from egca.errors import ProblemError

MAX_DIGITS = 100_000  # of an integer: reading one takes time with the square of its length
_DIGITS = 4000  # that Python reads at once
_CHUNK = 1 << 16
_SPACE = re.compile(r"[ \t\r\n]*")


def integer(text: str) -> int:
    """A decimal integer of any length up to MAX_DIGITS. Raises: ValueError.

    >>> integer("-" + "9" * 5000) == 1 - 10**5000
    True
    """
    digits = text.removeprefix("-")
    if len(digits) <= _DIGITS:
        return int(text)
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits; at most {MAX_DIGITS} are read")
    value = 0
    for start in range(0, len(digits), _DIGITS):
        part = digits[start : start + _DIGITS]
        value = value * 10 ** len(part) + int(part)
    return value if digits == text else -value


_DECODER = json.JSONDecoder()
_LONG_DECODER = json.JSONDecoder(parse_int=integer)  # slower, so the second to be asked


def json_of(text: str | bytes) -> Any:
    """The value of a JSON text. Raises: ValueError, RecursionError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # too many digits
        return json.loads(text, parse_int=integer)


def elements(
    reader: TextIO, path: Path | str, line: int = 1, *, is_part: bool = False
) -> Iterator[tuple[int, Any]]:
    """(1-based line, value) of each item of a JSON list, a part of the text at a time.

    Args:
        line: that of the list's beginning. is_part: the text may go on behind the list.
    Raises: ProblemError for what is no JSON, and for text behind the list: nobody would miss it.
    """
    window = _Window(reader, line)
    try:
        window.skip("[")
        more = window.peek() != "]"
        while more:
            yield window.value()
            more = window.peek() == ","
            if more:
                window.skip(",")
        window.skip("]")
    except (ValueError, RecursionError) as error:
        raise ProblemError(f"{path}:{window.line}: not JSON: {error}") from None
    if not is_part and window.peek():
        raise ProblemError(f"{path}:{window.line}: text after the list; a file holds one list")


class _Window:
    """A text that is read as it is needed; what is left of it begins at `at` in `text`."""

    def __init__(self, reader: TextIO, line: int) -> None:
        self.reader = reader
        self.text = ""
        self.at = 0
        self.line = line  # of the place `at`

    def peek(self) -> str:
        """The next character that is no white space, "" at the end."""
        while True:
            found = _SPACE.match(self.text, self.at)
            assert found is not None  # it matches the empty text too
            self._move(found.end())
            if self.at < len(self.text) or not self._grow():
                return self.text[self.at : self.at + 1]

    def skip(self, wanted: str) -> None:
        """Go behind this character. Raises: ValueError where it is not the next."""
        found = self.peek()
        if found != wanted:
            raise ValueError(f"expected {wanted} and not {found or 'the end of the file'}")
        self._move(self.at + 1)

    def value(self) -> tuple[int, Any]:
        """The next value and its line. Raises: ValueError, RecursionError."""
        self.peek()
        while True:
            try:
                value, end = self._decoded()
            except (ValueError, RecursionError) as error:
                if self._grow():
                    continue
                if isinstance(error, json.JSONDecodeError):
                    self._move(error.pos)
                    raise ValueError(error.msg) from None
                raise
            if end < len(self.text) or not self._grow():  # a number may go on behind the window
                line = self.line
                self._move(end)
                return line, value

    def _decoded(self) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError:
            raise
        except ValueError:  # too many digits
            return _LONG_DECODER.raw_decode(self.text, self.at)

    def _grow(self) -> bool:
        """Read on, by doubling: a long value is parsed few times. False at the end."""
        more = self.reader.read(max(_CHUNK, len(self.text) - self.at))
        self.text, self.at = self.text[self.at :] + more, 0
        return bool(more)

    def _move(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end
