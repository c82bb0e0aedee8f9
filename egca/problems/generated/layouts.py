"""Layouts: the places for decisions (slots) in a program of a shape, in the order of its words.

A slot is a kind with a number where there are several: test1, op1 and value1 are a condition and
what is done where it holds. How they are written is decided in shapes.py."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

Layout = tuple[str, ...]
MAX_DECISIONS = 12
_HELPER = ("gtest", "gyes", "gno")


def _optional(*slots: str) -> list[Layout]:
    return [(), slots]


def _branches(steps: bool = True, ops: bool = True, inner: bool = True) -> Iterator[Layout]:
    """What happens to an item: up to two conditions, and what is done if neither holds."""

    def bodies(i: int) -> list[Layout]:
        found: list[Layout] = [(f"op{i}", f"value{i}")] if ops else []
        return [*found, (f"step{i}",)] if steps else found

    yield from bodies(1)
    for first in bodies(1):
        yield ("test1", *first)
        if inner:
            yield ("test1", "inner", *first)
        for second in bodies(2):
            yield ("test1", *first, *second)
            yield ("test1", *first, "test2", *second)
            for third in bodies(3):
                yield ("test1", *first, "test2", *second, *third)


def _joined(*parts: list[Layout]) -> Iterator[Layout]:
    for chosen in product(*parts):
        yield tuple(slot for part in chosen for slot in part)


def fold_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional(*_HELPER),
        _optional("start"),
        _optional("items"),
        _optional("halt"),
        list(_branches()),
        _optional("stop"),
        _optional("answer"),
    )


def build_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional(*_HELPER),
        _optional("items"),
        _optional("halt"),
        list(_branches(steps=False)),
        _optional("answer"),
    )


def streak_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional(*_HELPER),
        _optional("items"),
        _optional("halt"),
        [("test1", "grow", "drop", "keep")],
        _optional("answer"),
    )


def search_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional(*_HELPER),
        _optional("items"),
        _optional("halt"),
        [("test1",)],
        _optional("inner"),
        [("value1", "none")],
    )


def letters_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional("items"),
        _optional("halt"),
        list(_branches(steps=False)),
        _optional("answer"),
    )


def tally_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional("start"),
        _optional("items"),
        _optional("halt"),
        [layout for layout in _branches(ops=False) if "test1" in layout],
        _optional("answer"),
    )


def choice_layouts() -> Iterator[Layout]:
    yield from _joined(
        [("test1",)],
        [("value1",), ("test2", "value1", "value2")],
        [("value3",), ("test3", "value3", "value4")],
    )


def pairs_layouts() -> Iterator[Layout]:
    yield from _joined(
        _optional("start"), list(_branches()), _optional("stop"), _optional("answer")
    )
