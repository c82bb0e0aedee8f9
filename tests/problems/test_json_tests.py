"""JSON and JSONL tests, batch cases and data sets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from egca.errors import ProblemError
from egca.problems import UNKNOWN, Example, load_dataset, load_problem, problem_from_case
from egca.problems.evalplus import argument_types, evalplus_problem
from egca.problems.json_tests import parse_json_tests
from egca.problems.json_text import integer
from egca.problems.literals import NotLiteral, literal
from egca.problems.texts import entry_point_of_texts
from egca.types import Comparison

SHARED = Path(os.environ.get("EGCA_SHARED_DATA", "../shared/data"))


def read(text: str, entry_point: str = "f") -> tuple[Example, ...]:
    return parse_json_tests(text, entry_point, filename="t.jsonl")


def test_the_layouts_say_the_same() -> None:
    rows = [{"args": [1, [2]], "expected": 3}, {"input": "(1, {2})", "output": "(3,)", "name": "b"}]
    wanted = (Example("test 1", (1, [2]), expected=3), Example("b", (1, {2}), expected=(3,)))
    assert read("\n".join(map(json.dumps, rows))) == wanted
    assert read(json.dumps(rows, indent=1)) == wanted
    assert read(json.dumps({"tests": rows}, indent=1)) == wanted
    near = read(json.dumps({"atol": 0.5, "tests": rows}))
    assert [test.comparison for test in near] == [Comparison(atol=0.5)] * 2


def test_scripts_and_kwargs() -> None:
    (test,) = read('{"stdin": "1 2", "output": "3"}', "")
    assert (test.stdin, test.expected) == ("1 2", "3")
    (test,) = read('{"kwargs": {"x": 1}}')
    assert (test.args, test.kwargs, test.expected) == ((), {"x": 1}, UNKNOWN)
    (test,) = read(
        '{"args": [NaN, Infinity], "expected": null, "types": "exact", "unordered": true}'
    )
    assert (test.expected, test.comparison) == (None, Comparison(types="exact", unordered=True))


@pytest.mark.parametrize(
    ("text", "entry_point", "message"),
    [
        ("", "f", "t.jsonl: no tests in it"),
        ('{"args": [1]}\n{oops', "f", "t.jsonl:2: not JSON"),
        (
            '[\n{"args": [1]},\n{"arg": [1]}]',
            "f",
            't.jsonl:3: unknown field "arg"; did you mean "args"?',
        ),
        ('[\n{"args": [1]},\n 3]', "f", "t.jsonl:3: a test is an object"),
        ('[{"args": [1]}]\n[{"args": [2]}]', "f", "t.jsonl:2: text after the list"),
        ('[{"args": [1]}\n{"args": [2]}]', "f", "t.jsonl:2: not JSON: expected ] and not {"),
        ('[{"args": [1]},\n]', "f", "t.jsonl:2: not JSON: Expecting value"),
        ('[{"args": [1]}', "f", "t.jsonl:1: not JSON: expected ] and not the end of the file"),
        (
            '\n{"tests": [{"args": [1]}], "atool": 3}',
            "f",
            't.jsonl:2: unknown field "atool"; did you mean "atol"?',
        ),
        (
            '{"entry_point": "g", "tests": [{"args": [1]}]}',
            "f",
            't.jsonl:1: entry_point is "g", but these tests are to call "f"; name the same one',
        ),
        (
            '{"entry_point": 3, "tests": [{"args": [1]}]}',
            "f",
            "t.jsonl:1: entry_point is a number, but must be text",
        ),
        (f'{{"args": [], "name": 1{"0" * 5000}}}', "f", "t.jsonl:1: name is a number of too many"),
        (f'[{{"args": [1{"0" * 100_000}]}}]', "f", "t.jsonl:1: not JSON: an integer of 100001 dig"),
        ('{"args": 1}', "f", "t.jsonl:1: args is a number, but must be a list"),
        ('{"expected": 1}', "f", 't.jsonl:1: no "args"'),
        ('{"args": [], "expected": 1, "output": "1"}', "f", "has expected and output; keep one"),
        ('{"input": "f(", "output": "1"}', "f", "t.jsonl:1: input is no Python literal"),
        ('{"args": [], "atol": -1}', "f", "t.jsonl:1: atol is -1"),
        ('{"args": [], "types": "x"}', "f", 'must be "python" or "exact"'),
        ('{"args": [1]}', "", "t.jsonl:1: has args, but a script reads stdin"),
        ('{"stdin": "", "output": 3}', "", "output is a number, but a script prints text"),
    ],
)
def test_refused(text: str, entry_point: str, message: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read(text, entry_point)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_object_of_tests_names_its_entry_point() -> None:
    text = '{"entry_point": "g", "tests": [{"args": [1], "expected": 2}]}'
    program = "def f(x):\n    return 1\ndef g(x):\n    return 2\n"
    assert entry_point_of_texts(program, None, text) == "g"
    assert read(text, "g") == (Example("test 1", (1,), expected=2),)
    script = '{"entry_point": "", "tests": [{"stdin": "1", "output": "2"}]}'
    assert entry_point_of_texts(program, None, script) == ""
    assert entry_point_of_texts(program, "def f(x): pass", text.replace('"g"', "null")) == "f"


def test_integers_of_any_length_are_read() -> None:
    long = f"-1{'2' * 5000}"
    wanted = (Example("test 1", (integer(long),), expected=integer(long[1:])),)
    row = f'{{"args": [{long}], "expected": {long[1:]}}}'
    assert wanted[0].args == (-wanted[0].expected,)
    for text in (row, f"[{row}]", f'{{"tests": [{row}]}}'):
        assert read(text) == wanted


def test_literals_are_bounded() -> None:
    assert literal("[float('-inf'), 10 ** 3, set(), -(1 + 2j), [0] * 2]")[1:] == [
        1000,
        set(),
        -1 - 2j,
        [0, 0],
    ]
    for source in (
        "9 ** 9 ** 9",
        "'a' * 10 ** 12",
        "bytes(10 ** 10)",
        "f()",
        "x",
        "1 << 10 ** 9",
        "str(b'a', 'zz')",
    ):
        with pytest.raises(NotLiteral):
            literal(source)


CASE: dict[str, Any] = {
    "case_id": "c",
    "entry_point": "f",
    "candidate": "def f(x): return x",
    "reference": "def f(x): return 1",
    "inputs": ["(1,)", "(float('nan'), {2})"],
    "atol": 1e-6,
}


def test_case_rows() -> None:
    problem = problem_from_case(CASE)
    assert problem.comparison == Comparison(atol=1e-6)
    assert [test.expected for test in problem.tests if isinstance(test, Example)] == [UNKNOWN] * 2
    for change, message in (
        ({"inputs": []}, 'no "inputs"'),
        ({"inputs": ["(1)"]}, r"inputs\[0\] is no tuple"),
        ({"inputs": ["(1,)", "(g(),)"]}, r"inputs\[1\] is no Python literal"),
        ({"reference": None}, 'no "reference"'),
        ({"atol": "x"}, "atol is 'x'"),
    ):
        with pytest.raises(ProblemError, match=message):
            problem_from_case({**CASE, **change})


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
def test_every_case_of_the_localization_data_loads() -> None:
    for path in sorted((SHARED / "localization").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = {key: value for key, value in json.loads(line).items() if key != "truth"}
            assert problem_from_case(row).tests


def test_humaneval_is_embedded() -> None:
    problem = load_problem("HumanEval/3")
    assert (problem.entry_point, len(problem.tests)) == ("below_zero", 6)
    assert problem.is_prefix
    assert problem.reference is not None
    assert problem.reference.startswith(problem.prompt)
    assert len(list(load_dataset())) == 164
    with pytest.raises(ProblemError, match='no task "HumanEval/164"; did you mean'):
        load_problem("HumanEval/164")


def test_evalplus_files_are_found_by_their_variables(tmp_path: Path) -> None:
    row = {
        "task_id": "Mbpp/2",
        "entry_point": "g",
        "prompt": "",
        "canonical_solution": "def g(a, b): return a",
        "assertion": "assert g((1, 2), [3]) == (1, 2)",
        "base_input": [[[1, 2], [3]]],
        "plus_input": [[[], [[4]]]],
        "atol": 0,
    }
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps(row) + "\n")
    problem = load_problem("Mbpp/2", environ={"MBPP_OVERRIDE_PATH": str(path)})
    assert [test.args for test in problem.tests if isinstance(test, Example)] == [
        ((1, 2), [3]),
        ((), [[4]]),
    ]
    assert problem.comparison == Comparison(1e-6, 1e-7, view="set")
    assert load_problem("Mbpp/2", path).tests == problem.tests
    with pytest.raises(ProblemError, match="set MBPP_OVERRIDE_PATH"):
        load_problem("Mbpp/2", environ={})
    with pytest.raises(ProblemError, match="known are HumanEval/N"):
        load_problem("Other/2", environ={})
    with pytest.raises(ProblemError, match='no "base_input"'):
        evalplus_problem({**row, "base_input": [], "plus_input": {}}, "row")


def test_argument_types_are_learnt_at_every_depth() -> None:
    convert = argument_types("assert g([(1, {2})], {'a': (1,)}, 5) == 1", "g")
    assert convert([[[1, [2]]], {"b": [3]}, 6]) == ([(1, {2})], {"b": (3,)}, 6)
