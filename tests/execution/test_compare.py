"""What equal means, case by case, and its laws."""

from __future__ import annotations

import copy
import math
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egca.execution.compare import difference, equal, output_difference, same_output, short
from egca.types import Comparison, Iterated, Opaque

NAN, INF = math.nan, math.inf
EXACT, NEAR = Comparison(types="exact"), Comparison(atol=1e-6)

EQUAL: list[tuple[Any, Any, Comparison]] = [
    (NAN, NAN, Comparison()),
    ([NAN, {"a": NAN}], [NAN, {"a": float("nan")}], EXACT),
    ({NAN}, {float("nan")}, Comparison()),
    ({NAN: 1}, {float("nan"): 1}, Comparison()),
    (complex(NAN, 1), complex(NAN, 1), Comparison()),
    (-0.0, 0.0, EXACT),
    (True, 1, Comparison()),
    (1, 1.0, Comparison()),
    (1, 1 + 0j, Comparison()),
    ({1: "a"}, {True: "a"}, Comparison()),
    ({1, 2}, frozenset({2, 1}), Comparison()),
    (b"a", bytearray(b"a"), Comparison()),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, EXACT),
    (OrderedDict(a=1, b=2), {"b": 2, "a": 1}, Comparison()),
    (Counter(a=1), {"a": 1}, Comparison()),
    (Counter(a=1, b=0), Counter(a=1), Comparison()),
    (defaultdict(list, {"a": [1]}), {"a": [1]}, Comparison()),
    (deque([1, 2]), deque([1, 2]), Comparison()),
    (range(3), range(0, 3), Comparison()),
    ([1.0, {"a": (2.0,)}], [1.0000001, {"a": (2.0000001,)}], NEAR),
    ([{1.0, 2.0}], [{2.0000001, 1.0000001}], NEAR),
    ({0.1: 1}, {0.1000000001: 1}, NEAR),
    (3, 3.0000001, NEAR),
    (1j, 1.0000001j, NEAR),
    (1000.0, 1000.5, Comparison(rtol=1e-3)),
    (INF, INF, NEAR),
    ([3, 1, 2], (1, 2, 3), Comparison(unordered=True)),
    ([[1], [2], [1]], [[1], [1], [2]], Comparison(unordered=True)),
    ({1, 2}, [1, 2, 2], Comparison(view="set")),
    ([1, 2], (1, 2), Comparison(view="list")),
    (True, [0], Comparison(view="truth")),
    (True, Opaque("Match"), Comparison(view="is_not_none")),
    (Iterated((1, NAN), "map"), Iterated((1.0, NAN)), Comparison()),
    (Iterated(([1.0],)), Iterated(([1.0000001],)), NEAR),
    ([1, 2], Iterated((1, 2)), Comparison(view="list")),
    ((1, 2), Iterated((1, 2)), Comparison(view="tuple")),
    ({1, 2}, Iterated((2, 1, 2)), Comparison(view="set")),
    ([1, 2], Iterated((2, 1)), Comparison(unordered=True)),
    ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, Comparison(unordered=True)),
    (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1), Comparison(unordered=True)),
    (["a", "b"], {"b": 1, "a": 2}, Comparison(unordered=True, view="list")),
    (True, Iterated(()), Comparison(view="truth")),
    (True, Iterated(()), Comparison(view="is_not_none")),
    (..., ..., Comparison()),
    (1.0, 1.5, Comparison(atol=0.5)),  # the bound itself
    ({1.0, 5.0}, {1.0005, 5.001}, Comparison(rtol=1e-3)),
    (complex(NAN, 1.0), complex(NAN, 1.0000001), NEAR),
    (complex(1.0, NAN), complex(1.0000001, NAN), NEAR),
]
DIFFERENT: list[tuple[Any, Any, Comparison, str]] = [
    (True, 1, EXACT, "expected True (bool), got 1 (int)"),
    (1, 1.0, EXACT, "expected 1 (int), got 1.0 (float)"),
    ({1: "a"}, {True: "a"}, EXACT, "expected the key 1, got {True: 'a'}"),
    ({1}, {1.0}, EXACT, "1 is missing and 1.0 is not expected"),
    ([1], (1,), Comparison(), "expected [1] (list), got (1,) (tuple)"),
    ([1], Iterated((1,)), Comparison(), "expected [1] (list), got <generator of [1]>"),
    (Iterated((1,), "map"), (1,), EXACT, "expected <map of [1]>, got (1,) (tuple)"),
    (Iterated((1, 2)), Iterated((1, 3)), Comparison(), "[1]: expected 2, got 3"),
    (Iterated((1,)), Iterated((1, True)), EXACT, "expected 1 items, got 2: (1, True)"),
    (
        {1},
        Iterated((1, [])),
        Comparison(view="set"),
        "got <generator of [1, []]>, which cannot be seen as set",
    ),
    ([1], deque([1]), Comparison(), "expected [1] (list), got deque([1]) (deque)"),
    (range(2), [0, 1], Comparison(), "expected range(0, 2) (range), got [0, 1] (list)"),
    ("a", b"a", Comparison(), "expected 'a' (str), got b'a' (bytes)"),
    (1, "1", Comparison(), "expected 1 (int), got '1' (str)"),
    (None, 0, Comparison(), "expected None (NoneType), got 0 (int)"),
    ([], False, Comparison(), "expected [] (list), got False (bool)"),
    (1.0, 1.1, NEAR, "expected 1.0, got 1.1"),
    (1, 2, Comparison(atol=5.0), "expected 1, got 2"),
    (INF, 1e308, Comparison(atol=1.0), "expected inf, got 1e+308"),
    (1.0, INF, Comparison(rtol=1.0), "expected 1.0, got inf"),
    (1.0, NAN, Comparison(atol=9.0), "expected 1.0, got nan"),
    (2**53 + 1, float(2**53), Comparison(), "expected 9007199254740993, got 9007199254740992.0"),
    (10**400, 1.0, NEAR, ""),
    (Opaque("X"), Opaque("X"), Comparison(), "expected <X> (Opaque), got <X>"),
    (1, Opaque("int"), Comparison(), "expected 1, got <int>"),
    ([1, 2, {"a": 3}], [1, 2, {"a": 4}], Comparison(), "[2]['a']: expected 3, got 4"),
    ([1, 2], [1], Comparison(), "expected 2 items, got 1: [1]"),
    ([1, 2, 3], [1, 5], Comparison(), "[1]: expected 2, got 5 (and 2 items instead of 3)"),
    ({"a": 1}, {"b": 1}, Comparison(), "expected the key 'a', got {'b': 1}"),
    ({}, {"b": 1}, Comparison(), "got the key 'b', which is not expected"),
    ([{1, 2}], [{1}], Comparison(), "[0]: 2 is missing"),
    (
        OrderedDict(a=1, b=2),
        OrderedDict(b=2, a=1),
        Comparison(),
        "keys in another order: [0]: expected 'a', got 'b'",
    ),
    ([1, 1, 2], [1, 2, 2], Comparison(unordered=True), "1 is missing and 2 is not expected"),
    ([1], 1, Comparison(unordered=True), "expected [1] (list), got 1 (int)"),
    (NAN, complex(NAN, 5), Comparison(), "expected nan, got (nan+5j)"),
    ({"a": 1}, {"a": 7}, Comparison(unordered=True), "['a']: expected 1, got 7"),
    (
        ["a"],
        {"a": 7},
        Comparison(unordered=True),
        "expected ['a'] (list), got {'a': 7} (dict)",
    ),
    ({1}, 3, Comparison(view="set"), "got 3, which cannot be seen as set"),
    (True, [], Comparison(view="truth"), "expected a true value, got []"),
    (True, None, Comparison(view="is_not_none"), "expected True, got False"),
    (False, [1], Comparison(view="truth"), "expected a false value, got [1]"),
    (True, Opaque("X"), Comparison(view="truth"), "expected a true value, got <X>"),
    ([1], Opaque("X"), Comparison(view="list"), "expected [1], got <X>"),
    (
        [],
        range(1 << 21),
        Comparison(view="list"),
        "got range(0, 2097152), which has too many items",
    ),
    (
        [],
        range(1 << 21),
        Comparison(unordered=True),
        "got range(0, 2097152), which has too many items",
    ),
    (range(2), range(3), Comparison(), "expected range(0, 2), got range(0, 3)"),
    (0, None, Comparison(), "expected 0 (int), got None (NoneType)"),
    (True, 2, Comparison(atol=5.0), "expected True, got 2"),
    (NAN, 1.0, Comparison(atol=5.0), "expected nan, got 1.0"),
    (complex(NAN, 1), complex(NAN, 2), Comparison(), ""),
    (0j, 0.9 + 0.9j, Comparison(atol=1.0), "expected 0j, got (0.9+0.9j)"),
    (Counter(a=1, b=0), {"a": 1}, Comparison(), ""),
    ([SAME := Opaque("X")], [SAME], Comparison(), "[0]: expected <X> (Opaque), got <X>"),
    ([1], [True], EXACT, "[0]: expected 1 (int), got True (bool)"),
    ([1.5], [2.5], Comparison(), "[0]: expected 1.5, got 2.5"),
    ([[1]], [(1,)], Comparison(), "[0]: expected [1] (list), got (1,) (tuple)"),
    ([[1, 2]], [[1]], Comparison(), "[0]: expected 2 items, got 1: [1]"),
    ([[1, 2], 3], [[1, 5]], Comparison(), "[0][1]: expected 2, got 5 (and 1 items instead of 2)"),
    ([Iterated((1, 2))], [Iterated((1, 3))], Comparison(), "[0][1]: expected 2, got 3"),
    ([Iterated((1, 2))], [Iterated((1,))], Comparison(), "[0]: expected 2 items, got 1: (1,)"),
    ([{"a": 1}], [{"b": 1}], Comparison(), "[0]: expected the key 'a', got {'b': 1}"),
    ([{}], [{"b": 1}], Comparison(), "[0]: got the key 'b', which is not expected"),
    (
        [OrderedDict(a=1, b=2)],
        [OrderedDict(b=2, a=1)],
        Comparison(),
        "[0]: keys in another order: [0]: expected 'a', got 'b'",
    ),
    ([1, 2], [3, 4], Comparison(unordered=True), "1 is missing and 3 is not expected (and 2 more)"),
    ([1, 2], [3], Comparison(unordered=True), "1 is missing and 3 is not expected (and 1 more)"),
    ([], [0] * 1001, Comparison(unordered=True), "expected 0 items, got 1001"),
    ([], [0] * 1000, Comparison(unordered=True), "0 is not expected (and 999 more)"),
    ([0], [0] * 1003, Comparison(unordered=True), "expected 1 items, got 1003"),
    ({"k" * 60: 1}, {"k" * 60: 2}, Comparison(), f"['{'k' * 35} ...]: expected 1, got 2"),
]


