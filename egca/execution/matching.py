"""Elements without order held against each other, in a time that no enemy can stretch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

from egca.execution.ranking import rank
from egca.types import Iterated

MAX_TRIES = 100_000  # comparisons of elements that are alike and yet differ, half a second
_MAX_DEPTH = 20
_NUMBERS = (int, float, complex)
_SETS = (set, frozenset)
_BYTES = (bytes, bytearray)
_SCALARS = frozenset({str, type(None)})


def matched(
    wanted: list[Any], given: list[Any], is_near: bool, same: Callable[[Any, Any], bool]
) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Pairs of equal elements, and what is left over on each side.

    Numbers first, in ascending order, so that a tolerance pairs them as well as can be. Only
    elements alike are compared, which is linear unless a tolerance or an enemy makes many alike;
    after MAX_TRIES comparisons in vain the rest counts as different.

    Args:
        is_near: whether `same` has a tolerance for numbers.
    """
    wanted, given = sorted(wanted, key=rank), sorted(given, key=rank)
    if len(wanted) == len(given):
        pairs = [*zip(wanted, given, strict=True)]
        if all(same(a, b) for a, b in pairs):
            return pairs, [], []
    pools: dict[Any, dict[int, Any]] = {}  # of elements alike, by their place
    for i, item in enumerate(given):
        pools.setdefault(_likeness(item, is_near), {})[i] = item
    pairs, missing, n_tries = [], [], 0
    for item in wanted:
        pool = pools.get(_likeness(item, is_near), {})
        for i, other in islice(pool.items(), max(MAX_TRIES - n_tries, 0)):
            if same(item, other):
                pairs.append((item, other))
                del pool[i]
                break
            n_tries += 1
        else:
            missing.append(item)
    left_over = sorted(entry for pool in pools.values() for entry in pool)
    return pairs, missing, [given[i] for i in left_over]


def _likeness(value: Any, is_near: bool, depth: int = _MAX_DEPTH) -> Any:
    """The same for equal values, and another for nearly all others unless numbers may be near."""
    kind = type(value)
    if isinstance(value, _NUMBERS):
        return "number" if is_near else hash(value) if value == value else "nan"
    if isinstance(value, _BYTES):
        return hash(bytes(value))
    if kind in _SCALARS or kind is range:
        return hash(value)
    if isinstance(value, _SETS):
        return "set", len(value), _sum(value, is_near, depth)
    if isinstance(value, dict):
        if is_near or depth == 0:
            return "dict"
        # Counters may differ in the zeros.
        counted = [(k, v) for k, v in value.items() if not isinstance(v, _NUMBERS) or v != 0]
        return "dict", _sum(counted, is_near, depth)
    if isinstance(value, Iterated):
        return "iterator", _likeness(value.items, is_near, depth)
    if isinstance(value, list | tuple | deque):
        if depth == 0:
            return kind.__name__, len(value)
        return hash((kind.__name__, *[_likeness(item, is_near, depth - 1) for item in value]))
    return "other"


def _sum(items: Collection[Any], is_near: bool, depth: int) -> int:
    """The same in whatever order the items come."""
    return sum(hash(_likeness(item, is_near, depth - 1)) for item in items) if depth else 0
