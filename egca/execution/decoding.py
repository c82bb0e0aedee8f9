"""Bytes as values: the parent's half of the wire, that has to expect anything.

What egca/execution/wire.py encodes comes back as it was. But the bytes are a child's, and a program
may have written them itself: decoding runs no code, allocates in proportion to the data, keeps to
a `Room`, and makes no dict or set whose keys were chosen to have one hash."""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection
from typing import Any

from msgpack import Unpacker, unpackb  # type: ignore[import-untyped]

from egca.types import Iterated, Opaque

BIG_INT, COMPLEX, BYTEARRAY, OPAQUE = 1, 2, 3, 4
FIRST_MARK = 16
MARKED = (tuple, set, frozenset, dict, range, deque, OrderedDict, defaultdict, Counter, Iterated)
CONTAINER_BYTES = 16  # what a container counts besides its items: empty ones take 60 in memory
_HEAVY = {deque: 10, set: 4, OrderedDict: 4, Counter: 2}  # as many lists take as much memory

_ERRORS = "surrogatepass"
_ANY_MARK = bytes([0xC7, 0])  # how an extension without data begins, as marks do
_SCAN_FROM = 1024  # smaller data cannot make the decoder allocate more than a few megabytes
_CONTAINER_HEADERS = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)])
_MAX_CONTAINERS = 1 << 22
_MAX_CROWD = 32  # keys of one hash; plain values that nobody chose for it have two or three


class WireError(ValueError):
    """Bytes that no encoder wrote. The message names the reason."""


class NoRoom(WireError):
    """Data over what is left of a `Room`."""


