"""Each format on a record of its own; names, windows of time, rows left out; EvalPlus's files.

What a row that is wrong is told is in test_bad_rows.py."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from records import (
    APPS_CALLS,
    APPS_PLUS,
    APPS_STDIN,
    CODECONTESTS,
    CODECONTESTS_ROWS,
    EVALPLUS,
    EXAMPLES_ONLY,
    FUNCTIONAL,
    LEETCODE,
    MBPP,
    PLAIN,
    RECORDS,
    SANITIZED,
    STDIN,
)

from egca.errors import ProblemError
from egca.execution.judging import check_reference, judge
from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.problems import Check, Example, Problem, load_dataset, load_problem, program_of, row_of
from egca.problems.datasets import DATASETS, problem_of
from egca.problems.json_text import integer
from egca.problems.plain import plain_problem
from egca.types import Comparison


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=2.0), preload=["egca.execution.check_ops"]) as made:
        yield made


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A file with a row of every format."""
    path = tmp_path / "mixed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in RECORDS.values()))
    return path


def test_a_row_is_known_by_its_fields(mixed: Path) -> None:
    problems = list(load_dataset(mixed))
    assert [problem.task_id for problem in problems] == list(RECORDS)
    for number, problem in enumerate(problems, 1):
        assert problem.origin == f"{mixed}:{number}"
        assert load_problem(problem.task_id, mixed) == problem
    with pytest.raises(ProblemError, match='no task "MBPP/4"; did you mean "MBPP/'):
        load_problem("MBPP/4", mixed)


def test_every_format_converts_to_plain_rows_and_back(mixed: Path) -> None:
    for problem in load_dataset(mixed):
        assert plain_problem(json.loads(json.dumps(row_of(problem))), problem.origin) == problem


@pytest.mark.parametrize("task_id", [name for name in RECORDS if "LiveCode" not in name])
def test_references_pass(sandbox: Sandbox, task_id: str) -> None:
    problem = problem_of(RECORDS[task_id], "row")
    assert problem.reference is not None or task_id == "LeetCode/is-even"
    check_reference(problem, sandbox)


def test_mbpp() -> None:
    problem = problem_of(MBPP, "m:1")
    assert (problem.entry_point, problem.reference) == ("add", MBPP["code"])
    assert [test.name for test in problem.tests] == ["assert 1", "assert 2", "challenge 1"]
    assert problem.tests[1] == Example("assert 2", ((1,), (2,)), expected=(1, 2))
    assert "assert add(1, 2) == 3" in problem.prompt
    sanitized = problem_of(SANITIZED, "m:2")
    assert (sanitized.entry_point, sanitized.tests[0].name) == ("root", "assert 1")
    assert sanitized.prompt.startswith("Write a function to find a root.")


def test_livecodebench_on_stdin(sandbox: Sandbox) -> None:
    problem = problem_of(STDIN, "l:1")
    assert (problem.kind, problem.reference) == ("script", None)
    assert [(test.name, test.stdin, test.expected) for test in examples(problem)] == [
        ("public 1", "1 2\n", "3\n"),
        ("private 1", "4 5\n", "9\n"),
    ]
    for source, passes in (
        ("print(sum(map(int, input().split())))", True),
        ("print(float(sum(map(int, input().split()))))", True),  # numbers count by value
        ("print(reduce(add, map(int, input().split())))", True),  # its judge has imported them
        ("print(sum(map(int, input().split())) + 1e-9)", False),
        ("print(3)", False),
    ):
        program = program_of(problem, f"```python\n{source}\n```")
        assert judge(problem, program, sandbox=sandbox).passed is passes, source


