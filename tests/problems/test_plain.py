"""Our own JSONL: every problem comes back as it was; what is wrong in a row is named."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.errors import ProblemError
from egca.execution.compare import VIEWS as COMPARED
from egca.problems import UNKNOWN, Check, Example, Problem, load_dataset, row_of
from egca.problems.datasets import DATASETS, FORMATS
from egca.problems.json_tests import VIEWS
from egca.problems.literal_text import is_json, literal_text
from egca.problems.literals import NotLiteral, literal
from egca.problems.plain import CHECK_FIELDS, FIELDS, plain_problem
from egca.types import Comparison

TEXTS = st.text(st.characters(exclude_categories=[]), max_size=12)  # lone surrogates too
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers().map(lambda number: number << 20_000)  # beyond what JSON's digits may be
    | st.floats()
    | st.complex_numbers()
    | TEXTS
    | st.binary(max_size=8)
    | st.integers(-5, 5).map(range)
)
KEYS = st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.binary(max_size=4)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists, dicts = st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)
    keys = st.lists(KEYS, max_size=4)
    return st.one_of(
        lists,
        lists.map(tuple),
        dicts,
        keys.map(set),
        keys.map(frozenset),
        keys.map(Counter),
        dicts.map(OrderedDict),
        dicts.map(lambda made: defaultdict(list, made)),
        lists.map(lambda made: deque(made, maxlen=7)),
        st.binary(max_size=4).map(bytearray),
    )


VALUES = st.recursive(SCALARS, containers, max_leaves=8)
TOLERANCES = st.floats(0, 1e3)
COMPARISONS = st.builds(
    Comparison,
    TOLERANCES,
    TOLERANCES,
    st.sampled_from(["python", "exact"]),
    st.booleans(),
    st.sampled_from(VIEWS),
)
MAYBE = st.none() | COMPARISONS
EXAMPLES = st.builds(
    Example,
    TEXTS,
    st.lists(VALUES, max_size=3).map(tuple),
    st.dictionaries(TEXTS, VALUES, max_size=2),
    st.none() | TEXTS,
    st.just(UNKNOWN) | VALUES,
    MAYBE,
)
RUNS = st.builds(
    Example,
    TEXTS,
    stdin=st.none() | TEXTS,
    expected=st.just(UNKNOWN) | TEXTS,
    comparison=MAYBE,
)
CHECKS = st.builds(Check, TEXTS, TEXTS, TEXTS, TEXTS, st.integers(0, 10**6))


def problems(
    kind: str, entry_point: str, tests: st.SearchStrategy[Any]
) -> st.SearchStrategy[Problem]:
    return st.builds(
        Problem,
        task_id=TEXTS,
        entry_point=st.just(entry_point),
        tests=st.lists(tests, min_size=1, max_size=4).map(tuple),
        kind=st.just(kind),
        prompt=TEXTS,
        is_prefix=st.booleans(),
        reference=st.none() | TEXTS,
        comparison=COMPARISONS,
        origin=st.just("p.jsonl:1"),
        preamble=TEXTS,
    )


def shape(value: Any) -> Any:
    """A value with its types, where nan is nan and -0.0 is not 0.0."""
    if isinstance(value, float):
        return float, repr(value)
    if isinstance(value, complex):
        return complex, repr(value.real), repr(value.imag)
    if isinstance(value, dict):
        factory = getattr(value, "default_factory", None)
        return type(value), factory, [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return type(value), sorted(map(repr, map(shape, value)))
    if isinstance(value, list | tuple | deque):
        return type(value), getattr(value, "maxlen", None), [shape(item) for item in value]
    if isinstance(value, Example):
        parts = (value.args, value.kwargs, value.expected)
        return replace(value, args=(), kwargs={}, expected=None), [shape(part) for part in parts]
    return type(value), value


@given(
    problems("function", "f", EXAMPLES | CHECKS)
    | problems("method", "Solution.f", EXAMPLES | CHECKS)
    | problems("script", "", RUNS)
)
def test_a_problem_comes_back_as_it_was(problem: Problem) -> None:
    line = json.dumps(row_of(problem), allow_nan=False)
    again = plain_problem(json.loads(line), problem.origin)
    assert [shape(test) for test in again.tests] == [shape(test) for test in problem.tests]
    assert replace(again, tests=()) == replace(problem, tests=())


@given(VALUES)
def test_literals_are_read_back(value: Any) -> None:
    assert shape(literal(literal_text(value))) == shape(value)


@given(VALUES)
def test_what_json_holds_it_gives_back(value: Any) -> None:
    if is_json(value):
        assert shape(json.loads(json.dumps(value, allow_nan=False))) == shape(value)


def test_values_that_need_literals_are_written_as_such() -> None:
    tests = (
        Example("a", (1, [2.5, None]), expected={"x": True}),
        Example("b", ((1,),), {"k": {1: 2}}, expected=math.nan),
        Check("c", "assert candidate(1)", "candidate", "import math", 3),
    )
    row = row_of(Problem("t", "f", tests))
    assert row["tests"] == [
        {"name": "a", "args": [1, [2.5, None]], "expected": {"x": True}},
        {"name": "b", "input": "((1,),)", "kwargs": "{'k': {1: 2}}", "output": "nan"},
        {
            "name": "c",
            "check": "assert candidate(1)",
            "entry": "candidate",
            "setup": "import math",
            "line": 3,
        },
    ]


def test_what_is_no_data_is_refused() -> None:
    for value in (object(), len, defaultdict(lambda: 1), range(10**8)):
        with pytest.raises(NotLiteral):
            literal_text(value)
        with pytest.raises(ProblemError, match=r"^p:1: test 7 cannot be written down"):
            row_of(Problem("t", "f", (Example("test 7", (value,)),), origin="p:1"))
    with pytest.raises(ProblemError, match="a script reads text"):
        row_of(Problem("t", "", (Example("x", (1,)),), "script"))


def test_the_page_on_data_sets_names_each_field_and_its_example_loads() -> None:
    page = (Path(__file__).parents[2] / "docs/datasets.md").read_text(encoding="utf-8")
    fields = {
        *FIELDS,
        *CHECK_FIELDS,
        *(field for form in FORMATS.values() for field in form.fields),
    }
    for name in (*fields, *DATASETS):
        assert f"`{name}`" in page, name
    example = page[page.index('    {"task_id"') : page.index("(in one line")]
    problem = plain_problem(json.loads(example), "page")
    assert problem.tests[1] == Example("test 2", ({1: "a"},), expected=problem.tests[1].expected)


def test_views_are_those_of_the_comparison() -> None:
    assert set(VIEWS) == set(COMPARED)


ROW: dict[str, Any] = {"task_id": "t", "entry_point": "f", "tests": [{"args": [1], "expected": 2}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_id": 3}, 'p:1: no "task_id" (text)'),
        ({"tests": []}, "p:1: tests is no list with at least one test"),
        ({"tests": [3]}, "p:1: tests[0] is a number, but must be an object"),
        ({"tests": [{"args": 1}]}, "p:1: tests[0]: args is a number"),
        ({"tests": [{"check": "x", "entry": 3}]}, 'p:1: tests[0]: no "entry" (text)'),
        ({"tests": [{"check": "x", "entri": ""}]}, 'unknown field "entri"; did you mean "entry"?'),
        ({"tests": [{"check": "x", "entry": "f", "line": "3"}]}, "tests[0]: line is '3'"),
        ({"tests": [{"args": [], "view": "bag"}]}, "tests[0]: view is 'bag', but must be one of"),
        (
            {"kind": "script"},
            "p:1: kind is 'script', but the entry_point \"f\" is that of a function; leave",
        ),
        (
            {"kind": "method"},
            "p:1: kind is 'method', but the entry_point \"f\" is that of a function",
        ),
        ({"kind": "function", "entry_point": "S.f"}, '"S.f" is that of a method; leave kind out'),
        ({"promt": ""}, 'p:1: unknown field "promt"; did you mean "prompt"?'),
        ({"is_prefix": 1}, "p:1: is_prefix is a number, but must be true or false"),
        ({"reference": 1}, 'p:1: no "reference" (text)'),
        ({"preamble": []}, "p:1: preamble is a list, but must be text"),
        ({"atol": -1}, "p:1: atol is -1"),
        ({"atol": 10**5000}, "p:1: atol is a number of too many digits, but must be"),
    ],
)
def test_the_field_that_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    assert plain_problem(ROW, "p:1").tests == (Example("test 1", (1,), expected=2),)
    with pytest.raises(ProblemError) as caught:
        plain_problem({**ROW, **change}, "p:1")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["HumanEvalPlus.jsonl.gz", "MbppPlus.jsonl.gz"])
def test_real_data_sets_convert_without_loss(shared: Path, tmp_path: Path, name: str) -> None:
    problems = [
        problem
        for i, problem in enumerate(load_dataset(shared / "data/evalplus" / name))
        if i % 9 == 0
    ]
    path = tmp_path / "plain.jsonl"
    path.write_text("".join(json.dumps(row_of(problem)) + "\n" for problem in problems))
    for problem, again in zip(problems, load_dataset(path), strict=True):
        assert [shape(test) for test in again.tests] == [shape(test) for test in problem.tests]
        assert replace(again, tests=(), origin=problem.origin) == replace(problem, tests=())
