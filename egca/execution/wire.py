"""Values as bytes: how plain data leaves and enters the process that runs a program.

msgpack underneath, so decoding never runs code. Only exact plain types become data; whatever
else a program holds turns into `types.Opaque` where it stands. The encoder runs beside the
program and must not call into it: it asks `id(type(value))`, never a hash, a length or an
iterator of a subclass. Lists stay msgpack arrays and dicts with simple keys msgpack maps; every
other container is an array whose first element is an extension that names it."""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from itertools import chain
from typing import Any

from msgpack import ExtType, Packer  # type: ignore[import-untyped]

from egca.execution.decoding import (
    BIG_INT,
    BYTEARRAY,
    COMPLEX,
    CONTAINER_BYTES,
    FIRST_MARK,
    MARKED,
    OPAQUE,
)
from egca.execution.decoding import WireError as WireError
from egca.execution.decoding import decode as decode
from egca.execution.decoding import decode_arguments as decode_arguments
from egca.execution.decoding import unpack as unpack
from egca.types import Iterated, Opaque

MAX_BYTES = 1 << 22
NO_LIMIT = 1 << 40  # for values of our own, or that have kept a limit before
MAX_DEPTH = 100
_MARKS: dict[Any, ExtType] = {kind: ExtType(FIRST_MARK + i, b"") for i, kind in enumerate(MARKED)}

# One packer for all: it takes exact types only, calls nothing back and so never yields the GIL.
_pack: Callable[[Any], bytes] = Packer(
    strict_types=True, use_bin_type=True, unicode_errors="surrogatepass"
).pack
_class_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_exact_str = str.__str__
_NUMBERS = frozenset(map(id, (int, float, bool, type(None))))
_INT = id(int)
_TEXTS = frozenset({id(str), id(bytes)})
_KEYS = _NUMBERS | _TEXTS


def pack(message: Any) -> bytes:
    """An envelope (None, bool, 64-bit int, float, str, bytes, list, dict of those) as bytes.

    Raises: TypeError, OverflowError for anything else: envelopes are made by us.
    """
    return _pack(message)


def type_name(kind: type) -> str:
    """A class's name without asking the class: its metaclass may belong to the program."""
    return _exact_str(_class_name(kind))[:100]


