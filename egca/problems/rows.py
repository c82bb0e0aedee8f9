"""Rows of a data set's file, one by one: JSONL or one JSON list, plain or gzipped.

What a row means is decided in datasets.py. A file is never held in memory as a whole: data sets of
contests have gigabytes, and single rows of many megabytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from egca.errors import ProblemError
from egca.files import reason_of
from egca.problems.json_text import elements, json_of

Row = dict[str, Any]
OnBad = Callable[[ProblemError], None]

_BOM = b"\xef\xbb\xbf"


def rows_of(
    path: Path | str, needles: Sequence[bytes] = (), on_bad: OnBad | None = None
) -> Iterator[tuple[int, Row]]:
    """(1-based line, row) of each object in a file.

    Args:
        needles: only lines of JSONL that contain one of these are parsed; none: all of them.
        on_bad: told of a line that is no JSON object, which is then left out; None: it is raised.
    Raises: ProblemError for a file that cannot be read, or as on_bad says. A JSON list that is
        broken in the middle always raises: where its next row begins nobody knows.
    """
    with opened(path) as stream:
        if stream.peek(8).removeprefix(_BOM).lstrip()[:1] == b"[":
            found = elements(io.TextIOWrapper(stream, encoding="utf-8-sig"), path)
        else:
            found = _lines(stream, path, needles, on_bad)
        for number, row in found:
            if isinstance(row, dict):
                yield number, row
            else:
                _say(ProblemError(f"{path}:{number}: not a JSON object"), on_bad)


def name_shown(name: str) -> str:
    """A field's name as a part of one line, however it was chosen.

    >>> name_shown("prompt"), name_shown("a\\nb")
    ('prompt', "'a\\\\nb'")
    """
    return name[:60] if name.isprintable() else repr(name[:60])


def only_known(row: Row, fields: Iterable[str], where: str) -> None:
    """Raises: ProblemError for a field that is none of these, with the nearest that is."""
    names = [*fields]
    for key in row:
        if key not in names:
            near = get_close_matches(key, names, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(names)}"
            raise ProblemError(f'{where}: unknown field "{name_shown(key)}"; {hint}')


@contextmanager
def opened(path: Path | str) -> Iterator[io.BufferedReader[Any]]:
    """A file to read, unpacked if it is gzipped.

    Raises: ProblemError naming the file, also when reading it inside the block fails.
    """
    try:
        with _unpacked(path) as stream:
            yield stream
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        reason = reason_of(error) if isinstance(error, OSError) else error
        raise ProblemError(f"{path}: {reason}") from None


def _unpacked(path: Path | str) -> io.BufferedReader[Any]:
    raw: io.BufferedReader[Any] = io.BufferedReader(io.FileIO(path))
    if raw.peek(2)[:2] != b"\x1f\x8b":
        return raw
    return io.BufferedReader(gzip.GzipFile(fileobj=raw))


def _say(error: ProblemError, on_bad: OnBad | None) -> None:
    if on_bad is None:
        raise error
    on_bad(error)


def _lines(
    stream: io.BufferedReader[Any], path: Path | str, needles: Sequence[bytes], on_bad: OnBad | None
) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(stream, 1):
        text = (line.removeprefix(_BOM) if number == 1 else line).strip()
        if not text or (needles and not any(needle in text for needle in needles)):
            continue
        try:
            row = json_of(text)
        except (ValueError, RecursionError) as error:
            _say(ProblemError(f"{path}:{number}: not JSON: {error}"), on_bad)
            continue
        yield number, row


def required(row: Row, field: str, where: str) -> str:
    """A text field that must be there. Raises: ProblemError."""
    value = row.get(field)
    if not isinstance(value, str):
        raise ProblemError(f'{where}: no "{field}" (text), which a task needs')
    return value


def optional(row: Row, field: str, where: str) -> str:
    """A text field, "" where it is missing or null. Raises: ProblemError if it is no text."""
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise ProblemError(f"{where}: {field} is {kind_of_value(value)}, but must be text")
    return value or ""


def texts(row: Row, field: str, where: str) -> list[str]:
    """A list of texts, [] where it is missing or null. Raises: ProblemError."""
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProblemError(f"{where}: {field} is no list of texts")
    return value


def decoded(row: Row, field: str, where: str) -> Any:
    """A field that holds JSON as text, or the value itself; None where there is none.

    Raises: ProblemError if its text is no JSON.
    """
    value = row.get(field)
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json_of(value)
    except (ValueError, RecursionError) as error:
        raise ProblemError(f"{where}: {field} is not JSON: {error}") from None


def number_or_text(row: Row, field: str, where: str) -> str:
    """An id, which some sets write as a number, as text. Raises: ProblemError."""
    value = row.get(field)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise ProblemError(f'{where}: no "{field}" (a number or text), which names the task')
    try:
        return str(value)
    except ValueError:
        raise ProblemError(f"{where}: {field} is {value_shown(value)} to name a task") from None


def value_shown(value: Any) -> str:
    """The beginning of a value as Python writes it, for a message.

    >>> value_shown(["x", 1]), value_shown(10**5000)
    ("['x', 1]", 'a number of too many digits')
    """
    try:
        return f"{value!r:.60}"
    except ValueError:  # Python writes 4300 digits
        return "a number of too many digits"


def kind_of_value(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(type(value), "a number")
