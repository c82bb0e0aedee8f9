"""Reading source text says nothing of it: since Python 3.12 the parser warns of odd escapes."""

from __future__ import annotations

import warnings

import pytest
from records import EVALPLUS, EXAMPLES_ONLY, HUMANEVAL, LEETCODE, MBPP

from egca.problems import extract_program, infer_entry_point
from egca.problems.datasets import problem_of
from egca.problems.literals import literal
from egca.problems.python_tests import parse_python_tests

ODD = r"'\d'"


def test_odd_escapes_are_nobodys_business() -> None:
    example = {"input": f"x = {ODD}", "output": ODD}
    checked = f"def check(candidate):\n    assert candidate({ODD}) in ({ODD}, 1)\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert literal(ODD) == "\\d"
        assert len(parse_python_tests(f"assert f({ODD}) == len({ODD})", "f")) == 1
        assert infer_entry_point(f"def f(): return {ODD}", None, f"assert f() == {ODD}") == "f"
        assert extract_program(f"def f(): return {ODD}", "f").source.startswith("def")
        for row in (
            {**MBPP, "code": f"def add(a, b): return {ODD}", "test_setup_code": f"x = {ODD}"},
            {**MBPP, "test_list": [f"assert add({ODD}, 1) in ({ODD}, 1)"]},
            {**HUMANEVAL, "test": checked},
            {**LEETCODE, "test": checked},
            {**EXAMPLES_ONLY, "input_output": [example]},
            {**EVALPLUS, "task_id": "Mbpp/5", "assertion": f"assert angle({ODD}, 1) == 1"},
        ):
            assert problem_of(row, "m:1").tests


def test_what_warns_elsewhere() -> None:
    with pytest.warns((SyntaxWarning, DeprecationWarning)):
        compile(ODD, "<odd>", "eval")
