"""What is said of a fault: only what was seen to hold."""

from __future__ import annotations

import pytest

from egca.execution import Sandbox
from egca.execution.judging import judge
from egca.localization import localize
from egca.localization.ops import OPS
from egca.localization.render import wording
from egca.problems import Example, Problem
from egca.problems.python_tests import parse_python_tests
from egca.types import Program, Repair, SourceMap


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=OPS) as warm:
        yield warm


def found_in(sandbox, candidate, reference, tests):
    entry_point = candidate.rpartition("\ndef ")[2].removeprefix("def ").split("(")[0]
    parsed = parse_python_tests(tests, entry_point)
    problem = Problem("case", entry_point, parsed, reference=reference)
    return localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0)


def text_of(found, span):
    return found.program.source[span.start : span.end]


RIGHT_SUM = "def f(x, y):\n    return x + y\n"


@pytest.mark.parametrize(
    ("candidate", "reference", "tests", "replacement"),
    [
        pytest.param(
            "def f(x):\n    y = abs(x)\n    if y > 3:\n        return-y\n    return y\n",
            "def f(x):\n    return abs(x)\n",
            "assert f(1) == 1\nassert f(5) == 5\nassert f(-7) == 7",
            " y",
            id="no space",
        ),
        pytest.param(
            "def f(xs):\n\tout = []\n\tfor x in xs:\n\t\tif x > 0:\n\t\t\tout.append(x)\n"
            "\t\t\treturn out\n",
            "def f(xs):\n    return [x for x in xs if x > 0]\n",
            "assert f([1, 2]) == [1, 2]\nassert f([0]) == []\nassert f([4, -1]) == [4]",
            "pass\n\treturn out",
            id="tabs",
        ),
        pytest.param(
            "def f(x, y):\n    r = []\n    if x > 10:\n        r.append('big')\n    elif y > 5:\n"
            "        r.append('mid')\n    return r\n",
            "def f(x, y):\n    r = []\n    if x > 10:\n        r.append('big')\n    elif y > 5:\n"
            "        r.append('mid')\n    else:\n        r.append('none')\n    return r\n",
            "assert f(20, 1) == ['big']\nassert f(1, 9) == ['mid']\nassert f(1, 0) == ['none']",
            "elif y > 5:\n        r.append('mid')\n    else:\n        r.append('none')",
            id="elif",
        ),
        pytest.param(
            "def f(n):\n    return n + 1\n",
            "def f(n):\n    return n\n",
            "assert f(1) == 1\nassert f(4) == 4",
            "n",
            id="a part left away",
        ),
        pytest.param(
            "def f(xs):\n    m = float('nan')\n    for x in xs:\n        m = max(m, x)\n"
            "    return m\n",
            "def f(xs):\n    m = float('-inf')\n    for x in xs:\n        m = max(m, x)\n"
            "    return m\n",
            "assert f([1.0, 2.0]) == 2.0\nassert f([3.0]) == 3.0",
            "float('-inf')",
            id="no truth for a number",
        ),
    ],
)
def test_the_repair(candidate, reference, tests, replacement, sandbox):
    found = found_in(sandbox, candidate, reference, tests)
    repair = found.divergence.repair
    assert repair.replacement == replacement
    assert judge(found.problem, Program(repair.source), sandbox=sandbox).passed


@pytest.mark.parametrize(
    ("candidate", "reference", "tests"),
    [
        pytest.param(
            "seen = {}\ndef f(x, y):\n    if x in seen:\n        return seen[x]\n"
            "    seen[x] = x - y\n    return seen[x]\n",
            RIGHT_SUM,
            "assert f(1, 2) == 3\nassert f(2, 0) == 2\nassert f(1, 5) == 6",
            id="state of the program",
        ),
        pytest.param(
            "def push(xs, x):\n    xs.append(x + 1)\n    return len(xs) + 1\n",
            "def push(xs, x):\n    xs.append(x)\n    return len(xs)\n",
            "def test_a():\n    xs = [3]\n    assert push(xs, 5) == 2\n    assert xs == [3, 5]\n"
            "def test_b():\n    xs = []\n    assert push(xs, 5) == 1\n",
            id="the argument afterwards",
        ),
    ],
)
def test_no_repair_that_fails_as_text(candidate, reference, tests, sandbox):
    divergence = found_in(sandbox, candidate, reference, tests).divergence
    assert divergence.repair is None
    assert divergence.proof.kind != "edit"
    if not divergence.proof.confirmed:
        assert "does not pass every test" in divergence.reason


def test_a_repair_that_cannot_be_written_is_named(sandbox):
    """It would take a second statement in the loop, which has no room for one."""
    candidate = "def f(xs):\n    n = 0\n    for x in xs: print(x)\n    return n\n"
    tests = "assert f([7, 8, 9]) == 3\nassert f([5]) == 1\nassert f([]) == 0\nassert f([6, 6]) == 2"
    divergence = found_in(sandbox, candidate, None, tests).divergence
    assert divergence.repair is None
    assert divergence.span.line == 3
    assert divergence.reason == "an edit makes every input right, but cannot be written as text"


