"""Localizing by difference: sets of faults that really repair, and differences that are none."""

from __future__ import annotations

import ast
import random

import pytest

from egca.execution import Sandbox
from egca.execution.judging import judge
from egca.localization.edit_text import as_text
from egca.localization.edits import Edit
from egca.localization.hunks import hunks_between
from egca.localization.keys import condition_key
from egca.localization.ops import OPS
from egca.localization.quick import QuickStage
from egca.localization.tame import is_tame_source
from egca.problems import UNKNOWN, Check, Example, Problem
from egca.problems.generated import FAMILIES
from egca.types import Program, SourceMap

RATES = {"easy": 0.297, "medium": 0.195, "hard": 0.153}  # of faults, for few programs that pass
REFERENCE = """\
def score(values, limit):
    total = 0
    previous = 0
    for x in values[1:]:
        if x > limit:
            total += x * 2
        else:
            total -= previous
        previous = x
    return abs(total)
"""
INPUTS = [([3, 5, 1, 9], 4), ([9, 9, 2, 2, 7], 3), ([1], 1), ([4, 4, 4], 4), ([0, 8, 6, 7, 5], 6)]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=OPS) as warm:
        yield warm


@pytest.fixture
def quick(sandbox):
    with QuickStage(sandbox) as stage:
        yield stage


def problem_of(reference=REFERENCE, inputs=INPUTS, expected=None, name="score"):
    scope = {}
    exec(reference, scope)  # our own text
    tests = tuple(
        Example(f"test {i}", args, expected=scope[name](*args) if expected is None else expected)
        for i, args in enumerate(inputs)
    )
    return Problem("t/0", name, tests, reference=reference)


def changed(*pairs, source=REFERENCE):
    for old, new in pairs:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def lines_of(found):
    return [fault.edit.anchor.lineno for fault in found.faults]


def repaired(found):
    """The program with all its faults repaired, as text."""
    changes = tuple(change for fault in found.faults for change in fault.edit.changes)
    edit = Edit("all", changes, found.faults[0].edit.anchor)
    return as_text(found.tree, SourceMap(found.program.source), edit).source


@pytest.mark.parametrize("family", FAMILIES)
def test_sets_of_faults_of_students_repair_them(family, sandbox, quick):
    """The set passes the real judge, no part of it does, and its first is a faulty line."""
    rng = random.Random(11)
    n_failing = n_found = n_right = 0
    for index in range(60):
        task = FAMILIES[family].task("validation", index)
        student = task.student(rng, RATES[family])
        if not student.faults:
            continue
        n_failing += 1
        found = quick.isolate(Program(student.source), task.problem)
        if found is None:
            continue
        n_found += 1
        place = found.divergence()
        faulty = {student.source.count("\n", 0, one.start) + 1 for one in student.faults}
        n_right += place.statement.line in faulty
        assert judge(task.problem, repaired(found), sandbox=sandbox).passed, student.source
        assert (place.repair is None) == (len(found.faults) > 1)
        if place.repair is not None:
            assert judge(task.problem, place.repair.source, sandbox=sandbox).passed
        assert place.proof.confirmed
        assert place.proof.n_failing == len(found.failing)
    assert n_failing > 25
    assert n_found >= 0.85 * n_failing
    assert n_right >= 0.95 * n_found


@pytest.mark.parametrize("family", FAMILIES)
def test_other_forms_are_no_faults(family, quick):
    """Right programs in free form have nothing to isolate; most have no hunk at all."""
    rng = random.Random(3)
    n_hunks = 0
    for index in range(25):
        task = FAMILIES[family].task("validation", index)
        source = task.variant(rng)
        reference = ast.parse(task.problem.reference)
        hunks, share = hunks_between(ast.parse(source), reference, "f")
        n_hunks += len(hunks)
        assert share > 0.5
        assert quick.isolate(Program(source), task.problem) is None
    assert n_hunks < 25


def test_several_faults_and_harmless_differences(quick):
    source = changed(("total = 0", "acc = 0"), ("total += x * 2", "acc = acc + 3 * item"),
                     ("total -= previous", "acc -= before"), ("abs(total)", "abs(0 + acc)"),
                     ("x > limit", "not item > limit"), ("previous = x", "before = item"),
                     ("previous = 0", "before = 0"), ("for x in", "for item in"))  # fmt: skip
    found = quick.isolate(Program(source), problem_of())
    assert lines_of(found) == [5, 6]
    assert len(found.failing) > 0
    place = found.divergence()
    assert place.repair is None
    assert "2 places" in place.proof.text
    assert place.statement.line == 5


