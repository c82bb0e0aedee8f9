"""A frozen value is the value of the moment, within its bounds."""

import copy
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.execution.freezing import Freezer, thaw_to_wire
from egca.execution.wire import decode, encode
from egca.types import Opaque

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=1 << 62, max_value=1 << 70),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
)
KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.integers(), st.text()), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.lists(inner, max_size=20).map(tuple),
        st.dictionaries(KEYS, inner),
        st.frozensets(KEYS),
        st.sets(KEYS),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(KEYS, inner).map(OrderedDict),
        st.dictionaries(KEYS, inner).map(lambda pairs: defaultdict(list, pairs)),
        st.lists(st.text(max_size=1)).map(Counter),
    ),
    max_leaves=30,
)


def freezer(**bounds: int) -> Freezer:
    """A freezer with bounds that nothing here reaches, but for those given."""
    return Freezer(**{"n_elements": 10**6, "value_bytes": 10**6, "total_bytes": 10**8, **bounds})


@given(VALUES)
def test_a_frozen_value_thaws_to_what_the_wire_carries(value: Any) -> None:
    each = freezer()
    thawed = decode(thaw_to_wire(each.freeze(value), each.value_bytes))
    assert repr(thawed) == repr(decode(encode(value)))
    assert type(thawed) is type(value)
    assert not each.is_truncated


@pytest.mark.parametrize("length", [0, 1, 14, 15, 16, 300, 70_000])
def test_containers_of_any_length(length: int) -> None:
    for kind in (list, tuple, set, frozenset):
        value = kind(range(length))
        assert decode(thaw_to_wire(freezer().freeze(value), 10**6)) == value


def test_a_frozen_value_does_not_follow_the_program() -> None:
    for value in ([[1], {2: [3]}], {1: [2]}, deque([[1]]), ([1], {2}), bytearray(b"a")):
        before = copy.deepcopy(value)
        frozen = freezer().freeze(value)
        target: Any = value[0] if isinstance(value, tuple) else value
        target.clear()
        assert decode(thaw_to_wire(frozen, 10**6)) == before


def test_bounds_are_kept_and_told() -> None:
    shared: Any = [1]
    for _ in range(40):
        shared = [shared] * 10  # 10 ** 40 elements
    for value in (list(range(50)), {i: i for i in range(50)}, "x" * 2000, 1 << 99_999, shared):
        each = freezer(n_elements=20, value_bytes=200)
        frozen = each.freeze(value)
        assert each.is_truncated
        assert len(thaw_to_wire(frozen, 200)) <= 200
    each = freezer(total_bytes=100)
    assert [type(each.freeze([0] * 60)) for _ in range(3)] == [bytes, bytes, Opaque]


def test_summaries_tell_different_values_apart() -> None:
    def summary(value: Any) -> Any:
        return freezer(n_elements=20, value_bytes=200).freeze(value)

    assert summary([1] * 50) == summary([1] * 50)
    assert summary([1] * 50) != summary([1] * 51)
    assert summary([1] * 50) != summary([1] * 49 + [2])
    assert summary({i: i for i in range(50)}) != summary({i: i + (i == 49) for i in range(50)})
    assert summary(1 << 99_999) != summary(1 << 99_998)
