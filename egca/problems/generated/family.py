"""Families of generated tasks: how hard they are, and the tasks themselves by split and number.

Everything follows from a family's knobs, the split and the index, the same on every machine and
Python; nothing is drawn with hash() or with the parts of `random` that have changed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, TypeVar

from egca.problems.generated.layouts import MAX_DECISIONS
from egca.problems.generated.options import CONSTANTS
from egca.problems.generated.probing import adequate_tests
from egca.problems.generated.shapes import SHAPES, layouts_of
from egca.problems.generated.students import Student, chance_of_fault, student_of
from egca.problems.generated.tables import TABLES
from egca.problems.generated.wording import specification
from egca.problems.generated.writing import Chosen, Plan, Writer, finished
from egca.problems.problem import Example, Problem

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
ENTRY_POINT = "f"
MAX_LINES = 15
_N_PARTS = 10  # of these compositions the last is for tests, the one before for validation
_OPTIONS = {name: tuple(table.values()) for name, table in TABLES.items()}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a task, and where it stands in the reference: characters [start, end).

    name is as in the composition, phrase the words of it alone.
    """

    name: str
    kind: str
    phrase: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Task:
    """A specification with its reference, tests and decisions; more programs for it on demand.

    composition: the shape and the names of the options in order, without constants.
    """

    specification: str
    composition: tuple[str, ...]
    problem: Problem
    decisions: tuple[Decision, ...]
    freedom: float
    plan: Plan = field(repr=False)

    def variant(self, rng: random.Random) -> str:
        """A correct program, in a form as free as the family says."""
        return self.student(rng, 0.0).source

    def student(self, rng: random.Random, fault_rate: float) -> Student:
        """A program as `variant` writes it, in which some decisions are taken for a neighbour.

        fault_rate: the mean chance of a fault for a decision, in [0, 1]; what it is in a context is
        fixed (students.py).
        """
        return student_of(self.plan, rng, fault_rate, self.freedom)

    def chance_of_pass(self, fault_rate: float) -> float:
        """The chance that `student` draws no fault."""
        chance = 1.0
        previous = self.plan.shape
        for one in self.plan.chosen:
            chance *= 1 - chance_of_fault(one, previous, fault_rate)
            previous = one.kind
        return chance


@dataclass(frozen=True, slots=True)
class Family:
    """A family of tasks.

    decisions: the fewest and the most that a program takes. freedom: how much of the form of
    variants and students is free, in [0, 1]; references always have the canonical form.
    """

    name: str
    decisions: tuple[int, int]
    freedom: float = 0.5

    def __post_init__(self) -> None:
        low, high = self.decisions
        if not 2 <= low <= high <= MAX_DECISIONS:
            raise ValueError(
                f"decisions is {self.decisions}, but must be within 2 and 12, ascending"
            )
        if not 0 <= self.freedom <= 1:
            raise ValueError(f"freedom is {self.freedom}, but must be from 0 to 1")

    def task(self, split: Split, index: int) -> Task:
        """Task number `index` (from 0) of a split; no composition is in two splits.

        Two numbers may give the same specification, as rarely as chance has it.
        """
        if split not in SPLITS:
            raise ValueError(f'split is "{split}", but must be one of {", ".join(SPLITS)}')
        low, high = self.decisions
        rng = random.Random(f"{low}/{high}/{split}/{index}")
        while True:
            plan = _drawn(rng, low, high)
            if split_of(_composition(plan)) != split:
                continue
            source, spans = finished(SHAPES[plan.shape].write(Writer(plan)))
            if source.count("\n") > MAX_LINES:
                continue
            tests = adequate_tests(plan, rng)
            if tests is not None:
                break
        examples = tuple(
            Example(f"test {i}", args, expected=expected)
            for i, (args, expected) in enumerate(tests, 1)
        )
        text = specification(plan)
        task_id = f"{dataset_name(self.name, split)}/{index}"
        problem = Problem(task_id, ENTRY_POINT, examples, prompt=text, reference=source)
        decisions = tuple(
            Decision(one.name, one.kind, one.phrase(value="..."), *spans[i])
            for i, one in enumerate(plan.chosen)
        )
        return Task(text, _composition(plan), problem, decisions, self.freedom, plan)

    def tasks(self, split: Split, start: int = 0) -> Iterator[Task]:
        """The tasks of a split from a number on, without end."""
        return (self.task(split, index) for index in count(start))

    def fault_rate_for(self, pass_at_1: float, n_tasks: int = 300) -> float:
        """The fault rate in (0, 1) at which so many students have no fault, on the train split.

        Raises: ValueError for a share that is not between 0 and 1.
        """
        if not 0 < pass_at_1 < 1:
            raise ValueError(f"pass_at_1 is {pass_at_1}, but must be between 0 and 1")
        tasks = [self.task("train", index) for index in range(n_tasks)]
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            mean = sum(task.chance_of_pass(middle) for task in tasks) / n_tasks
            low, high = (middle, high) if mean > pass_at_1 else (low, middle)
        return (low + high) / 2


DEFAULT = "medium"
FAMILIES: dict[str, Family] = {
    "easy": Family("easy", (3, 4), 0.2),
    "medium": Family("medium", (5, 6), 0.4),
    "hard": Family("hard", (7, 9), 0.6),
}


def dataset_name(family: str, split: Split) -> str:
    """The first part of task ids: "tiny", and what differs from the medium family's train split."""
    parts = [
        "tiny",
        *([family] if family != DEFAULT else []),
        *([split] if split != "train" else []),
    ]
    return "-".join(parts)


def split_of(composition: Sequence[str]) -> Split:
    """The split that a composition belongs to, in any family."""
    digest = hashlib.blake2b(" ".join(composition).encode(), digest_size=8).digest()
    part = int.from_bytes(digest, "big") % _N_PARTS
    return "test" if part == _N_PARTS - 1 else "validation" if part == _N_PARTS - 2 else "train"


def _composition(plan: Plan) -> tuple[str, ...]:
    return (plan.shape, *(one.name for one in plan.chosen))


def _pick(rng: random.Random, items: Sequence[_T]) -> _T:
    """random.choice has changed between versions of Python, random.random never."""
    return items[int(rng.random() * len(items))]


def _drawn(rng: random.Random, low: int, high: int) -> Plan:
    """A plan with low to high decisions; every shape that can hold so many is as likely."""
    layouts = layouts_of(low + int(rng.random() * (high - low + 1)))
    shape = _pick(rng, list(layouts))
    tables = SHAPES[shape].tables
    chosen: list[Chosen] = []
    for slot in _pick(rng, layouts[shape]):
        table = tables[slot.rstrip("0123456789")]
        option = _pick(rng, _OPTIONS[table])
        if option.negated:  # a condition twice would mostly be a branch that nothing reaches
            while any(option is one.option for one in chosen):
                option = _pick(rng, _OPTIONS[table])
        chosen.append(Chosen(slot, table, option, _pick(rng, CONSTANTS[option.constants])))
    return Plan(shape, tuple(chosen))
