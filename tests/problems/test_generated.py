"""The generated family: reproducible, disjoint, large enough, unambiguous, and as free as asked."""

from __future__ import annotations

import random
import re
import string
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from textwrap import indent

import pytest

from egca.errors import ProblemError
from egca.problems import load_dataset, load_problem
from egca.problems.generated import FAMILIES, SPLITS, Family, Split, Task, split_of
from egca.problems.generated.options import CONSTANTS, Option
from egca.problems.generated.shapes import SHAPES
from egca.problems.generated.students import chance_of_fault, single_faults
from egca.problems.generated.tables import TABLES

WORDS = re.compile(r"\w+|[^\w\s]|\n(?: +)?")

# Of the first tasks of every family, with a student each; another only if tables or drawing change.
DIGEST = "259964b43f8dfb3b"
DIGEST_CODE = """
import hashlib, random
from egca.problems.generated import FAMILIES
rng = random.Random(1)
text = ""
for family in FAMILIES.values():
    for index in range(8):
        task = family.task("test", index)
        text += repr((task, task.student(rng, 0.3)))
print(hashlib.sha256(text.encode()).hexdigest()[:16])
"""


def tasks(family: Family, split: Split, n: int) -> list[Task]:
    """The first n tasks of a split; those of the presets are made once for all tests."""
    found = _made(family, split)
    found += [family.task(split, index) for index in range(len(found), n)]
    return found[:n]


@cache
def _made(family: Family, split: Split) -> list[Task]:
    return []