def test_one_fault_has_a_repair(quick):
    source = changed(("total -= previous", "total += previous"))
    place = quick.isolate(Program(source), problem_of()).divergence()
    assert place.span.line == 8
    assert place.repair.source == REFERENCE


@pytest.mark.parametrize(
    ("source", "reference", "inputs", "statement"),
    [
        pytest.param(
            "def f(x, y):\n    r = 0\n    for i in range(x):\n        if i > 10:\n"
            "            r += 1\n        elif y > 5:\n            r += 2\n    return r\n",
            "def f(x, y):\n    r = 0\n    for i in range(x):\n        if i > 10:\n"
            "            r += 1\n        elif y > 5:\n            r += 2\n        else:\n"
            "            r += 3\n    return r\n",
            [(1, 1), (1, 9), (12, 9)],
            "elif y > 5:",
            id="elif",
        ),
        pytest.param(
            "def f(xs):\n\tt = 0\n\tfor x in xs:\n\t\tt += x\n\t\tt = t\n\treturn t\n",
            "def f(xs):\n\tt = 0\n\tfor x in xs:\n\t\tt += x\n\t\tif t > 5:\n\t\t\tt = 0\n"
            "\treturn t\n",
            [([1],), ([5, 2],)],
            "t = t",
            id="tabs",
        ),
        pytest.param(
            "def f(x):\n    if x > 3:\n        return-x\n    return x\n",
            "def f(x):\n    if x > 3:\n        return x\n    return x\n",
            [(1,), (5,)],
            "return-x",
            id="no space",
        ),
        pytest.param(
            "def f(x):\n    y = x + 1; z = y - 2\n    return z\n",
            "def f(x):\n    y = x + 1; z = y - 3\n    return z\n",
            [(1,), (5,)],
            "z = y - 2",
            id="semicolon",
        ),
    ],
)
def test_repairs_are_right_as_text(source, reference, inputs, statement, sandbox, quick):
    problem = problem_of(reference, inputs, name="f")
    place = quick.isolate(Program(source), problem).divergence()
    assert judge(problem, place.repair.source, sandbox=sandbox).passed
    assert source[place.statement.start : place.statement.end] == statement


def test_a_repair_without_room_in_the_text_is_none(quick):
    source = "def f(x):\n    y = 0\n    if x > 3: y = x; return y\n    return y\n"
    reference = source.replace("y = x;", "y = x; y += 2;")
    found = quick.isolate(Program(source), problem_of(reference, [(1,), (5,)], name="f"))
    place = found.divergence()
    assert place.repair is None
    assert place.proof.confirmed
    assert place.statement.line == 3


def test_the_fault_that_runs_first_is_the_divergence(quick):
    """The text has the branch first; the first failing input comes to the other one before."""
    source = changed(("x * 2", "x * 3"), ("total -= previous", "total -= previous + 1"))
    found = quick.isolate(Program(source), problem_of(inputs=[([0, 1, 9], 4), *INPUTS]))
    assert lines_of(found) == [8, 6]


def test_an_index_loop_keeps_its_form(quick):
    source = changed(
        ("for x in values[1:]:", "for i in range(len(values)):\n        x = values[i]")
    )
    place = quick.isolate(Program(source), problem_of()).divergence()
    assert place.span.line == 4
    assert "range(1, len(values))" in place.repair.source


def test_a_missing_and_a_moved_statement(quick):
    missing = changed(("        previous = x\n", ""))
    assert quick.isolate(Program(missing), problem_of()).divergence().repair.source == REFERENCE
    moved = changed(("        previous = x\n", ""),
                    ("values[1:]:\n", "values[1:]:\n        previous = x\n"))  # fmt: skip
    found = quick.isolate(Program(moved), problem_of())
    assert [fault.edit.kind for fault in found.faults] == ["statement moved"]
    assert lines_of(found) == [5]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('"*" + c', 'c + "_"'),
        ("c + text", "text + c.lower()"),
        ('c + "-" + text', 'text + (c + "_")'),
    ],
)
def test_the_order_of_joined_texts_counts(quick, wrong, right):
    """Taken for sums that commute, they would differ in less than repairs them."""
    reference = f'def join(text):\n    for c in "Ab":\n        text = {right}\n    return text\n'
    problem = problem_of(reference, [("x",), ("",), ("Yz",)], name="join")
    found = quick.isolate(Program(reference.replace(right, wrong)), problem)
    assert lines_of(found) == [3]


