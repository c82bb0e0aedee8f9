"""Edits compiled in: off they change nothing, on they are the edited program; budgets hold."""

from __future__ import annotations

import ast

import pytest

from egca.execution import Call, Limits, Sandbox, run_program
from egca.execution.wire import decode
from egca.localization import localize
from egca.localization.edit_program import edit_space
from egca.localization.edit_text import as_text
from egca.localization.ops import OPS
from egca.localization.schemata import build, place
from egca.localization.search import Budget, EditSearch
from egca.localization.variants import RAISED, VALUE
from egca.problems import Example, Problem
from egca.problems.humaneval import humaneval_path
from egca.problems.python_tests import parse_python_tests
from egca.problems.rows import rows_of
from egca.types import SourceMap

LIMITS = Limits(call_s=1.0)
CANDIDATE = '''\
def longest(words, least=1):
    """The longest word."""
    best = ""
    for word in words:
        if len(word) > len(best) and len(word) >= least:
            best = word
    return best.strip() or None
'''
CALLS = [Call((["a", "ccc", "bb"],)), Call(([],)), Call((["a ", " b"], 3)), Call((5,))]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=OPS) as warm:
        yield warm


def outcomes(sandbox, tree, calls, edits, kind="function", entry_point="longest"):
    """Output of every edit (-1: none) on every call, by the woven program."""
    outputs = {}

    def judge(call, output):
        outputs.setdefault(call, []).append(output)
        return False

    search = EditSearch(
        sandbox,
        build(tree, edits),
        edits,
        [call.encoded for call in calls],
        kind,
        entry_point,
        judge,
        lambda call, output: True,
        Budget(n_runs=10**6, n_ticks=10**8, n_edits=10**6, seconds=60.0),
    )
    runs = [(edit, call, 10**5) for edit in range(-1, len(edits)) for call in range(len(calls))]
    found = search._run(runs)
    return {(edit, call): done[0] for (edit, call, _), done in zip(runs, found, strict=True)}


def read(output):
    # Woven in, a dropped assignment still makes its name a local one.
    output = output.replace(b"UnboundLocalError", b"NameError")
    return decode(output[1:]) if output[:1] == VALUE else output


def plain(sandbox, source, calls, kind="function", entry_point="longest"):
    found = run_program(sandbox, source, kind, entry_point, calls, LIMITS)
    assert isinstance(found, list), found
    return [
        out.value if out.failure is None else read(RAISED + out.failure.type.encode())
        for out in found
    ]