@pytest.mark.parametrize("seed", ["0", "1"])
def test_tasks_are_the_same_in_every_process(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST_CODE],
        env={"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == DIGEST


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_splits_share_nothing_but_their_parts(family: Family) -> None:
    sizes: dict[Split, int] = {"train": 1500, "validation": 200, "test": 200}
    made = {split: tasks(family, split, n) for split, n in sizes.items()}
    owner: dict[object, tuple[Split, str]] = {}
    for split, members in made.items():
        for task in members:
            assert split_of(task.composition) == split
            for key in (task.composition, task.specification):
                assert owner.setdefault(key, (split, ""))[0] == split
            # a specification says everything: it never has two references
            said = owner.setdefault(("reference", task.specification), (split, _reference(task)))
            assert said == (split, _reference(task))

    def options(split: Split) -> set[tuple[str, str]]:
        chosen = [one for task in made[split] for one in task.plan.chosen]
        return {(one.table, one.option.name) for one in chosen}

    def kinds(split: Split) -> set[tuple[str, str]]:
        chains = [[task.plan.shape, *(one.kind for one in task.decisions)] for task in made[split]]
        return {pair for chain in chains for pair in pairwise(chain)}

    assert options("test") | options("validation") <= options("train")
    assert len(kinds("test") & kinds("train")) >= 0.95 * len(kinds("test"))
    if family.name != "easy":  # too small for helper functions
        assert options("train") == {(name, one) for name, rows in TABLES.items() for one in rows}


def _reference(task: Task) -> str:
    assert task.problem.reference is not None
    return task.problem.reference


@pytest.mark.parametrize("name", ["medium", "hard"])
def test_hardly_any_specification_comes_twice(name: str) -> None:
    made = tasks(FAMILIES[name], "train", 1500)
    assert len({task.specification for task in made}) >= 1490
    assert len({task.composition for task in made}) >= 1480


@pytest.mark.slow
def test_there_are_at_least_20_000_specifications() -> None:
    problems = list(load_dataset("tiny"))
    assert len({problem.prompt for problem in problems}) > 20_000
    assert len({problem.reference for problem in problems}) > 20_000
    assert len({problem.task_id for problem in problems}) == len(problems)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_sizes(family: Family) -> None:
    words: set[str] = set()
    for task in tasks(family, "train", 400):
        low, high = family.decisions
        assert low <= len(task.decisions) == len(task.composition) - 1 <= high
        assert 3 <= _reference(task).count("\n") <= 15
        assert 20 <= len(WORDS.findall(_reference(task))) <= 110
        said = task.specification.split()
        assert len(said) <= 55
        words.update(said)
        assert 10 <= len(task.problem.tests) <= 15
        assert (task.problem.entry_point, task.problem.prompt) == ("f", task.specification)
    assert len(words) <= 150


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_decision_is_what_its_fault_replaces(family: Family) -> None:
    rng = random.Random(0)
    for task in tasks(family, "test", 60):
        source = _reference(task)
        for student in single_faults(task.plan, rng, freedom=0.0):
            (fault,) = student.faults
            decision = task.decisions[fault.decision]
            assert fault.name == decision.name == task.composition[fault.decision + 1]
            assert student.source[fault.start : fault.end] == fault.text
            assert student.source != source
            if decision.kind != "op":  # the value moves into the code of some ops
                head, tail = source[: decision.start], source[decision.end :]
                assert student.source == head + fault.text + tail


def test_freedom() -> None:
    rng = random.Random(0)
    canonical = replace(FAMILIES["medium"], freedom=0.0)
    free = replace(FAMILIES["medium"], freedom=1.0)
    for index in range(30):
        task, other = canonical.task("test", index), free.task("test", index)
        assert other.problem == task.problem
        assert task.variant(rng) == task.problem.reference
        assert len({other.variant(rng) for _ in range(20)}) >= 10


@pytest.mark.parametrize("wanted", [0.15, 0.3, 0.5])
def test_students_are_as_good_as_wanted(wanted: float) -> None:
    rng = random.Random(0)
    family = FAMILIES["hard"]
    rate = family.fault_rate_for(wanted)
    students = [task.student(rng, rate) for task in tasks(family, "train", 300) for _ in range(10)]
    assert sum(not one.faults for one in students) / len(students) == pytest.approx(
        wanted, abs=0.04
    )
    for one in students:
        compile(one.source, "student", "exec")
        assert all(one.source[fault.start : fault.end] == fault.text for fault in one.faults)


def test_some_contexts_are_much_worse_than_others() -> None:
    made = [task.plan for task in tasks(FAMILIES["hard"], "train", 300)]
    chances = {
        (one.kind, one.option.name, before.kind): chance_of_fault(one, before.kind, 0.2)
        for plan in made
        for before, one in pairwise(plan.chosen)
    }
    spread = sorted(chances.values())
    assert sum(spread) / len(spread) == pytest.approx(0.2, abs=0.03)
    assert spread[len(spread) // 4] < 0.05
    assert spread[-len(spread) // 10] > 0.45


@pytest.mark.parametrize("name", TABLES)
def test_neighbours_fit_in_each_others_place(name: str) -> None:
    table = TABLES[name]
    phrases = {
        _filled(option.phrase, constants): option.name
        for option in table.values()
        for constants in CONSTANTS[option.constants]
    }
    assert len(phrases) == sum(len(CONSTANTS[option.constants]) for option in table.values())
    for option in table.values():
        assert option.near
        for near in option.near:
            other = table[near]
            assert near != option.name
            assert other.constants == option.constants
            assert other.forms[0] != option.forms[0]
            assert bool(other.negated) == bool(option.negated)
            # what every place of this table has; p and n are only there if the option uses them
            assert _roles(other) <= _roles(option) | {"x", "t", "a", "b", "values"}


def _filled(text: str, constants: tuple[int | str, ...]) -> str:
    fields = dict(zip(("k", "h"), constants, strict=False))
    return text.format(s="item", v="value", **fields)


def _roles(option: Option) -> set[str]:
    fields = {field for _, field, _, _ in string.Formatter().parse(option.forms[0]) if field}
    return fields - {"k", "h"}


def test_knobs_are_checked() -> None:
    with pytest.raises(ValueError, match=r"decisions is \(1, 3\)"):
        Family("own", (1, 3))
    with pytest.raises(ValueError, match=r"freedom is 1\.5"):
        Family("own", (3, 4), 1.5)
    with pytest.raises(ValueError, match='split is "dev"'):
        FAMILIES["easy"].task("dev", 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pass_at_1 is 0"):
        FAMILIES["easy"].fault_rate_for(0)


@pytest.mark.parametrize("n_decisions", range(2, 13))
def test_any_number_of_decisions_within_the_bounds(n_decisions: int) -> None:
    task = Family("own", (n_decisions, n_decisions)).task("train", 0)
    assert len(task.decisions) == n_decisions


def test_as_a_data_set() -> None:
    for split in SPLITS:
        task = FAMILIES["hard"].task(split, 3)
        assert load_problem(task.problem.task_id) == task.problem
    chosen = list(load_dataset("tiny-test", ids=["tiny-test/7", "tiny-test/2"]))
    assert [problem.task_id for problem in chosen] == ["tiny-test/2", "tiny-test/7"]
    assert load_problem("tiny/0", "TINY") == FAMILIES["medium"].task("train", 0).problem
    for wrong in ("tiny/21000", "tiny/x", "tiny/007"):
        with pytest.raises(ProblemError, match="it has tiny/0 to tiny/20999"):
            load_problem(wrong)
    with pytest.raises(ProblemError, match="generated tasks have no day"):
        next(load_dataset("tiny", since="2024-01-01"))


def test_the_page_shows_a_task_and_a_student_as_they_are() -> None:
    page = (Path(__file__).parents[2] / "docs/generated-tasks.md").read_text(encoding="utf-8")
    task = FAMILIES["medium"].task("train", 18)
    student = task.student(random.Random(18), fault_rate=0.2)
    assert [fault.taken for fault in student.faults] == ["positive", "shortest"]
    for text in (task.specification, _reference(task), student.source):
        assert indent(text, "    ") in page
    for name, family in FAMILIES.items():
        assert f'"{name}"' in page
        assert f"{family.decisions[0]} to {family.decisions[1]}" in page
    assert all(f"| `{shape}` |" in page for shape in SHAPES)
