"""Answers of a reference as a file: the wire's envelope, written whole or not at all.

A file that is not what this version writes counts as absent; it is data, so reading it runs no
code. What it is called, and that the name holds all it depends on, is expectations.py's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from egca.execution.answers import Answer
from egca.execution.wire import WireError, pack, unpack
from egca.types import Cause, Failure

_FORMAT = "egca.truth/1"


def load_answers(path: Path, n_answers: int) -> tuple[tuple[Answer, ...], bool] | None:
    """The answers and whether one of them is large; None if there is no such file."""
    try:
        match unpack(path.read_bytes()):
            case [str(version), bool(is_large), [*rows]] if version == _FORMAT:
                answers = tuple(_answer(row) for row in rows)
                return (answers, is_large) if len(answers) == n_answers else None
    except (OSError, WireError, TypeError, ValueError, IndexError, KeyError):
        pass
    return None


def save_answers(path: Path, answers: Sequence[Answer], is_large: bool) -> None:
    """Write the answers, all of them values or exceptions. A disk that is full is no error."""
    data = pack([_FORMAT, is_large, [_row(answer) for answer in answers]])
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".truth-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(name, path)
        except OSError:
            with suppress(OSError):
                os.unlink(name)


def _row(answer: Answer) -> list[Any]:
    failed = answer.failure
    failure = None if failed is None else [failed.cause.value, failed.type, failed.message]
    return [answer.data, answer.digest, failure, answer.stdout, answer.seconds]


def _answer(row: Any) -> Answer:
    data, digest, failed, stdout, seconds = row
    failure = None if failed is None else Failure(Cause(failed[0]), failed[1], failed[2])
    return Answer(data, digest, failure, str(stdout), float(seconds))
