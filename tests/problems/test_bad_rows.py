"""Rows that are wrong: one line that names the place and the field, whatever the row holds."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import (
    APPS_CALLS,
    APPS_STDIN,
    CODECONTESTS,
    CODECONTESTS_ROWS,
    EVALPLUS,
    EXAMPLES_ONLY,
    FUNCTIONAL,
    HUMANEVAL,
    LEETCODE,
    MBPP,
    RECORDS,
    SANITIZED,
    STDIN,
)

from egca.errors import ProblemError
from egca.problems.datasets import problem_of


@pytest.mark.parametrize(
    ("row", "change", "message"),
    [
        (MBPP, {"code": None}, 'm:3: no "code" (text)'),
        (MBPP, {"test_list": []}, "m:3: test_list is empty"),
        (MBPP, {"test_list": [1]}, "m:3: test_list is no list of texts"),
        (MBPP, {"test_list": ["assert (add("]}, "m:3: test_list[0]: not Python: '(' was never"),
        (
            {**MBPP, "test_setup_code": "x = 1\ny = 2"},
            {"test_list": ["", "assert add(1, 2) == 3", "assert add(1,\n2)) == 3"]},
            "m:3: test_list[2]: not Python: unmatched ')'",
        ),
        (MBPP, {"challenge_test_list": ["assert add(1) =="]}, "m:3: challenge_test_list[0]: not"),
        (
            SANITIZED,
            {"test_imports": ["import math", "import"]},
            "m:3: test_imports[1]: not Python",
        ),
        (MBPP, {"test_setup_code": "def ("}, "m:3: test_setup_code: not Python"),
        (
            {**MBPP, "test_setup_code": "x = 1\ny = 2"},
            {"test_list": ["assert add(1, 2) == 3", "from a import add, b\nassert b(add(1, 2))"]},
            "m:3: test_list[1]: imports b besides the entry point",
        ),
        (
            MBPP,
            {"challenge_test_list": ["assert sub(1)"]},
            "m:3: challenge_test_list: no test calls",
        ),
        (
            MBPP,
            {"code": "\ndef add(a, b:\n"},
            "m:3: code: not Python: '(' was never closed (line 2)",
        ),
        (MBPP, {"task_id": None}, 'm:3: no "task_id"'),
        (
            {**MBPP, "challenge_test_list": []},
            {
                "test_list": ["assert add(Node(1), 2) == 3"],
                "code": "class Node: pass\n" + "def add(a, b): pass",
            },
            "m:3: test_list[0] uses Node, which only the program defines",
        ),
        (STDIN, {"public_test_cases": "[3]"}, "m:3: public_test_cases is no list of objects"),
        (STDIN, {"private_test_cases": "%"}, "m:3: private_test_cases: neither JSON nor base64"),
        (STDIN, {"question_id": ""}, 'm:3: no "question_id"'),
        (FUNCTIONAL, {"metadata": "{}"}, 'm:3: metadata has no "func_name"'),
        (FUNCTIONAL, {"metadata": "{"}, "m:3: metadata is not JSON"),
        (
            FUNCTIONAL,
            {"public_test_cases": '[{"input": "x", "output": "1", "testtype": "functional"}]'},
            "m:3: input of the test public 1 is not JSON",
        ),
        (
            STDIN,
            {"public_test_cases": '[{"input": "x", "output": "1", "testtype": "file"}]'},
            "m:3: testtype is 'file', 'stdin', but must be \"stdin\" or \"functional\"",
        ),
        (LEETCODE, {"entry_point": 3}, 'm:3: no "entry_point"'),
        (
            LEETCODE,
            {"test": "def check(candidate):\n    assert candidate(list_node([1]))"},
            "linked",
        ),
        (LEETCODE, {"test": "def check(candidate):\n    x = ("}, "m:3: test:2: not Python"),
        (LEETCODE, {"test": "", "input_output": []}, 'neither "test" nor a list'),
        (EXAMPLES_ONLY, {"input_output": [{"input": "x = 4"}]}, 'input_output: no "output"'),
        (
            EXAMPLES_ONLY,
            {"input_output": [{"input": "x = 4", "output": "Error: no"}]},
            "m:3: input_output[0]: output is no Python",
        ),
        (APPS_STDIN, {"input_output": ""}, "m:3: input_output is no object"),
        (APPS_STDIN, {"input_output": {"inputs": ["1"], "outputs": []}}, "1 inputs, but 0 outputs"),
        (APPS_STDIN, {"input_output": {"inputs": [1], "outputs": ["1"]}}, "inputs[0] is no text"),
        (APPS_STDIN, {"solutions": "["}, "m:3: solutions is not JSON"),
        (
            APPS_CALLS,
            {"input_output": {"fn_name": "f", "inputs": ["1"], "outputs": [1]}},
            "m:3: inputs[0] is no list of arguments",
        ),
        (CODECONTESTS, {"public_tests": {"input": ["1"]}}, "public_tests does not pair input"),
        (CODECONTESTS, {"input_file": "in.txt"}, "m:3: input_file: the task reads"),
        (
            EVALPLUS,
            {"task_id": "Mbpp/5", "assertion": 3},
            "m:3: assertion is a number, but must be text",
        ),
        (
            EVALPLUS,
            {"task_id": "Mbpp/²", "atol": math.nan},
            "m:3: atol is nan, but must be a number",
        ),
        (EVALPLUS, {"atol": math.inf}, "m:3: atol is inf, but must be a number from 0 on"),
        (EVALPLUS, {"atol": 10**400}, "but must be a number from 0 on"),
        (HUMANEVAL, {"test": "def check(candidate)\n"}, "m:3: test:1: not Python: expected ':'"),
        (MBPP, {"task_id": 10**5000}, "m:3: task_id is a number of too many digits to name a task"),
        (EVALPLUS, {"base_input": [3]}, "m:3: base_input is no list of argument lists"),
        (EVALPLUS, {"plus_input": [["1"]]}, "m:3: plus_input[0] does not fit Mbpp/124"),
        (EVALPLUS, {"task_id": "HumanEval/32", "base_input": [[]]}, "base_input[0] does not fit"),
        ({"task_id": "x"}, {"colour": 1}, "m:3: a task of no known data set (its fields: task_id"),
    ],
)
def test_what_is_wrong_is_named(row: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError) as caught:
        problem_of({**row, **change}, "m:3")
    assert message in str(caught.value)
    assert str(caught.value).startswith("m:3")
    assert "\n" not in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)
TASKS = [*RECORDS.values(), SANITIZED, CODECONTESTS_ROWS]
INSIDE = ("input_output", "public_test_cases", "private_test_cases", "metadata", "solutions")


@given(st.sampled_from(TASKS), st.data())
@settings(max_examples=400)
def test_whatever_a_field_holds_the_error_is_one_line(row: dict[str, Any], data: Any) -> None:
    field = data.draw(st.sampled_from(sorted(row)))
    value = data.draw(VALUES)
    if field in INSIDE and data.draw(st.booleans()):
        value = json.dumps(value)
    try:
        said = problem_of({**row, field: value}, "m:3").origin
    except ProblemError as error:
        said = str(error)
    assert said.startswith("m:3")
    assert "\n" not in said


@pytest.mark.parametrize("row", TASKS)
def test_numbers_too_long_to_print_are_no_crash(row: dict[str, Any]) -> None:
    for field in row:
        for value in (10**5000, [[10**5000]], {"1": 10**5000}, [{"testtype": 10**5000}]):
            try:
                said = problem_of({**row, field: value}, "m:3").origin
            except ProblemError as error:
                said = str(error)
            assert said.startswith("m:3")
