"""One program for each kind of fault; the lines that a person would change are marked in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from egca.execution import Sandbox
from egca.localization import Localization, localize
from egca.localization.ops import OPS
from egca.problems import Problem
from egca.problems.python_tests import parse_python_tests
from egca.types import first_lines

CASES = sorted(Path(__file__).with_name("cases").glob("*.txt"))


@dataclass(frozen=True)
class Case:
    candidate: str
    problem: Problem
    faults: frozenset[int]


def read(path: Path) -> Case:
    candidate, rest = path.read_text("utf-8").split("# --- reference\n")
    reference, tests = rest.split("# --- tests\n")
    lines = candidate.split("\n")
    faults = frozenset(i for i, line in enumerate(lines, 1) if line.endswith("# fault"))
    source = candidate.replace("  # fault", "")
    entry_point = source.split("def ")[1].split("(")[0]
    problem = Problem(
        path.stem, entry_point, parse_python_tests(tests, entry_point), reference=reference
    )
    return Case(source, problem, faults)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=OPS) as warm:
        yield warm


def find(case: Case, sandbox: Sandbox) -> Localization:
    return localize(case.candidate, None, case.problem, sandbox=sandbox, budget_s=30.0)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_fault_is_first(path, sandbox):
    case = read(path)
    divergence = find(case, sandbox).divergence
    assert divergence is not None
    assert divergence.span.line in case.faults, divergence.sentence


@pytest.mark.parametrize(
    ("candidate", "reference", "tests", "said"),
    [
        (  # the value that is wrong is an argument, not the function
            "def s(n):\n    if n == 0:\n        return 0\n    return n + s(n - 2)",
            "def s(n):\n    return n * (n + 1) // 2",
            "assert s(0) == 0\nassert s(3) == 6\nassert s(500) == 125250",
            "line 4 is wrong; it first shows at line 1, `n` is 1; with the suggested repair it is "
            "2, and the output is right",
        ),
        (  # a repair of several lines is no code in one
            "def parse(s):\n    out = {}\n    for part in s.split(';'):\n"
            "        k, v = part.split('=')\n        out[k] = int(v)\n    return out",
            "def parse(s):\n    out = {}\n    for part in s.split(';'):\n        if part:\n"
            "            k, v = part.split('=')\n            out[k] = int(v)\n    return out",
            "assert parse('a=1;b=2') == {'a': 1, 'b': 2}\nassert parse('a=1;') == {'a': 1}",
            "with line 4 changed as in the suggested repair the output is right",
        ),
    ],
)
def test_sentence(candidate, reference, tests, said, sandbox):
    entry_point = candidate.split("def ")[1].split("(")[0]
    problem = Problem(
        "case", entry_point, parse_python_tests(tests, entry_point), reference=reference
    )
    found = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0)
    assert found.divergence.sentence == said


def test_a_long_chain_is_no_error(sandbox):
    source = f"def f(x):\n    return {' + '.join(['x'] * 400)} + 1"
    tests = parse_python_tests("assert f(1) == 400", "f")
    problem = Problem("case", "f", tests, reference="def f(x):\n    return x * 400")
    found = localize(source, None, problem, sandbox=sandbox, budget_s=30.0)
    assert found.divergence is not None
    assert found.n_failing == 1


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_answer_is_complete(path, sandbox):
    case = read(path)
    found = find(case, sandbox)
    divergence = found.divergence
    source = case.candidate
    assert divergence.span.within(divergence.statement)
    assert source[divergence.span.start : divergence.span.end].strip()
    assert 0 < divergence.confidence < 1
    assert f"line {divergence.span.line}" in divergence.sentence
    assert divergence.completion_span == (divergence.span.start, divergence.span.end)
    assert divergence.proof.confirmed or divergence.reason
    assert first_lines(divergence)[0] == divergence.span.line
    assert found.n_failing
    assert found.failing is not None
    if divergence.repair is not None:
        assert found.verdict.passed is False
        again = localize(
            divergence.repair.source, None, case.problem, sandbox=sandbox, budget_s=30.0
        )
        assert again.divergence is None, "a suggested repair has to pass every test"
