"""Values as they were at the time of an event: cheap to keep, safe from what the program does next.

Small scalars are kept as they are. Containers of plain data are copied in C: straight into the form
of the wire where msgpack has one for them, else by marshal, which calls no code of the program
either and never leaves this process (wire.py encodes it once the run is over). A frozen value is
None, bool, int, float or str; bytes (wire data); `Marshalled`; or an Opaque."""

from __future__ import annotations

import marshal
from collections import Counter, OrderedDict, defaultdict, deque
from contextlib import suppress
from itertools import islice
from typing import Any
from zlib import crc32

from egca.execution.wire import encode, encode_checked, pack, type_name
from egca.types import Opaque

FORMAT = 2  # the last marshal format in which equal values of one order have equal bytes
SMALL_TEXT = 128  # characters; longer text counts against the budget
SMALL_INT_BITS = 4096
_SAMPLE = 16  # elements at each end that stand for a container too large to keep
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset, bytes})
_SPECIAL = frozenset({deque, defaultdict, OrderedDict, Counter, bytearray, complex, range})
MUTABLE = frozenset({list, dict, set, deque, defaultdict, OrderedDict, Counter, bytearray})


class Marshalled(bytes):
    """Data of marshal, told apart from wire data by its type."""

    __slots__ = ()


class Freezer:
    """Freezes values within bounds, and remembers whether one of them was hit.

    n_elements bounds the length of a container, value_bytes its copy; longer ones become
    Opaque(type, "size N #CHECKSUM"), with a checksum over length and both ends, so that two of them
    can still be compared. total_bytes bounds all copies of one run together: what comes after is
    Opaque(type, "budget").
    """

    __slots__ = ("is_truncated", "left", "n_elements", "total_bytes", "value_bytes")

    def __init__(self, n_elements: int, value_bytes: int, total_bytes: int) -> None:
        self.n_elements = n_elements
        self.value_bytes = value_bytes
        self.total_bytes = total_bytes
        self.begin()

    def begin(self) -> None:
        """Forget what earlier runs used up."""
        self.left = self.total_bytes
        self.is_truncated = False

    def stop(self) -> None:
        """Spend no more time on values: none of them will be kept."""
        self.left = 0
        self.is_truncated = True

    def freeze(self, value: Any) -> Any:
        """The frozen value. Never raises, and calls no method that a program can define."""
        kind = type(value)
        if kind is str or kind is int:
            return self._scalar(value)
        if value is None or kind is bool or kind is float:
            return value
        if self.left <= 0:
            self.is_truncated = True
            return Opaque(type_name(kind), "budget")
        try:
            if kind in _CONTAINERS:
                return self._container(value)
            if kind in _SPECIAL:
                return self._special(value)
        except (RecursionError, MemoryError):  # near the program's own limits
            self.is_truncated = True
            return Opaque(type_name(kind), "depth")
        return Opaque(type_name(kind))

    def _scalar(self, value: Any) -> Any:
        if type(value) is str:
            size, small = len(value), SMALL_TEXT
        else:
            size, small = value.bit_length() >> 3, SMALL_INT_BITS >> 3
        if size <= small:
            return value
        self.left -= size
        if size <= self.value_bytes and self.left > 0:
            return value
        self.is_truncated = True
        kind = type_name(type(value))
        if kind == "int":
            return Opaque(kind, f"size {size} #{hash(value) & 0xFFFFFFFF:08x}")
        sample = (value[:_SAMPLE] + value[-_SAMPLE:]).encode("utf-8", "surrogatepass")
        return Opaque(kind, f"size {size} #{crc32(sample, size & 0xFFFFFFFF):08x}")

    def _container(self, value: Any) -> Any:
        kind = type(value)
        if kind is bytes:
            return self._special(value)
        if len(value) > self.n_elements:
            return self._summary(value)
        if _holds_containers(value) and not _is_light(value, self.value_bytes):
            return self._special(value) if len(value) <= 2 * _SAMPLE else self._summary(value)
        try:
            if kind is list or kind is dict:
                data = pack(value)
            elif kind is tuple:
                data = _pack_tuple(value)
            else:
                data = Marshalled(marshal.dumps(value, FORMAT))
        except (TypeError, OverflowError, ValueError):  # holds other containers, or large ints
            try:
                data = Marshalled(marshal.dumps(value, FORMAT))
            except ValueError:  # holds something that is not plain data
                return self._special(value)
        self.left -= len(data)
        return data if len(data) <= self.value_bytes else self._summary(value)

    def _special(self, value: Any) -> Any:
        data, reason = encode_checked(value, max_bytes=self.value_bytes, max_depth=20)
        if reason in ("size", "depth"):
            self.is_truncated = True
        self.left -= 8 * len(data)  # it takes as much longer to make
        return data

    def _summary(self, value: Any) -> Opaque:
        self.is_truncated = True
        size = len(value)
        if type(value) in (list, tuple, bytes):
            ends: Any = value[:_SAMPLE], value[-_SAMPLE:]
        elif type(value) is dict:
            last = islice(reversed(dict.items(value)), _SAMPLE)
            ends = [*islice(dict.items(value), _SAMPLE)], [*last]
        else:
            ends = ()  # sets have no order
        data = b""
        if ends and not (_holds_containers(ends[0]) or _holds_containers(ends[1])):
            with suppress(TypeError, OverflowError, ValueError):
                data = pack([*ends])
        data = data or encode(ends, max_bytes=1 << 12, max_depth=4)
        self.left -= len(data)
        checksum = crc32(data, size & 0xFFFFFFFF)
        return Opaque(type_name(type(value)), f"size {size} #{checksum:08x}")


def _holds_containers(value: Any) -> bool:
    """Whether the first or last element is a container (or, of a dict, the first value)."""
    if not value:
        return False
    kind = type(value)
    if kind is list or kind is tuple:
        return type(value[0]) in _CONTAINERS or type(value[-1]) in _CONTAINERS
    if kind is dict:
        return type(next(iter(value.values()))) in _CONTAINERS
    return False  # what is in a set, or in bytes, is hashable; large frozensets count as one


def _is_light(value: Any, limit: int) -> bool:
    """Whether a container with containers in it holds at most so many elements in all.

    The copy in C cannot be stopped, and shared parts can make a small program's value enormous.
    Looks only where the first or last element is a container: a heavy part in the middle costs its
    time once, for the budget counts it.
    """
    n_elements = 0
    pending = [value]
    while pending:
        part = pending.pop()
        n_elements += len(part)
        if n_elements > limit:
            return False
        if _holds_containers(part):
            inner = part.values() if type(part) is dict else part
            pending += [item for item in inner if type(item) in _CONTAINERS]
    return True


def _pack_tuple(value: tuple[Any, ...]) -> bytes:
    """As wire.encode does for a tuple whose elements msgpack has a form for. Raises: as pack."""
    data = pack([None, *value])
    n_head = {0xDC: 3, 0xDD: 5}.get(data[0], 1)  # bytes that say how long the array is
    return data[:n_head] + _TUPLE_MARK + data[n_head + 1 :]


_TUPLE_MARK = encode(())[1:]


def thaw_to_wire(frozen: Any, max_bytes: int) -> bytes:
    """A frozen value as data of egca/execution/wire.py."""
    kind = type(frozen)
    if kind is bytes:
        data: bytes = frozen
        return data
    if kind is Marshalled:
        frozen = marshal.loads(frozen)
    return encode(frozen, max_bytes=4 * max_bytes)