def test_livecodebench_calls(sandbox: Sandbox) -> None:
    problem = problem_of(FUNCTIONAL, "l:1")
    assert (problem.kind, problem.entry_point) == ("method", "Solution.pairs")
    assert [test.args for test in examples(problem)] == [([1, 2], 2), ([], 0)]
    assert "class Solution" in problem.prompt
    head = "class Solution:\n    def pairs(self, xs: List[int], n: int) -> List[int]:\n"
    for body, passes in (
        ("return [x * n for x in xs]", True),
        ("return tuple(x * n for x in xs)", True),
        ("return {x * n for x in xs}", False),
        ("return xs", False),
    ):
        program = program_of(problem, f"{head}        {body}\n")
        assert judge(problem, program, sandbox=sandbox).passed is passes, body


def test_leetcode(sandbox: Sandbox) -> None:
    problem = problem_of(LEETCODE, "l:1")
    assert (problem.kind, problem.entry_point) == ("method", "Solution.twoSum")
    assert examples(problem)[0].kwargs == {"nums": [2, 7, 11, 15], "target": 9}
    assert problem.prompt.startswith("Find two numbers")
    assert problem.reference == LEETCODE["prompt"] + LEETCODE["completion"]
    program = program_of(problem, LEETCODE["completion"])
    assert judge(problem, program, sandbox=sandbox).passed
    assert not judge(problem, LEETCODE["completion"], sandbox=sandbox).passed  # List is unknown
    simple = problem_of(EXAMPLES_ONLY, "l:2")
    assert [(test.args, test.kwargs, test.expected) for test in examples(simple)] == [
        ((), {"x": 4}, True),
        ((None,), {}, None),
    ]
    assert simple.prompt.startswith(EXAMPLES_ONLY["prompt"])
    assert (simple.preamble, simple.reference) == ("", None)


def test_older_leetcode_rows_keep_half_in_meta() -> None:
    row = {key: LEETCODE[key] for key in ("task_id", "prompt", "completion", "entry_point", "test")}
    row["meta"] = {
        "lang_code": LEETCODE["starter_code"],
        "question_title": "Find them.",
        "estimated_date": "2024-01-02",
    }
    problem = problem_of(row, "l:1")
    assert problem.prompt.startswith("Find them.")
    assert "def twoSum" in problem.prompt
    assert problem.preamble == LEETCODE["prompt"]


def test_apps(sandbox: Sandbox) -> None:
    script = problem_of(APPS_STDIN, "a:1")
    assert (script.kind, script.entry_point) == ("script", "")
    assert script.reference is not None
    assert script.reference.endswith("print(int(input()) / 2)")  # the other is Python 2
    assert [test.stdin for test in examples(script)] == ["4\n", "5"]
    calls = problem_of(APPS_CALLS, "a:2")
    assert (calls.entry_point, examples(calls)[0]) == (
        "largest",
        Example("test 1", ({3: 1, 20: 2},), expected=2),
    )
    assert examples(problem_of(APPS_PLUS, "a:3"))[0].expected == "2\n"
    long = "3" * 5000  # Python's own reader takes 4300 digits
    told = f'{{"fn_name": "largest", "inputs": [[{{"{long}": {long}}}]], "outputs": [[{long}]]}}'
    (test,) = examples(problem_of({**APPS_CALLS, "input_output": told}, "a:4"))
    assert test == Example("test 1", ({integer(long): integer(long)},), expected=integer(long))


def test_optional_fields_may_be_null_or_missing() -> None:
    public = problem_of(STDIN, "l:1").tests[:1]
    missing = {key: value for key, value in STDIN.items() if key != "private_test_cases"}
    for row in (missing, {**STDIN, "private_test_cases": None}, {**missing, "metadata": None}):
        assert problem_of(row, "l:1").tests == public
    problem = problem_of(EVALPLUS, "e:1")
    assert problem_of({**EVALPLUS, "plus_input": None, "atol": None}, "e:1") == problem
    swapped = {**EVALPLUS, "base_input": None, "plus_input": EVALPLUS["base_input"]}
    assert [test.name for test in problem_of(swapped, "e:1").tests] == ["plus 1"]


