"""An order for values of any kind, in which equal ones and near ones come to the same place.

It only makes pairs likely, for matching.py: what is no pair after all costs time there. Bounded in
depth and width, and the same in each process, for reports name the first value that differs."""

from __future__ import annotations

import math
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from egca.types import Iterated

_MAX_DEPTH = 6
_MAX_LEAVES = 16
# Numbers that people write (0.5, 12.345) would lie between two rounded ones too often.
_OFF_GRID = 0.7316


def rank(value: Any) -> tuple[Any, ...]:
    """A key to sort by: numbers ascending, then containers by their leading numbers, then texts."""
    if isinstance(value, int | float) and value == value:
        return 0, _number(value)
    if isinstance(value, str):
        return 2, value
    if isinstance(value, bytes | bytearray):
        return 3, bytes(value)
    return 1, *_key(value, _MAX_DEPTH)


def _key(value: Any, depth: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Leading numbers, rounded ones first: where those agree, a later one decides, not noise."""
    leaves = tuple(islice(_leaves(value, depth), _MAX_LEAVES))
    return tuple(map(_rounded, leaves)), leaves


def _leaves(value: Any, depth: int) -> Iterator[float]:
    """Numbers that stand for what a value consists of."""
    match value:
        case int() | float():
            yield _number(value)
        case complex():
            yield _number(value.real)
            yield _number(value.imag)
        case str():
            yield zlib.crc32(value.encode("utf-8", "surrogatepass"))
        case bytes() | bytearray():
            yield zlib.crc32(value)
        case range():
            yield hash(value)  # of numbers, hence the same in each process
        case Iterated():
            yield from _leaves(value.items, depth)
        case list() | tuple() | deque() if depth:
            for item in value:
                yield from _leaves(item, depth - 1)
        case set() | frozenset() if depth:
            for _, leaves in sorted(_key(item, depth - 1) for item in value):
                yield from leaves
        case dict() if depth:
            keys = [(*_key(key, depth - 1), i) for i, key in enumerate(value)]
            items = [*value.values()]
            for _, leaves, i in sorted(keys):
                if type(value) is Counter and items[i] == 0:  # two of them may differ in those
                    continue
                yield from leaves
                yield from _leaves(items[i], depth - 1)


def _number(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return number if number == number else math.inf


def _rounded(number: float) -> float:
    return float(f"{number * _OFF_GRID:.6g}") if abs(number) > 1e-6 else 0.0
