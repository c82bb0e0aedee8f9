"""Elements without order held against each other, in a time that no enemy can stretch."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from egca.execution.ranking import rank
from egca.types import Iterated

# Values looked at in comparisons in vain of elements that are alike, with all that lies inside
# such elements: a second or so.
MAX_EFFORT = 150_000
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
    after MAX_EFFORT in vain the rest counts as different.

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
    pairs, missing = [], []
    with _effort:
        for item in wanted:
            pool = pools.get(_likeness(item, is_near), {})
            weight = _weight(item) if pool else 0
            for i, other in pool.items():
                if _effort.left <= 0:
                    missing.append(item)
                    break
                if same(item, other):
                    pairs.append((item, other))
                    del pool[i]
                    break
                _effort.left -= weight
            else:
                missing.append(item)
    left_over = sorted(entry for pool in pools.values() for entry in pool)
    return pairs, missing, [given[i] for i in left_over]


class _Effort(threading.local):
    """What is left of MAX_EFFORT for one comparison, with those of sets in sets."""

    depth = 0
    left = 0

    def __enter__(self) -> None:
        if self.depth == 0:
            self.left = MAX_EFFORT
        self.depth += 1

    def __exit__(self, *exc: object) -> None:
        self.depth -= 1


_effort = _Effort()


def _weight(value: Any) -> int:
    """How many values a comparison with this one may look at."""
    if isinstance(value, dict):
        return 1 + sum(_weight(key) + _weight(item) for key, item in value.items())
    if isinstance(value, Iterated):
        value = value.items
    if isinstance(value, list | tuple | deque | set | frozenset):
        return 1 + sum(map(_weight, value))
    return 1


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