class Room:
    """What may still be decoded for one program, over all of its answers.

    Honest programs stay far below. It is there because every answer is kept until the verdict: a
    thousand answers of four megabytes each, in empty lists, would fill any machine.
    """

    __slots__ = ("n_bytes", "n_containers", "n_opaque")

    def __init__(self, n_bytes: int, n_containers: int) -> None:
        self.n_bytes = n_bytes
        self.n_containers = n_containers
        self.n_opaque = 0  # that were decoded so far

    @classmethod
    def of(cls, value_bytes: int) -> Room:
        """Room for a program whose single answers have this limit."""
        return cls(16 * value_bytes, value_bytes // 2)

    def take(self, n_bytes: int, n_containers: int = 0) -> None:
        """Use some of it. Raises: NoRoom once it is used up."""
        self.n_bytes -= n_bytes
        self.n_containers -= n_containers
        if self.n_bytes < 0 or self.n_containers < 0:
            raise NoRoom("the program's answers are too large, all together")


def unpack(data: bytes) -> Any:
    """The envelope in these bytes. Raises: WireError."""
    return _unpack(data, None, _named, _no_extension)


def decode(data: bytes, room: Room | None = None) -> Any:
    """The value in these bytes; runs no code and allocates in proportion to len(data).

    Raises: WireError if no encoder can have written them, NoRoom if they are more than `room` has.
    """
    is_large = len(data) >= _SCAN_FROM
    if room is None:
        if not is_large:
            return _unpack(data, _read_list, None, _ext_hook)
        room = Room(len(data), _MAX_CONTAINERS)
    room.take(len(data))

    def list_hook(items: list[Any]) -> Any:
        room.n_containers -= 1
        if room.n_containers < 0:
            room.take(0)
        return _read_list(items, room)

    def pairs_hook(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        room.n_containers -= 1
        if room.n_containers < 0:
            room.take(0)
        return dict(pairs if len(pairs) <= _MAX_CROWD else _spread(pairs))

    def ext_hook(code: int, data: bytes) -> Any:
        room.n_opaque += code >= OPAQUE  # a mark is one, too, until its list is read
        return _ext_hook(code, data)

    return _unpack(data, list_hook, pairs_hook if is_large else None, ext_hook)


def decode_arguments(data: bytes) -> Any:
    """As `decode`, quicker, for the arguments of a call: bytes that a parent made for its child."""
    if data.count(_ANY_MARK) != 1:
        return decode(data)
    # Only the tuple's own mark: no list in it is anything else, so they are built in C.
    _, *args = unpackb(data, unicode_errors=_ERRORS, strict_map_key=False, ext_hook=_ext_hook)
    return tuple(args)


def is_crowded(keys: Collection[Any]) -> bool:
    """Whether so many keys share a hash that a dict or set of them takes quadratic time."""
    if len(keys) <= _MAX_CROWD or len({*map(hash, keys)}) == len(keys):
        return False
    return max(Counter(map(hash, keys)).values()) > _MAX_CROWD


def _named(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A map of an envelope. Other keys than names could be chosen for their hash."""
    for key, _ in pairs:
        if type(key) is not str:
            raise WireError("an envelope with a key that is no name")
    return dict(pairs)


def _spread(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    if is_crowded([key for key, _ in pairs]):
        raise WireError("keys that were chosen for their hash")
    return pairs


def _unpack(data: bytes, list_hook: Any, pairs_hook: Any, ext_hook: Callable[..., Any]) -> Any:
    try:
        if len(data) >= _SCAN_FROM:
            _require_complete(data)
        return unpackb(
            data,
            raw=False,
            unicode_errors=_ERRORS,
            strict_map_key=False,
            list_hook=list_hook,
            object_pairs_hook=pairs_hook,
            ext_hook=ext_hook,
            timestamp=2,  # nanoseconds: an int, and no object of msgpack's that has a weak hash
        )
    except WireError:
        raise
    except Exception as error:  # whatever an enemy's bytes make of msgpack and of our hooks
        raise WireError(f"not an encoded value: {error or type(error).__name__}") from error


def _require_complete(data: bytes) -> None:
    """Walk over the data without building it.

    Array headers that promise more than follows would make the decoder allocate the product of
    depth and promise; data that is complete has no more elements than bytes.
    """
    n_headers = len(data) - len(data.translate(None, _CONTAINER_HEADERS))
    if n_headers > _MAX_CONTAINERS:
        raise WireError("not an encoded value: too many containers")
    scanner = Unpacker(max_buffer_size=len(data))
    scanner.feed(data)
    try:
        scanner.skip()
    except Exception as error:  # msgpack.OutOfData and whatever it finds malformed
        raise WireError("not an encoded value: cut short or malformed") from error


def _no_extension(code: int, data: bytes) -> Any:
    raise WireError(f"unexpected extension {code}")


_MARK_VALUES = [Opaque(f"{kind.__name__} marker") for kind in MARKED]


def _ext_hook(code: int, data: bytes) -> Any:
    if code == BIG_INT:
        return int.from_bytes(data, "little", signed=True)
    if code == COMPLEX and len(data) == 16:
        return complex(*struct.unpack("<dd", data))
    if code == BYTEARRAY:
        return bytearray(data)
    if code == OPAQUE:
        match unpack(data):
            case [str(name), str(reason)]:
                return Opaque(name, reason)
    if FIRST_MARK <= code < FIRST_MARK + len(MARKED) and not data:
        return _MARK_VALUES[code - FIRST_MARK]
    raise WireError(f"unexpected extension {code}")


def _read_list(items: list[Any], room: Room | None = None) -> Any:
    if not items or type(items[0]) is not Opaque:
        return items
    for kind, mark in zip(MARKED, _MARK_VALUES, strict=True):
        if items[0] is mark:
            if room is not None:
                room.n_opaque -= 1
                if kind in _HEAVY:
                    room.take(0, _HEAVY[kind])
            return _rebuild(kind, items)
    return items


def _rebuild(kind: Any, items: list[Any]) -> Any:
    del items[0]
    if kind is tuple:
        return tuple(items)
    if kind is set or kind is frozenset:
        if is_crowded(items):
            raise WireError("elements that were chosen for their hash")
        value = kind(items)
        if len(value) != len(items):
            raise WireError("a set with an element twice")
        return value
    if kind is range:
        return range(*items)
    if kind is deque:
        return deque(items[1:], items[0])
    if kind is Iterated:
        if not items or type(items[0]) is not str:
            raise WireError("an iterator without a name")
        return Iterated(tuple(items[1:]), items[0])
    if len(items) % 2:
        raise WireError("a dict with a key that has no value")
    pairs = dict(_spread([*zip(items[::2], items[1::2], strict=True)]))
    if len(pairs) * 2 != len(items):
        raise WireError("a dict with a key twice")
    if kind is defaultdict:
        return defaultdict(None, pairs)
    return pairs if kind is dict else kind(pairs)
