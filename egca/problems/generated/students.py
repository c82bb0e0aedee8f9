"""Programs as a student writes them who takes some decisions for their neighbours.

The chance of it is fixed for a context (the option, and the kind of decision before it) and spread
widely around the mean, so that a policy trained on such programs is sure of some contexts and wrong
in others: what reinforcement learning can teach it. Their programs run, and look like the rest."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import lru_cache

from egca.problems.generated.options import Option
from egca.problems.generated.shapes import SHAPES
from egca.problems.generated.tables import TABLES
from egca.problems.generated.writing import Chosen, Plan, Writer, finished

_STEEPNESS = (
    2  # rates go with u ** 2 for u uniform: a third of the contexts make 70 % of the faults
)
_MOST = 0.95


@dataclass(frozen=True, slots=True)
class Fault:
    """One decision taken for another: characters [start, end) of the student's program.

    decision is its index in the task, name what was asked (as in the composition), taken the option
    that stands there, text its code.
    """

    decision: int
    name: str
    taken: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Student:
    """A program, and what is wrong in it; without faults it is right."""

    source: str
    faults: tuple[Fault, ...]


def student_of(plan: Plan, rng: random.Random, fault_rate: float, freedom: float) -> Student:
    """A program for the plan, its form as free as said, its faults drawn by context."""
    swaps: dict[str, Option] = {}
    previous = plan.shape
    for one in plan.chosen:
        if fault_rate and rng.random() < chance_of_fault(one, previous, fault_rate):
            near = one.option.near
            swaps[one.slot] = TABLES[one.table][near[int(rng.random() * len(near))]]
        previous = one.kind
    source, spans = finished(SHAPES[plan.shape].write(Writer(plan, rng, freedom, swaps)))
    faults = tuple(
        Fault(i, one.name, swaps[one.slot].name, *spans[i], source[slice(*spans[i])])
        for i, one in enumerate(plan.chosen)
        if one.slot in swaps
    )
    return Student(source, faults)


def single_faults(plan: Plan, rng: random.Random, freedom: float) -> list[Student]:
    """One program for each neighbour of each decision, with that fault alone."""
    found = []
    for i, one in enumerate(plan.chosen):
        for name in one.option.near:
            swaps = {one.slot: TABLES[one.table][name]}
            source, spans = finished(SHAPES[plan.shape].write(Writer(plan, rng, freedom, swaps)))
            fault = Fault(i, one.name, name, *spans[i], source[slice(*spans[i])])
            found.append(Student(source, (fault,)))
    return found


def chance_of_fault(one: Chosen, previous: str, fault_rate: float) -> float:
    """How likely a decision is taken wrongly behind one of kind `previous` (or the shape)."""
    return min(_MOST, fault_rate * _factor(f"{one.kind}.{one.option.name}/{previous}"))


@lru_cache(maxsize=65536)
def _factor(context: str) -> float:
    """How much worse than the mean a context is; its own mean over contexts is 1."""
    digest = hashlib.blake2b(context.encode(), digest_size=8).digest()
    uniform = int.from_bytes(digest, "big") / 2**64
    return float((_STEEPNESS + 1) * uniform**_STEEPNESS)
