"""Values as bytes: what is plain comes back the same, what is not is named, garbage is refused."""

from __future__ import annotations

import contextlib
import math
import random
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egca.execution.wire import (
    WireError,
    decode,
    decode_arguments,
    encode,
    encode_arguments,
    encode_checked,
    pack,
    unpack,
)
from egca.types import Iterated, Opaque

TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**300), max_value=2**300)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | TEXT
    | st.binary()
)
HASHABLE = st.recursive(
    SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=6
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.lists(inner, max_size=5).map(deque)
        | st.lists(inner, max_size=5).map(lambda items: Iterated(tuple(items), "map"))
        | st.dictionaries(HASHABLE, inner, max_size=5)
        | st.dictionaries(TEXT, inner, max_size=5).map(OrderedDict)
        | st.dictionaries(TEXT, inner, max_size=5).map(lambda pairs: defaultdict(None, pairs))
        | st.sets(HASHABLE, max_size=5)
        | st.lists(TEXT, max_size=5).map(Counter)
        | st.binary().map(bytearray)
        | st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 3))
    )


VALUES = st.recursive(SCALARS, containers, max_leaves=20)


def same(left: Any, right: Any) -> bool:
    """Equal with the same type at every depth, order of dicts included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return len(left) == len(right) and all(
            same(one, other) for one, other in zip(left.items(), right.items(), strict=True)
        )
    if isinstance(left, (list, tuple, deque)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Iterated):
        return left.type_name == right.type_name and same(left.items, right.items)
    if isinstance(left, (set, frozenset)):
        return left == right and encode(left) == encode(right)  # whose bytes tell 0 from False
    return repr(left) == repr(right)


@given(VALUES)
def test_plain_data_comes_back_the_same(value: Any) -> None:
    data, reason = encode_checked(value)
    assert reason == ""
    assert same(decode(data), value)


@given(st.lists(VALUES, max_size=4).map(tuple))
def test_arguments_are_read_as_any_value(args: tuple[Any, ...]) -> None:
    data, reason = encode_arguments(args)
    assert reason == ""
    assert same(decode(data), args)
    assert same(decode_arguments(data), args)


ROWS = st.lists(SCALARS, max_size=4)
TABLES = st.lists(ROWS, max_size=4) | st.lists(ROWS.map(tuple), max_size=4)
ODD = st.sampled_from([bytearray(b"x"), type("S", (str,), {})("x"), 1j, [2], (2,), {2: 3}])


@given(ROWS | TABLES | st.lists(SCALARS | ODD | st.lists(ODD, max_size=2), max_size=4))
def test_flat_values_have_the_bytes_that_they_have_anywhere(items: list[Any]) -> None:
    for value in (items, tuple(items)):  # inside of a dict nothing is taken as a whole
        inside, reason = encode_checked({0: value})
        assert encode_checked(value) == (inside[2:], reason)


def test_flat_values_run_no_code_of_their_types() -> None:
    def refuse(kind: type) -> int:
        raise AssertionError("its class was hashed")

    kind = type("M", (type,), {"__hash__": refuse})("C", (), {})
    for value in ([1, kind()], [[1], [kind()]], [("a",), (kind(),)], ["a", kind()]):
        assert encode_checked(value)[1] == "type"


@pytest.mark.parametrize(
    "value", [[0] * 1000, [[0] * 10] * 100, [(0, "a")] * 100, [["a" * 50]] * 5, {0: [[1] * 200]}]
)
def test_what_does_not_fit_can_be_left_out_as_a_whole(value: Any) -> None:
    data, reason = encode_checked(value, max_bytes=100, partial=False)
    assert (decode(data), reason) == (Opaque(type(value).__name__, "size"), "size")
    assert encode_checked(value, partial=False) == (encode(value), "")


def test_one_text_many_times_does_not_fill_memory() -> None:
    many = ["a" * (1 << 20)] * (1 << 16)
    for value in ([many], [1, *many], [[None, *many]]):
        assert encode_checked(value, partial=False)[1] == "size"


def test_lists_that_share_what_they_hold_are_not_packed_whole() -> None:
    shared: Any = [1]
    for _ in range(40):
        shared = [shared] * 10  # 10 ** 40 elements
    for value in (shared, tuple(shared), [tuple(shared)] * 2):
        data, reason = encode_checked(value, max_bytes=1 << 16)
        assert len(data) <= 1 << 16
        assert reason in ("size", "depth")
        assert encode_checked(value, max_bytes=1 << 16, partial=False)[1] in ("size", "depth")


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_decoded(data: bytes) -> None:
    for read in (decode, unpack):
        with contextlib.suppress(WireError):
            read(data)


@given(VALUES, st.randoms(use_true_random=False))
def test_damaged_bytes_are_refused_or_decoded(value: Any, choice: random.Random) -> None:
    data = bytearray(encode(value))
    for _ in range(choice.randint(1, 3)):
        data[choice.randrange(len(data))] = choice.randrange(256)
    with contextlib.suppress(WireError):
        decode(bytes(data[: choice.randint(1, len(data))]))


@given(st.sets(st.integers() | st.text()), st.randoms(use_true_random=False))
def test_equal_sets_have_equal_bytes(items: set[Any], choice: random.Random) -> None:
    order = list(items)
    choice.shuffle(order)
    assert encode(set(order)) == encode(items)


def test_float_details_survive() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert math.copysign(1, decode(encode(-0.0))) == -1
    assert decode(encode([-0.0, math.inf])) == [0.0, math.inf]
    assert decode(encode(deque([1, 2], maxlen=2))).maxlen == 2


class Lying(int):
    def __eq__(self, other: object) -> bool:
        raise AssertionError("called")

    def __hash__(self) -> int:
        raise AssertionError("called")


class Meta(type):
    def __hash__(cls) -> int:
        raise AssertionError("called")


class Hostile(metaclass=Meta):
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("called")


class LongList(list[int]):
    def __len__(self) -> int:
        raise AssertionError("called")

    def __iter__(self) -> Any:
        raise AssertionError("called")


MAKERS: dict[str, Any] = {
    "int subclass": lambda: Lying(3),
    "instance": lambda: Hostile.__new__(Hostile),
    "list subclass": lambda: LongList([1]),
    "object": object,
    "function": lambda: len,
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_not_plain_is_named_and_not_called(name: str) -> None:
    data, reason = encode_checked({"a": [1, MAKERS[name]()]})
    assert reason == "type"
    inner = decode(data)["a"]
    assert inner[0] == 1
    assert type(inner[1]) is Opaque
    assert inner[1].reason == "type"


def test_opaque_keys_do_not_melt_into_one() -> None:
    assert decode(encode({object(): 1, object(): 2})) == Opaque("dict")
    assert decode(encode({object(), object()})) == Opaque("set")


def test_cycles_depth_and_size_are_named() -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    assert decode(encode(cycle)) == [1, Opaque("list", "cycle")]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert encode_checked(deep)[1] == "depth"
    assert decode(encode([[0] * 1000, 7], max_bytes=100)) == [Opaque("list", "size"), 7]
    assert decode(encode("x" * 1000, max_bytes=100)) == Opaque("str", "size")
    assert decode(encode(1 << 100_000, max_bytes=100)) == Opaque("int", "size")
    shared = [1]
    assert decode(encode([shared, shared])) == [[1], [1]]


@given(VALUES, st.integers(20, 300))
def test_the_bound_on_bytes_holds(value: Any, max_bytes: int) -> None:
    assert len(encode(value, max_bytes=max_bytes)) <= max(max_bytes, 150)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x93\x01",  # a list that is cut short
        b"\x81\x90\x01",  # an unhashable key
        b"\xdf\xff\xff\xff\xff",  # four billion entries
        b"\xc7\x00\x63",  # an extension that nobody has
        b"\x01\x02",  # something behind the value
        (b"\xdd" + struct.pack(">I", 1_000_000)) * 1000 + b"\x01" * 1_000_000,
        b"\xdd" + struct.pack(">I", 5_000_000) + b"\x80" * 5_000_000,
        b"\x91" * 100_000,
    ],
)
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


@settings(max_examples=20)
@given(VALUES)
def test_what_was_decoded_can_be_sent_on(value: Any) -> None:
    mixed = decode(encode([value, object()]))
    assert encode(mixed) == encode([value, object()])


def test_envelopes_carry_plain_messages() -> None:
    message = {"calls": [b"\x00", None, True, 1.5, "text\ud800"], "n": -1}
    assert unpack(pack(message)) == message
    with pytest.raises(TypeError):
        pack((1, 2))
    with pytest.raises(WireError):
        unpack(encode((1, 2)))