def test_a_test_of_mbpp_is_counted_from_its_own_lines() -> None:
    row = {**MBPP, "test_list": ["assert add(1, 2) in (3, 4)", "assert add(1, 1) in (2, 3)"]}
    assert [test.line for test in problem_of(row, "m:1").tests[:2] if isinstance(test, Check)] == [
        1,
        2,
    ]


def test_codecontests_in_both_layouts() -> None:
    problem = problem_of(CODECONTESTS, "c:1")
    assert [test.name for test in problem.tests] == ["public 1", "generated 1"]
    assert problem.reference == "print(int(input()) / 2)"  # neither Python 2 nor C++
    assert problem_of(CODECONTESTS_ROWS, "c:1") == problem


def test_rows_that_are_left_out_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(PLAIN), "{oops", "[1]", json.dumps({**MBPP, "code": 3}), json.dumps(MBPP)]
    path.write_text("\n".join(lines))
    with pytest.raises(ProblemError, match=r"rows\.jsonl:2: not JSON"):
        list(load_dataset(path))
    told: list[ProblemError] = []
    loaded = load_dataset(path, skip_bad=True, on_skip=told.append)
    assert [problem.task_id for problem in loaded] == ["own/1", "MBPP/2"]
    assert [str(error).partition(": ")[0] for error in told] == [f"{path}:{n}" for n in (2, 3, 4)]
    path.write_text("{}\n{}")
    with pytest.raises(ProblemError, match=r"no task in it can be read; .*:1: a task of no known"):
        list(load_dataset(path, skip_bad=True))
    path.write_text("\n")
    with pytest.raises(ProblemError, match="no task in it"):
        list(load_dataset(path, skip_bad=True))


def test_windows_of_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, (STDIN, FUNCTIONAL, LEETCODE))))

    def ids(**window: Any) -> list[str]:
        return [problem.task_id.partition("/")[2] for problem in load_dataset(path, **window)]

    assert ids(since="2023-05-13") == ["abc301_a", "2831"]
    assert ids(since="2015-08-07", until=date(2024, 8, 31)) == ["abc301_a", "two-sum"]
    assert ids(since="2023-05-14") == ["2831"]
    for window, message in (
        ({"since": "2030-01-01"}, "no task from 2030-01-01 to the end in it"),
        ({"until": "May"}, 'until is "May", but must be a day'),
    ):
        with pytest.raises(ProblemError, match=message):
            ids(**window)
    path.write_text(json.dumps(MBPP))
    with pytest.raises(ProblemError, match="no day in this task"):
        ids(since="2023-01-01")


def test_ids_choose_and_must_be_there(mixed: Path) -> None:
    chosen = load_dataset(mixed, ids=["APPS/8", "own/1"])
    assert [problem.task_id for problem in chosen] == ["APPS/8", "own/1"]
    with pytest.raises(ProblemError, match='no task "APPS/80" in it'):
        list(load_dataset(mixed, ids=["APPS/8", "APPS/80"]))


def test_files_may_be_gzipped_or_one_list(tmp_path: Path) -> None:
    rows = [{**PLAIN, "task_id": str(i), "prompt": "x" * 9000} for i in range(30)]
    listed = tmp_path / "list.json"
    listed.write_text("\n".join(["[", ",\n".join(map(json.dumps, rows)), "]"]))
    packed = tmp_path / "rows"
    packed.write_bytes(
        gzip.compress(b"\xef\xbb\xbf" + b"\n".join(json.dumps(r).encode() for r in rows))
    )
    first, second = list(load_dataset(listed)), list(load_dataset(packed))
    assert [problem.origin for problem in first] == [f"{listed}:{i + 2}" for i in range(30)]
    assert [replace(problem, origin="") for problem in first] == [
        replace(problem, origin="") for problem in second
    ]
    for text, message in (
        (f"[{json.dumps(PLAIN)},\n{{oops", "2: not JSON: Expecting property name"),
        (f"[{json.dumps(PLAIN)}]\n[{json.dumps(MBPP)}]", "2: text after the list"),
        (f"[{json.dumps(PLAIN)}\n{json.dumps(MBPP)}]", r"2: not JSON: expected \] and not {"),
        (f"[{json.dumps(PLAIN)}\n", "2: not JSON: expected ] and not the end of the file"),
        (f"[{json.dumps(PLAIN)}]\n" + " " * 70_000 + "]", "2: text after the list"),
    ):
        listed.write_text(text)
        loaded = load_dataset(listed, skip_bad=True)
        assert next(loaded).task_id == "own/1"
        with pytest.raises(ProblemError, match=rf"list\.json:{message}"):
            list(loaded)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ProblemError, match="rows: Compressed file ended"):
        list(load_dataset(packed))