@pytest.mark.parametrize(("expected", "actual", "comparison"), EQUAL)
def test_equal(expected: Any, actual: Any, comparison: Comparison) -> None:
    assert difference(expected, actual, comparison) == ""
    assert equal(expected, actual, comparison)


@pytest.mark.parametrize(("expected", "actual", "comparison", "text"), DIFFERENT)
def test_different(expected: Any, actual: Any, comparison: Comparison, text: str) -> None:
    found = difference(expected, actual, comparison)
    assert found
    assert "\n" not in found
    assert not equal(expected, actual, comparison)
    assert text in ("", found)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=3)
)
KEYS = st.integers() | st.text(max_size=3) | st.booleans()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.sets(KEYS, max_size=4)
    ),
    max_leaves=15,
)


@settings(deadline=None, max_examples=200)
@given(VALUES, VALUES)
def test_agrees_with_python(left: Any, right: Any) -> None:
    assert equal(left, right) == (left == right)
    assert equal(left, copy.deepcopy(left), EXACT)
    assert bool(difference(left, right)) == (not equal(left, right))


@settings(deadline=None, max_examples=100)
@given(VALUES, VALUES, st.sampled_from([0.0, 1e-9, 0.5]))
def test_a_tolerance_only_adds_and_types_only_take_away(left: Any, right: Any, atol: float) -> None:
    if equal(left, right):
        assert equal(left, right, Comparison(atol=atol))
    if equal(left, right, EXACT):
        assert equal(left, right)


