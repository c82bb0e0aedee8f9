"""Elements without order: the pairs that trying all would find, in a time that has a bound."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.execution.compare import equal
from egca.execution.matching import MAX_EFFORT, matched
from egca.types import Comparison

SMALL = st.recursive(
    st.sampled_from([0, 1, True, 1.0, -1, "a", "b", b"a", bytearray(b"a"), None, 2.5])
    | st.just(float("nan")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "b", 1, 1.5]), inner, max_size=3)
        | st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2).map(Counter)
        | st.sets(st.integers(0, 3), max_size=3)
    ),
    max_leaves=6,
)


def n_equal_pairs(wanted: list[Any], given: list[Any]) -> int:
    pool = list(given)
    found = 0
    for item in wanted:
        for i, other in enumerate(pool):
            if equal(item, other):
                del pool[i]
                found += 1
                break
    return found


@given(st.lists(SMALL, max_size=6), st.lists(SMALL, max_size=6), st.randoms())
def test_finds_what_trying_all_finds(wanted: list[Any], more: list[Any], random: Any) -> None:
    given = wanted[: len(wanted) // 2] + more
    random.shuffle(given)
    pairs, missing, left_over = matched(wanted, given, False, equal)
    assert len(pairs) == n_equal_pairs(wanted, given)
    assert len(pairs) + len(missing) == len(wanted)
    assert len(pairs) + len(left_over) == len(given)
    assert all(equal(one, other) for one, other in pairs)


@given(st.lists(st.lists(st.floats(0, 9), max_size=3), max_size=6), st.randoms())
def test_a_tolerance_finds_the_shuffled_near(items: list[Any], random: Any) -> None:
    near = [[x + 1e-9 for x in item] for item in items]
    random.shuffle(near)
    assert equal(items, near, Comparison(atol=1e-6, unordered=True))


def test_many_that_are_alike_and_differ_end_in_time() -> None:
    tried = []

    def never(left: Any, right: Any) -> bool:
        tried.append(1)
        return False

    n = 2000
    pairs, missing, left_over = matched([1.0] * n, [2.0] * n, True, never)
    assert (pairs, len(missing), len(left_over)) == ([], n, n)
    assert len(tried) <= MAX_EFFORT + n


def test_large_elements_and_sets_in_sets_share_one_effort() -> None:
    tried = []

    def never(left: Any, right: Any) -> bool:
        tried.append(1)
        return False

    wanted = [[0.5] * 999 + [float(i)] for i in range(100)]
    given_ = [[0.5] * 999 + [1000.0 + i] for i in range(300)]
    matched(wanted, given_, True, never)
    assert len(tried) <= MAX_EFFORT / 1000 + 1
    tried.clear()
    sets = [frozenset(float(100 * i + j) for j in range(30)) for i in range(20)]
    others = [frozenset(9000.5 + 100 * i + j for j in range(30)) for i in range(60)]
    matched(sets, others, True, lambda a, b: bool(matched([*a], [*b], True, never)[0]))
    assert len(tried) <= MAX_EFFORT + 20 * 60  # each pair of sets tries its first numbers at once


N_MANY = 700
MANY = {
    "points in a line": lambda i, noise: [0.0 + noise, i + 0.5],
    "points on a grid": lambda i, noise: (i // 30 + noise, i % 30 - noise),
    "dicts": lambda i, noise: {"x": 1.25 + noise, "y": i + noise},
    "times within a second": lambda i, noise: ["at", 1.7e9 + i / 1000 + noise],
    "sets": lambda i, noise: [{2.5 + noise, i * 10.0}, frozenset({noise})],
}


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("size", [0.0, 1e-15, 1e-9])
def test_many_near_in_another_order_are_the_same(kind: str, size: float) -> None:
    make = MANY[kind]
    wanted = [make(i, 0.0) for i in range(N_MANY)]
    noisy = [make(i, size * (i % 7 - 3)) for i in range(N_MANY)]
    random.Random(0).shuffle(noisy)
    assert equal(wanted, noisy, Comparison(atol=1e-6, unordered=True))
    noisy[N_MANY // 2] = wanted[0]
    assert not equal(wanted, noisy, Comparison(atol=1e-6, unordered=True))


def test_many_that_differ_late_are_the_same() -> None:
    """Where numbers are exact a hash of the whole finds the pair."""
    items = [[0] * 60 + [[[[[i]]]], str(i)] for i in range(N_MANY)]
    tried = []

    def same(left: Any, right: Any) -> bool:
        tried.append(1)
        return left == right

    pairs, missing, left_over = matched(items, items[::-1], False, same)
    assert (len(pairs), missing, left_over) == (N_MANY, [], [])
    assert len(tried) <= 2 * N_MANY


def test_many_dicts_in_another_order_are_the_same() -> None:
    items = [{"name": f"row {i}", "cells": [i] * 50} for i in range(5000)]
    started = time.monotonic()
    assert equal(items, items[::-1], Comparison(unordered=True))
    assert time.monotonic() - started < 60  # minutes, if each were held against all