def test_names(tmp_path: Path) -> None:
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(MBPP))
    environ = {"EGCA_DATA": str(tmp_path), "HOME": str(tmp_path)}
    assert [problem.task_id for problem in load_dataset("mbpp", environ)] == ["MBPP/2"]
    assert load_problem("MBPP/2", environ=environ).entry_point == "add"
    for name, message in (
        ("LiveCodeBench", "is not shipped: give its file's path, or put livecodebench.jsonl into"),
        ("livecodebanch", 'did you mean "LiveCodeBench"'),
        ("xyz", f"neither a file nor a data set; known are {', '.join(DATASETS)}"),
        (str(tmp_path / "no.jsonl"), "no such file"),
        (str(tmp_path), "is a directory"),
    ):
        with pytest.raises(ProblemError) as caught:
            list(load_dataset(name, environ))
        assert message in str(caught.value)


LOAD = "from egca.problems import load_dataset; print(len(list(load_dataset('MBPP+'))))"


def test_what_evalplus_has_downloaded_is_used(shared: Path, tmp_path: Path) -> None:
    """Once with the package, if it is there, and once as if it were not: the answer is the same."""
    folder = tmp_path / "evalplus"
    folder.mkdir()
    data = gzip.decompress((shared / "data/evalplus/MbppPlus.jsonl.gz").read_bytes())
    (folder / "MbppPlus-v0.2.0.jsonl").write_bytes(data)
    (folder / "MbppPlus-v0.1.9.jsonl").write_text("older")
    for prefix in ("", "import sys; sys.modules['evalplus'] = None; "):
        run = subprocess.run(
            [sys.executable, "-c", prefix + LOAD],
            capture_output=True,
            text=True,
            env={"PATH": "", "XDG_CACHE_HOME": str(tmp_path)},
            timeout=120,
        )
        assert run.stdout == "378\n", run.stderr


def test_without_evalplus_it_says_what_would_help(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['evalplus'] = None; " + LOAD],
        capture_output=True,
        text=True,
        env={"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        timeout=60,
    )
    assert "give its file's path, or set MBPP_OVERRIDE_PATH" in run.stderr
    assert 'pip install "egca[eval]"' in run.stderr


@pytest.mark.parametrize(("name", "count"), [("HumanEvalPlus", 164), ("MbppPlus", 378)])
def test_real_evalplus_files(shared: Path, name: str, count: int) -> None:
    problems = list(load_dataset(shared / f"data/evalplus/{name}.jsonl.gz"))
    assert len(problems) == count
    for problem in problems:
        names = [test.name for test in problem.tests]
        assert names[0] == "base 1"
        assert {name.split()[0] for name in names} <= {"base", "plus"}
        assert problem.comparison.atol > 0 or any(isinstance(t, Check) for t in problem.tests)


def examples(problem: Problem) -> list[Example]:
    found = [test for test in problem.tests if isinstance(test, Example)]
    assert len(found) == len(problem.tests)
    assert all(test.comparison in (None, Comparison()) for test in found)
    return found
