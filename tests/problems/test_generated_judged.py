"""Generated tasks in the real judge: what must pass passes, faults fail and are found."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from egca.execution.judging import judge
from egca.execution.sandbox import Sandbox
from egca.localization import localize
from egca.localization.ops import OPS
from egca.problems.generated import FAMILIES, Family
from egca.problems.generated.students import single_faults
from egca.structure.gate import gate
from egca.types import Mode, first_lines

N_TASKS = 34  # of each family, so about a hundred of all


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=OPS) as made:
        yield made


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_references_and_variants_pass(family: Family, sandbox: Sandbox) -> None:
    rng = random.Random(0)
    for index in range(N_TASKS):
        task = family.task("test", index)
        reference = task.problem.reference
        assert reference is not None
        assert judge(task.problem, reference, sandbox=sandbox).passed
        source = task.variant(rng)
        verdict = judge(task.problem, source, sandbox=sandbox)
        gated = gate(verdict, source, reference, entry_point="f")
        assert gated.mode is Mode.CORRECT, f"{gated.evidence}\n{source}\n{reference}"


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_single_fault_fails_in_logic_mode(family: Family, sandbox: Sandbox) -> None:
    rng = random.Random(0)
    modes: Counter[Mode | None] = Counter()
    for index in range(N_TASKS // 2):
        task = family.task("train", index)
        for student in single_faults(task.plan, rng, family.freedom):
            verdict = judge(task.problem, student.source, sandbox=sandbox)
            assert not verdict.passed, f"{task.specification}\n{student}"
            gated = gate(verdict, student.source, task.problem.reference, entry_point="f")
            modes[gated.mode] += 1
    assert modes[Mode.LOGIC] >= 0.95 * modes.total()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_single_faults_are_localized(family: Family, sandbox: Sandbox) -> None:
    rng = random.Random(0)
    n_found = 0
    for index in range(N_TASKS):
        task = family.task("test", index)
        student = rng.choice(single_faults(task.plan, rng, family.freedom))
        (fault,) = student.faults
        found = localize(student.source, None, task.problem, sandbox=sandbox)
        assert found.divergence is not None
        line = student.source[: fault.start].count("\n") + 1
        n_found += first_lines(found.divergence)[0] == line
    assert n_found >= 0.9 * N_TASKS