def test_every_edit_does_what_its_text_does(sandbox):
    """The same edit, woven in and written out, gives the same on every call."""
    tree = ast.parse(CANDIDATE)
    space = edit_space(tree, None, "longest")
    edits = [*space.changes(), *space.additions()]
    woven = outcomes(sandbox, tree, CALLS, edits)
    source_map = SourceMap(CANDIDATE)
    n_compared = 0
    for index in range(0, len(edits), max(len(edits) // 60, 1)):
        text = as_text(tree, source_map, edits[index]).source
        expected = plain(sandbox, text, CALLS)
        for call, wanted in enumerate(expected):
            got = read(woven[index, call])
            if got != b"t":
                assert got == wanted, (edits[index].kind, text)
                n_compared += 1
    assert n_compared > 150


def test_no_edit_makes_an_operation_do_nothing():
    source = "def f(n):\n    n += 1\n    n *= 2\n    return 3 * n - 1\n"
    tree, source_map = ast.parse(source), SourceMap(source)
    edits = [*edit_space(tree, None, "f").changes()]
    for edit in edits:
        for change in edit.changes:
            for new in change.new if isinstance(change.new, tuple) else (change.new,):
                place(new)
    texts = [as_text(tree, source_map, edit).source for edit in edits]
    assert any(text.endswith("return 3 * n\n") for text in texts)
    idle = (" + 0", " - 0", " * 1", " // 1", " / 1", " 1 * ", "+= 0", "-= 0", "*= 1", "//= 1")
    assert not [text for text in texts for said in idle if said in text]


def test_no_edit_changes_nothing(sandbox):
    """HumanEval's solutions with all their edits compiled in, none of them on."""
    rows = [row for _, row in rows_of(humaneval_path())]
    for row in rows[::8]:
        source = row["prompt"] + row["canonical_solution"]
        tree = ast.parse(source)
        edits = [*edit_space(tree, None, row["entry_point"]).changes()]
        calls = [Call(args) for args in (([1, 2, 3],), (7,), ("abc",), ([], 2), ("a b", "b"))]
        woven = outcomes(sandbox, tree, calls, edits, entry_point=row["entry_point"])
        expected = plain(sandbox, source, calls, entry_point=row["entry_point"])
        assert [read(woven[-1, i]) for i in range(len(calls))] == expected, row["task_id"]


def test_edits_reach_methods(sandbox):
    """Names in a class body are mangled when they begin with two underscores."""
    source = "class Solution:\n    def twice(self, x):\n        return x + x + 1\n"
    tree = ast.parse(source)
    edits = [*edit_space(tree, None, "Solution.twice").changes()]
    woven = outcomes(sandbox, tree, [Call((3,))], edits, "method", "Solution.twice")
    values = [read(output) for output in woven.values()]
    assert values[0] == 7
    assert 6 in values


def test_a_memory_of_the_module_does_not_leak_between_edits(sandbox):
    source = "seen = []\n\ndef count(x):\n    seen.append(x)\n    return len(seen)\n"
    tree = ast.parse(source)
    edits = [*edit_space(tree, None, "count").changes()]
    woven = outcomes(sandbox, tree, [Call((3,)), Call((4,))], edits, entry_point="count")
    assert [read(woven[-1, call]) for call in (0, 1)] == [1, 1]


HANGS = """\
def f(n):
    while n:
        n -= 1
        n = n
    return n
"""


def test_edits_that_hang_or_grow_end_in_time(sandbox):
    tests = "assert f(3) == 1\nassert f(4) == 1\nassert f(0) == 0\n"
    problem = Problem(
        "p", "f", parse_python_tests(tests, "f"), reference="def f(n):\n    return min(n, 1)\n"
    )
    found = localize(HANGS, None, problem, sandbox=sandbox)
    assert found.divergence is not None


def test_a_time_budget_is_kept_and_still_answers(sandbox):
    source = (
        "def f(xs):\n    out = []\n" + "    out += [x * 2 for x in xs]\n" * 40 + "    return out\n"
    )
    reference = "def f(xs):\n    return sorted(set(xs)) * 40\n"
    tests = "assert f([3, 1]) == [1, 3] * 40\nassert f([2, 2]) == [2] * 40\n"
    problem = Problem("p", "f", parse_python_tests(tests, "f"), reference=reference)
    found = localize(source, None, problem, sandbox=sandbox, budget_s=0.001)
    assert found.divergence is not None
    assert any("time budget" in note for note in found.notes)


def test_the_answer_is_the_same_each_time(sandbox):
    tests = 'assert longest(["a", "bb"]) == "bb"\nassert longest(["bb", "cc"]) == "cc"\n'
    reference = (
        "def longest(words, least=1):\n"
        "    best = ''\n"
        "    for word in words:\n"
        "        if len(word) >= len(best):\n"
        "            best = word\n"
        "    return best\n"
    )
    problem = Problem("p", "longest", parse_python_tests(tests, "longest"), reference=reference)
    answers = set()
    for _ in range(3):
        found = localize(CANDIDATE, None, problem, sandbox=sandbox)
        answers.add((repr(found.divergence), found.n_failing))
    with Sandbox(preload=OPS) as other:
        found = localize(CANDIDATE, None, problem, sandbox=other)
        answers.add((repr(found.divergence), found.n_failing))
    assert len(answers) == 1


def test_without_a_reference_it_is_less_sure_and_says_so(sandbox):
    tests = 'assert longest(["a", "bb"]) == "bb"\nassert longest(["bb", "cc"]) == "cc"\n'
    source = CANDIDATE
    reference = CANDIDATE.replace("> len(best)", ">= len(best)")
    examples = parse_python_tests(tests, "longest")
    alone = localize(source, None, Problem("p", "longest", examples), sandbox=sandbox)
    beside = localize(source, reference, Problem("p", "longest", examples), sandbox=sandbox)
    assert alone.divergence.span.line == beside.divergence.span.line == 5
    assert alone.divergence.confidence < beside.divergence.confidence
    assert any("weaker" in note for note in alone.notes)
    assert not any("weaker" in note for note in beside.notes)


@pytest.mark.parametrize(("n_runs", "has_repair"), [(0, False), (4, False), (200, True)])
def test_a_search_ends_with_its_runs(sandbox, n_runs, has_repair):
    """Four runs are spent by the program as it is; none is left for an edit."""
    reference = "def f(x):\n    y = x + 1\n    return y * 2\n"
    tests = tuple(Example(f"t{x}", (x,), expected=2 * x + 2) for x in range(4))
    problem = Problem("t/0", "f", tests, reference=reference)
    candidate = reference.replace("x + 1", "x + 2")
    found = localize(
        candidate, None, problem, sandbox=sandbox, budget=Budget(n_runs=n_runs)
    ).divergence  # fmt: skip
    assert found.statement.line in (2, 3)
    assert (found.repair is not None) is has_repair
