"""Arguments for the tests of a generated program: edges first, then some near its constants.

Numbers near a constant are what tells "above" from "at least"; probing.py decides which to keep."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from egca.problems.generated.writing import Plan

Arguments = tuple[Any, ...]
Draw = Callable[[], Any]

_LETTERS = "abdegimortuABDEGMRU0127 -"
_SMALLEST, _LARGEST = -9, 14
_MAX_ITEMS = 9
_NEAR = 0.35  # of the items are a constant of the program, or beside one
_REPEATED = 0.3  # of the lists end with an item twice, which tells "above previous" from "at least"
_EQUAL = 0.15  # of the pairs are of one number twice


def arguments(plan: Plan, kind: str, rng: random.Random) -> Iterator[Arguments]:
    """Arguments without end; kind is the `inputs` of a shape."""
    numbers = [k for one in plan.chosen for k in one.constants if isinstance(k, int)]
    letters = [k for one in plan.chosen for k in one.constants if isinstance(k, str)]

    def number() -> int:
        if numbers and rng.random() < _NEAR:
            return numbers[int(rng.random() * len(numbers))] + int(rng.random() * 3) - 1
        return _SMALLEST + int(rng.random() * (_LARGEST - _SMALLEST + 1))

    def letter() -> str:
        if letters and rng.random() < _NEAR:
            return letters[int(rng.random() * len(letters))]
        return _LETTERS[int(rng.random() * len(_LETTERS))]

    def many(draw: Draw) -> list[Any]:
        items = [draw() for _ in range(1 + int(rng.random() * _MAX_ITEMS))]
        if len(items) > 2 and rng.random() < _REPEATED:
            items[-1] = items[-2]
        return items

    def extra() -> Arguments:
        return (number(),) if plan.uses("n") else ()

    source = _Source(rng, number, letter, many, extra)
    return _KINDS[kind](source)


@dataclass(frozen=True, slots=True)
class _Source:
    """What arguments are made of; extra gives the second argument of programs that have one."""

    rng: random.Random
    number: Callable[[], int]
    letter: Callable[[], str]
    many: Callable[[Draw], list[Any]]
    extra: Callable[[], Arguments]


def _lists(draw: _Source) -> Iterator[Arguments]:
    yield ([], *draw.extra())
    yield ([draw.number()], *draw.extra())
    yield ([-abs(draw.number()) - 1 for _ in range(4)], *draw.extra())
    while True:
        yield (draw.many(draw.number), *draw.extra())


def _texts(draw: _Source) -> Iterator[Arguments]:
    yield ("",)
    yield (draw.letter(),)
    while True:
        yield ("".join(draw.many(draw.letter)),)


def _numbers(draw: _Source) -> Iterator[Arguments]:
    yield 0, 0
    yield -3, 5
    while True:
        a = draw.number()
        yield a, a if draw.rng.random() < _EQUAL else draw.number()


def _two_lists(draw: _Source) -> Iterator[Arguments]:
    yield [], []
    yield [draw.number()], [draw.number()]
    while True:
        left = draw.many(draw.number)
        yield left, [a if draw.rng.random() < _EQUAL else draw.number() for a in left]


def _digits(draw: _Source) -> Iterator[Arguments]:
    yield (0,)
    yield (7,)
    while True:
        text = "".join(str(abs(digit) % 10) for digit in draw.many(draw.number))
        yield (int(text),)


_KINDS: dict[str, Callable[[_Source], Iterator[Arguments]]] = {
    "list": _lists,
    "text": _texts,
    "numbers": _numbers,
    "lists": _two_lists,
    "digits": _digits,
}