@pytest.mark.parametrize(
    ("candidate", "reference", "tests", "said"),
    [
        pytest.param(  # 2.0 in its one step is not enough
            "def f(xs):\n    s = 0.0\n    for x in xs:\n        s += x\n    return s\n",
            "def f(xs):\n    return xs[-1]\n",
            "assert f([1.0, 2.0, 4.0]) == 4.0\nassert f([1.0, 3.0, 2.0]) == 2.0",
            "at the 2nd iteration of line 4, `s` is 3.0; with the suggested repair it is 2.0, and "
            "the output is right",
            id="a value of many",
        ),
        pytest.param(  # no condition of the reference is False: 0 is
            "def f(xs):\n    n = 0\n    for x in xs:\n        if x > 0:\n            n += 1\n"
            "        n += 1\n    return n\n",
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += 1\n    return n\n",
            "assert f([2]) == 1\nassert f([0]) == 1\nassert f([]) == 0",
            "at the 1st iteration of line 4, the condition `x > 0` is True; with False the output "
            "is right",
            id="a decision that the reference does not make",
        ),
        pytest.param(
            "def f(n):\n    m = n\n    while n > 3:\n        k = n\n    while m > 2:\n"
            "        k = m\n    return [n, m, k]\n",
            None,
            "assert f(9) == [3, 2, 7]\nassert f(8) == [3, 2, 6]",
            "is in or before a loop that does not end in time",
            id="a loop",
        ),
    ],
)
def test_the_sentence(candidate, reference, tests, said, sandbox):
    found = found_in(sandbox, candidate, reference, tests)
    assert said in found.divergence.sentence


def test_what_does_not_end_without_a_loop(sandbox):
    candidate = "import time\n\ndef f(n):\n    if n > 3:\n        time.sleep(60)\n    return n\n"
    tests = parse_python_tests("assert f(3) == 3\nassert f(4) == 4", "f")
    problem = Problem("case", "f", tests, reference="def f(n):\n    return n\n")
    found = localize(candidate, None, problem, sandbox=sandbox, budget_s=0.1)
    assert "`time.sleep(60)` at line 5 does not end in time" in found.divergence.sentence


@pytest.mark.parametrize(
    ("candidate", "fault", "statement"),
    [
        ("def f(a, b):\n    x = a; y = b + 1\n    return y + x\n", "b + 1", "y = b + 1"),
        ("def f(a, b):\n    if a == a: return a - b\n    return 0\n", "a - b", "return a - b"),
    ],
)
def test_the_statement_holds_the_place(candidate, fault, statement, sandbox):
    found = found_in(sandbox, candidate, RIGHT_SUM.replace("x", "a").replace("y", "b"),
                     "assert f(1, 2) == 3\nassert f(2, 2) == 4\nassert f(0, 3) == 3")  # fmt: skip
    divergence = found.divergence
    assert divergence.span.start == candidate.index(fault)
    assert text_of(found, divergence.statement) == statement


def test_the_statement_of_what_does_not_load_is_no_line(sandbox):
    candidate = "import math\nif True:\n    X = math.sqrt(-1); Y = 2\ndef f(x, y):\n    return x\n"
    found = found_in(sandbox, candidate, RIGHT_SUM, "assert f(1, 2) == 3")
    assert text_of(found, found.divergence.statement) == "X = math.sqrt(-1)"
    broken = "def f(x, y):\n    return (x +\n"
    found = found_in(sandbox, broken, RIGHT_SUM, "assert f(1, 2) == 3")
    assert text_of(found, found.divergence.statement) == "return (x +"


def test_notes_are_not_said_twice(sandbox):
    candidate = "def f(x):\n    y = 0\n    return x / y\n"
    found = found_in(sandbox, candidate, None, "assert f(1) == 1\nassert f(4) == 4")
    assert found.notes
    assert not set(found.notes) & set(found.divergence.notes)
    assert len(wording.notes(found)) == len({*found.notes, *found.divergence.notes})


def test_tests_of_one_name_are_told_apart(sandbox):
    tests = (Example("t", (1,), expected=1), Example("t", (2,), {"k": 5}, expected=7))
    problem = Problem("case", "f", tests, reference="def f(x, k=0):\n    return x + k\n")
    found = localize(
        "def f(x, k=0):\n    return x - k\n", None, problem, sandbox=sandbox, budget_s=30.0
    )
    assert wording.call_text(found, 80) == "f(2, k=5)"
    assert "f(2, k=5)" in judge(problem, found.program, sandbox=sandbox).evidence


def test_inputs_of_scripts_of_one_name_are_told_apart(sandbox):
    tests = (Example("t", stdin="1", expected="1\n"), Example("t", stdin="7", expected="7\n"))
    problem = Problem("case", "", tests, reference="print(int(input()))\n", kind="script")
    candidate = "n = int(input())\nprint(n if n < 5 else n + 1)\n"
    found = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0)
    assert wording.failing_stdin(found) == "7"


def test_lines_of_a_repair_are_those_of_the_compiler():
    source = "x = 'a\x0cb\u2028c'\ny = 1\n"
    span = SourceMap(source).span(len(source) - 2, len(source) - 1)
    new = source.replace("y = 1", "y = 2")
    assert wording.repair_lines(Repair(span, "1", "2", new), source) == (["y = 1"], ["y = 2"])
    new = source.replace("'a", "'d")
    lines = wording.repair_lines(Repair(span, "1", "2", new), source)
    assert lines == (["x = 'a\x0cb\u2028c'"], ["x = 'd\x0cb\u2028c'"])