def test_a_program_that_raises_or_never_ends(quick):
    raising = changed(("previous = x", "previous = x // 0"))
    assert lines_of(quick.isolate(Program(raising), problem_of())) == [9]
    reference = (
        "def count(n):\n    total = 0\n    while n > 0:\n        total += n\n        n -= 1\n"
    )
    problem = problem_of(f"{reference}    return total\n", [(0,), (3,), (5,)], name="count")
    endless = problem.reference.replace("n -= 1", "n -= 0")
    assert lines_of(quick.isolate(Program(endless), problem)) == [5]
    assert lines_of(quick.isolate(Program(raising), problem_of())) == [9]  # the child is well


def test_the_reference_may_decide(quick):
    source = changed(("x * 2", "x * 4"))
    assert lines_of(quick.isolate(Program(source), problem_of(expected=UNKNOWN))) == [6]
    reference = "def half(n):\n    if n == 0:\n        raise ValueError(n)\n    return 8 // n\n"
    problem = Problem(
        "t/1", "half", tuple(Example(f"t{n}", (n,), expected=UNKNOWN) for n in range(3)),
        reference=reference,
    )  # fmt: skip
    wrong = reference.replace("ValueError", "KeyError")
    assert lines_of(quick.isolate(Program(wrong), problem)) == [3]


def test_what_it_leaves_to_the_search(quick):
    source = changed(("x * 2", "x * 4"))
    check = Check("c", "def check(f):\n    assert f([1], 1) == 0\n", "check")
    code = Problem("t/2", "score", (check,), reference=REFERENCE)
    assert quick.isolate(Program(source), code) is None
    other = "def score(values, limit):\n    return sum(x for x in values if x > limit)\n"
    assert quick.isolate(Program(other), problem_of()) is None
    assert quick.isolate(Program("def score(values):\n    return 1\n"), problem_of()) is None
    assert quick.isolate(Program("def score("), problem_of()) is None
    assert quick.isolate(Program(REFERENCE), problem_of()) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("3 < x", "x > 3"),
        ("not x % 2", "x % 2 == 0"),
        ("x % 2", "x % 2 == 1"),
        ("x % 2 != 0", "x % 2 == 1"),
        ("not a < b", "b <= a"),
        ("1 <= x <= 4", "x >= 1 and x <= 4"),
        ("not 1 <= x <= 4", "x < 1 or x > 4"),
        ("2 * x > 0", "x * 2 > 0"),
        ("max(a, b)", "max(b, a)"),
        ("x not in y", "not x in y"),
    ],
)
def test_conditions_that_mean_alike(left, right):
    one, other = (condition_key(ast.parse(text, mode="eval").body) for text in (left, right))
    assert one == other
    assert one != condition_key(ast.parse(left, mode="eval").body, negated=True)


@pytest.mark.parametrize(("left", "right"), [("a + b", "b + a"), ("a - b", "b - a"), ("a", "-a")])
def test_conditions_that_do_not(left, right):
    one, other = (condition_key(ast.parse(text, mode="eval").body) for text in (left, right))
    assert one != other


@pytest.mark.parametrize(
    "source",
    [
        "import os\n",
        "import collections\n",
        "from typing import get_type_hints\n",
        "from . import math\n",
        "import math\nmath.pi = 3\n",
        "def f(x):\n    return x.__class__\n",
        "def f(x):\n    return (i for i in x).gi_frame.f_builtins\n",
        "def f(x):\n    return __builtins__\n",
        "def f(x):\n    global y\n    y = 1\n",
        "def f(x):\n    return eval(x)\n",
        "def f(x):\n    return getattr(x, 'a')\n",
        "def f(x):\n    try:\n        return 1\n    except BaseException:\n        return 2\n",
        "class A:\n    def __del__(self):\n        pass\n",
        "def f(x):\n    match x:\n        case object(__class__=c):\n            return c\n",
        "def f(x):\n    yield x\n",
        "def f(x):\n    for x.y in [1]:\n        pass\n",
        "def f(_egca_0):\n    return 1\n",
        "def f(x):\n    return unheard_of(x)\n",
        "f(",
    ],
)
def test_programs_that_need_a_child_of_their_own(source):
    assert not is_tame_source(source)


def test_plain_programs_may_share_one():
    assert is_tame_source(REFERENCE)
    head = "import math\nfrom typing import List\n"
    body = "    return [math.sqrt(i) for i in sorted(x, key=abs)]\n"
    assert is_tame_source(f"{head}def f(x: List[int], _y=0):\n{body}")


def test_a_wild_program_gets_its_own_child(quick):
    """It fills the process with its marks; the next program finds none."""
    wild = changed(("x * 2", "x * 4")).replace("    total = 0", "    import builtins\n"
                    "    builtins.abs = lambda x: 7\n    total = 0")  # fmt: skip
    quick.isolate(Program(wild), problem_of())
    source = changed(("x * 2", "x * 4"))
    assert lines_of(quick.isolate(Program(source), problem_of())) == [6]
