"""Iterators that programs return or are given: consumed where the program runs, as data elsewhere.

Runs in the sandbox's child. Consuming runs code of the program, so it belongs inside the guard
around a call. A coroutine runs to its end there too, for what an `async def` is asked for is its
value. Only types of Python itself count: an object with an `__iter__` of its own is no
plain data, whatever it would give. What is inside a container or another iterator stays as it is.
"""

from __future__ import annotations

import itertools
import types
from collections import OrderedDict, deque
from typing import Any

from egca.execution.wire import type_name
from egca.types import Iterated, Opaque

MAX_ITEMS = 100_000  # of one iterator; endless ones are common
_DICT: dict[Any, Any] = {}
_BOTH_WAYS: list[Any] = [[], _DICT, _DICT.values(), _DICT.items(), deque(), OrderedDict(), range(0)]
_FORWARD: list[Any] = [(), set(), "", "\xe9", b"", bytearray(), range(1 << 70)]
_TYPES: tuple[type, ...] = (
    types.GeneratorType,
    *(map, filter, zip, enumerate, reversed),
    *(type(iter(one)) for one in (*_BOTH_WAYS, *_FORWARD)),
    *(type(reversed(one)) for one in _BOTH_WAYS),
    type(iter(int, 0)),
    *(itertools.accumulate, itertools.chain, itertools.combinations, itertools.compress),
    *(itertools.combinations_with_replacement, itertools.count, itertools.cycle),
    *(itertools.dropwhile, itertools.filterfalse, itertools.groupby, itertools.islice),
    *(itertools.pairwise, itertools.permutations, itertools.product, itertools.repeat),
    *(itertools.starmap, itertools.takewhile, itertools.zip_longest),
    *map(type, itertools.tee(())),
    *(getattr(itertools, name) for name in ("batched",) if hasattr(itertools, name)),
)
# By id, for the hash of a class is its metaclass's, which may belong to the program.
_IDS = frozenset(map(id, _TYPES))
_islice = itertools.islice


def consumed(value: Any) -> Any:
    """All that an iterator gives, as `Iterated`; what a coroutine returns; other values as is.

    More than MAX_ITEMS make it Opaque("size"). Raises: whatever the iterator or coroutine raises.
    """
    kind = type(value)
    if kind is types.CoroutineType:
        value = _end_of(value)
        kind = type(value)
    if id(kind) not in _IDS:
        return value
    items = tuple(_islice(value, MAX_ITEMS + 1))
    if len(items) > MAX_ITEMS:
        return Opaque(type_name(kind), "size")
    return Iterated(items, type_name(kind))


def _end_of(coroutine: Any) -> Any:
    import asyncio  # costs more than most runs take, and few programs need it

    return asyncio.run(coroutine)


def fresh(value: Any) -> Any:
    """An iterator over the items of an `Iterated`; any other value as it is."""
    if type(value) is not Iterated:
        return value
    if value.type_name == "generator":  # a test may ask for the type, or for close()
        return (item for item in value.items)
    return iter(value.items)


def revived(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments as a call takes them: an `Iterated` among them as an iterator."""
    return tuple(map(fresh, args)) if Iterated in map(type, args) else args