def encode(value: Any, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> bytes:
    """Plain data as bytes, with `Opaque` in place of whatever is not.

    Args:
        value: anything; it is not changed and none of its methods are called.
        max_bytes: a part that does not fit into what is left of this becomes Opaque("size").
        max_depth: containers nested deeper become Opaque("depth"); at most 400.

    >>> decode(encode((1, [2.5, {"a": {3}}], object())))
    (1, [2.5, {'a': {3}}], <object>)
    """
    return encode_checked(value, max_bytes=max_bytes, max_depth=max_depth)[0]


def encode_checked(
    value: Any, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, partial: bool = True
) -> tuple[bytes, str]:
    """As `encode`, with the reason of the first Opaque in it ("type", "size", ...) or "".

    Args: partial: False makes a value of which a part does not fit one Opaque("size"), at once.
    """
    if id(type(value)) in _NUMBERS:
        try:
            return _pack(value), ""
        except OverflowError:
            pass
    elif type(value) is str and len(value) * 4 < max_bytes:
        return _pack(value), ""
    writer = _Writer(max_bytes, max_depth, partial)
    try:
        data = _flat(value, max_bytes, partial) if max_depth > 1 else None
        if data is None:
            data = _pack(writer.plain(value, 0))
    except _TooLarge:
        data = b""
    if not 0 < len(data) <= max_bytes:
        return _pack(_opaque(name_of(value), "size")), "size"
    return data, writer.reason


def encode_arguments(args: tuple[Any, ...]) -> tuple[bytes, str]:
    """As encode_checked, quicker, for values of our own: it trusts that none imitates our marks."""
    try:
        data = _pack([_MARKS[tuple], *args])
    except (TypeError, OverflowError, ValueError):  # more than msgpack has a form for
        return encode_checked(args, max_bytes=NO_LIMIT)
    # Bytes begin so, and so does a bytearray that was packed as if it were bytes.
    if b"\xc4" in data or b"\xc5" in data or b"\xc6" in data:
        return encode_checked(args, max_bytes=NO_LIMIT)
    return data, ""


def _flat(value: Any, max_bytes: int, partial: bool) -> bytes | None:
    """A list or tuple of numbers and texts, or of such lists or such tuples, at the speed of C.

    None for anything else, and for what may be over the limit: there _Writer decides. All is
    copied first, for another thread of the program may change what it returned.
    Raises: _TooLarge for what is over it, if nobody wants a part.
    """
    kind = type(value)
    if (kind is not list and kind is not tuple) or not 0 < len(value) <= max_bytes:
        return None
    head = [] if kind is list else [_MARKS[tuple]]
    items, n_containers = [*value], 1
    scalars, packed = items, items
    first = type(items[0])
    if first is list or first is tuple:
        if {*map(id, map(type, items))} != {id(first)}:
            return None
        if sum(map(len, items)) > max_bytes:
            if not partial:
                raise _TooLarge
            return None
        mark = _MARKS[tuple]
        packed = [*map(list.copy, items)] if first is list else [[mark, *item] for item in items]
        scalars = [*chain.from_iterable(packed if first is list else items)]
        n_containers += len(items)
    # Told by the identity of types, since hashing a type may run code of others; before packing,
    # since lists in lists can be far more than they take to hold.
    kinds = {*map(id, map(type, scalars))}
    if not kinds <= _KEYS:
        return None
    if not kinds.isdisjoint(_TEXTS):  # one text many times is little memory until it is packed
        texts = scalars if kinds <= _TEXTS else [x for x in scalars if id(type(x)) in _TEXTS]
        if sum(map(len, texts)) > max_bytes:
            return None
    try:
        data = _pack(head + packed) if head else _pack(packed)
    except (MemoryError, OverflowError, TypeError, ValueError):
        return None
    if len(data) > max_bytes and not partial:
        raise _TooLarge
    return data if len(data) + n_containers * CONTAINER_BYTES <= max_bytes else None


def name_of(value: Any) -> str:
    """What a program calls the type of a value that it returned."""
    kind = type(value)
    return value.type_name if kind is Iterated or kind is Opaque else type_name(kind)


def _opaque(name: str, reason: str) -> ExtType:
    return ExtType(OPAQUE, _pack([name, reason]))


class _TooLarge(Exception):
    """A part of a value does not fit, and nobody wants the others."""


class _Writer:
    """Turns one value into what msgpack packs natively, within a budget of bytes."""

    __slots__ = ("left", "max_depth", "partial", "path", "reason")

    def __init__(self, max_bytes: int, max_depth: int, partial: bool) -> None:
        self.left = max_bytes
        self.max_depth = max_depth
        self.partial = partial
        self.path: set[int] = set()
        self.reason = ""

    def plain(self, value: Any, depth: int) -> Any:
        handler = _HANDLERS.get(id(type(value)))
        if handler is None:
            return self.opaque(value, "type")
        return handler(self, value, depth)

    def opaque(self, value: Any, reason: str) -> ExtType:
        if reason == "size" and not (self.partial or self.reason):
            raise _TooLarge
        self.reason = self.reason or reason
        self.left -= 16
        return _opaque(name_of(value), reason)

    def again(self, value: Opaque, depth: int) -> ExtType:
        """An Opaque that was decoded before: the parent sends on what a child returned."""
        self.reason = self.reason or value.reason
        return _opaque(value.type_name, value.reason)

    def number(self, value: Any, depth: int) -> Any:
        self.left -= 1
        return value

    def integer(self, value: int, depth: int) -> Any:
        self.left -= 1
        if -(1 << 63) <= value < 1 << 64:
            return value
        n_bytes = value.bit_length() // 8 + 1
        if n_bytes > self.left:
            return self.opaque(value, "size")
        self.left -= n_bytes
        return ExtType(BIG_INT, value.to_bytes(n_bytes, "little", signed=True))

    def complex(self, value: complex, depth: int) -> Any:
        self.left -= 18
        return ExtType(COMPLEX, struct.pack("<dd", value.real, value.imag))

    def text(self, value: Any, depth: int) -> Any:
        if len(value) > self.left:
            return self.opaque(value, "size")
        self.left -= len(value) + 1
        return value

    def bytearray(self, value: bytearray, depth: int) -> Any:
        if len(value) > self.left:
            return self.opaque(value, "size")
        self.left -= len(value) + 2
        return ExtType(BYTEARRAY, bytes(value))

    def refusal(self, value: Any, n_items: int, depth: int) -> str:
        """Why a container of so many items cannot be entered, or ""."""
        if n_items > self.left:
            return "size"
        if id(value) in self.path:
            return "cycle"
        return "depth" if depth >= self.max_depth else ""

    def items(self, value: Any, items: list[Any], depth: int, mark: ExtType | None = None) -> Any:
        """The container `value`, that holds `items`, as an array."""
        self.left -= CONTAINER_BYTES
        head = [] if mark is None else [mark]
        if _are_plain_numbers(items):
            self.left -= len(items)
            return head + items
        self.path.add(id(value))
        head += [self.plain(item, depth + 1) for item in items]
        self.path.discard(id(value))
        return head

    def list(self, value: list[Any], depth: int) -> Any:
        if refusal := self.refusal(value, len(value), depth):
            return self.opaque(value, refusal)
        return self.items(value, value[:], depth)

    def tuple(self, value: tuple[Any, ...], depth: int) -> Any:
        if refusal := self.refusal(value, len(value), depth):
            return self.opaque(value, refusal)
        return self.items(value, [*value], depth, _MARKS[tuple])

    def set(self, value: Any, depth: int) -> Any:
        if refusal := self.refusal(value, len(value), depth):
            return self.opaque(value, refusal)
        before, self.reason = self.reason, ""
        items = self.items(value, [*value], depth)
        if self.reason:  # equal Opaque elements would melt into one
            return self.opaque(value, self.reason)
        self.reason = before
        # Two equal sets may iterate differently: sort, so that equal values have equal bytes.
        return [_MARKS[type(value)], *sorted(items, key=_pack)]

    def deque(self, value: deque[Any], depth: int) -> Any:
        if refusal := self.refusal(value, len(value), depth):
            return self.opaque(value, refusal)
        return self.items(value, [value.maxlen, *value], depth, _MARKS[deque])

    def iterated(self, value: Iterated, depth: int) -> Any:
        if refusal := self.refusal(value, len(value.items), depth):
            return self.opaque(value, refusal)
        return self.items(value, [value.type_name, *value.items], depth, _MARKS[Iterated])

    def range(self, value: range, depth: int) -> Any:
        return self.items(value, [value.start, value.stop, value.step], depth, _MARKS[range])

    def dict(self, value: dict[Any, Any], depth: int) -> Any:
        if refusal := self.refusal(value, len(value), depth):
            return self.opaque(value, refusal)
        # An OrderedDict keeps an order of its own beside the dict's.
        pairs = [*(OrderedDict.items(value) if type(value) is OrderedDict else dict.items(value))]
        before, self.reason = self.reason, ""
        self.path.add(id(value))
        keys = [self.plain(key, depth + 1) for key, _ in pairs]
        self.path.discard(id(value))
        if self.reason:  # equal Opaque keys would melt into one
            return self.opaque(value, self.reason)
        self.reason = before
        items = self.items(value, [item for _, item in pairs], depth)
        if type(value) is dict and {*map(id, map(type, value))} <= _KEYS:
            return dict(zip(keys, items, strict=True))
        flat: list[Any] = [_MARKS[type(value)]]
        for pair in zip(keys, items, strict=True):
            flat += pair
        return flat


def _are_plain_numbers(items: list[Any]) -> bool:
    """Whether there is nothing to convert, found out at the speed of C."""
    kinds = {*map(id, map(type, items))}
    if not kinds <= _NUMBERS:
        return False
    if _INT not in kinds:
        return True
    try:
        _pack(items)
    except OverflowError:  # an int of more than 64 bits
        return False
    return True


_HANDLERS: dict[int, Callable[[_Writer, Any, int], Any]] = {
    id(type(None)): _Writer.number,
    id(bool): _Writer.number,
    id(float): _Writer.number,
    id(int): _Writer.integer,
    id(complex): _Writer.complex,
    id(str): _Writer.text,
    id(bytes): _Writer.text,
    id(bytearray): _Writer.bytearray,
    id(list): _Writer.list,
    id(tuple): _Writer.tuple,
    id(set): _Writer.set,
    id(frozenset): _Writer.set,
    id(range): _Writer.range,
    id(deque): _Writer.deque,
    id(dict): _Writer.dict,
    id(OrderedDict): _Writer.dict,
    id(defaultdict): _Writer.dict,
    id(Counter): _Writer.dict,
    id(Iterated): _Writer.iterated,
    id(Opaque): _Writer.again,
}