@settings(deadline=None, max_examples=100)
@given(st.lists(VALUES, max_size=6), st.randoms())
def test_order_of_a_bag_is_free(items: list[Any], random: Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert equal(items, shuffled, Comparison(unordered=True))
    assert not equal(items, [*shuffled, object], Comparison(unordered=True))


def test_depth_and_size_are_no_limit() -> None:
    left: Any = [1]
    right: Any = [2]
    for _ in range(50_000):
        left, right = [left], [right]
    assert equal(left, left)
    found = difference(left, right)
    assert found.endswith("expected 1, got 2")
    assert len(found) < 200
    assert equal(list(range(200_000)), list(range(200_000)))
    assert difference(10**5000, 10**5000 + 1)


def test_a_deep_place_is_told_by_its_ends() -> None:
    def nested(depth: int, value: Any) -> Any:
        for _ in range(depth):
            value = [value]
        return value

    whole = difference(nested(20, 1), nested(20, 2))
    assert whole == f"{'[0]' * 20}: expected 1, got 2"
    cut = difference(nested(21, 1), nested(21, 2))
    assert cut == f"{'[0]' * 10}...{'[0]' * 10}: expected 1, got 2"
    apart: Any = 1, 2
    for i in range(30):
        apart = tuple([0] * i + [side] for side in apart)
    first, last = (
        "".join(f"[{i}]" for i in part) for part in (range(29, 19, -1), range(9, -1, -1))
    )
    assert difference(*apart) == f"{first}...{last}: expected 1, got 2"


def test_text_of_scripts() -> None:
    assert same_output("1\n2\n", "1  \r\n2\n\n")
    assert not same_output("1\n2\n", "1  \n2", EXACT)
    assert same_output("1  \n", "1  \n", EXACT)
    assert output_difference("1\n2", "1\n3", EXACT) == "line 2: expected '2', got '3'"
    assert output_difference("1\n2", "1\n3") == "line 2: expected '2', got '3'"
    assert output_difference("1\n2", "1") == "line 2: expected '2', got no more lines"
    assert output_difference("1", "1\n2") == "line 2: expected no more lines, got '2'"
    assert same_output("x 0.5", "x 0.5000000001", NEAR)
    assert not same_output("x 0.5", "y 0.5000000001", NEAR)
    assert not same_output(" 1", "1")
    assert same_output("7.0 +2", "7 2.0", NEAR)
    large = Comparison(rtol=1e-3)
    assert same_output("1000.0", "1000.5", large)
    assert not same_output("1000", "1001", large)  # whole numbers are exact
    assert not same_output("9" * 5000, "8" * 5000, large)
    assert not same_output("-" + "9" * 400 + ".0", "-" + "8" * 400 + ".0", large)
    assert not same_output("1e400", "2e400", large)
    assert same_output("inf nan", "Infinity NaN", large)


def test_short_is_one_bounded_line() -> None:
    assert short("a\nb") == "'a\\nb'"
    assert len(short(list(range(10_000)))) <= 80
    assert short(10**9999) == "<int too large to show>"
