"""Samples, figures and journals of `egca eval`, without its command."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.errors import InputError, SandboxError
from egca.execution.expectations import GroundTruth
from egca.execution.sandbox import Sandbox
from egca.problems import Example, Problem, load_problem
from egca.types import Cause, TestResult, Verdict
from harness.evaluation import Plan, Result, Sample, estimate, evaluate, pass_at_k, read_samples
from harness.evaluation.journal import journal_in
from harness.evaluation.native import judged, result_of, unreadable
from harness.evaluation.results import Failed, summary
from harness.evaluation.samples import known_only

PROBLEM = load_problem("HumanEval/2")  # truncate_number(number)
BODY = "    return number % 1.0\n"
PROMPTED = PROBLEM.prompt + BODY


@given(
    st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n)))
)
def test_pass_at_k_is_the_share_of_draws_that_hold_a_pass(numbers):
    n, c, k = numbers
    draws = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_of_more_samples_than_there_are_is_refused():
    with pytest.raises(ValueError, match="pass@5"):
        pass_at_k(3, 1, 5)


def test_the_standard_error_is_over_problems():
    outcomes = [[True, True], [False, False], [True, False]]
    rate = estimate(outcomes, 1)
    assert rate is not None
    assert rate["value"] == pytest.approx(0.5)
    assert rate["stderr"] == pytest.approx(0.5 / 3**0.5)
    assert estimate(outcomes, 3) is None
    assert estimate(outcomes[2:], 1) == {"value": 0.5, "stderr": None}


def test_summary_counts_base_and_plus_apart():
    results = [
        Result(0, "a", True, True, "correct", "none", 0.1),
        Result(
            1,
            "b",
            True,
            False,
            "logic",
            "wrong_output",
            0.3,
            "",
            Failed("plus 1", "1", "2", "3", ""),
        ),
        Result(2, "c", False, False, "syntax", "exception:KeyError", 0.2),
    ]
    found = summary(results, [1], {"a", "b", "c"}, 5)
    assert found["n_passed_base"] == 2
    assert found["n_passed"] == 1
    assert found["pass_at_k"]["base"]["pass@1"]["value"] == pytest.approx(2 / 3)
    assert found["pass_at_k"]["plus"]["pass@1"]["value"] == pytest.approx(1 / 3)
    assert found["modes"] == {"correct": 1, "logic": 1, "syntax": 1}
    assert found["causes"] == {"wrong_output": 1, "exception:KeyError": 1}
    assert [row["task_id"] for row in found["slowest"]] == ["b", "c", "a"]
    assert (found["n_tasks"], found["n_tasks_in_dataset"]) == (3, 5)


def test_samples_for_no_task_count_in_no_pass_at_k():
    known = [Result(i, "a", True, None, "correct", "none", 0.1) for i in range(2)]
    others = [Result(2, "b", False, None, None, "unreadable", 0.0), replace(known[0], task_id="")]
    found = summary([*known, *others], [2], {"a"}, 5)
    assert found["pass_at_k"]["base"]["pass@2"] == {"value": 1.0, "stderr": None}
    assert (found["n_samples"], found["n_tasks"], found["n_without_task"]) == (4, 1, 2)


def test_a_result_survives_json():
    result = Result(
        3, "t", True, False, "logic", "timeout", 1.5, "late", Failed("a", "b", "c", "d", "e")
    )
    assert Result.of_row(json.loads(json.dumps(result.row()))) == result


@pytest.mark.parametrize(
    ("text", "is_continuation"),
    [
        (BODY, True),
        (PROBLEM.prompt + BODY, False),
        (f"Here you are:\n```python\n{PROBLEM.prompt}{BODY}```\nIt keeps the rest.", False),
        (f"```python\n{PROBLEM.prompt}{BODY}```", True),
        (f"def truncate_number(number):\n{BODY}", True),
        ('def truncate_number(number):\n    """\n    ```\n    x\n    ```\n    """\n' + BODY, False),
        (f"> ```python\n> def truncate_number(number):\n> {BODY}> ```\n", False),
        (f"\ufeffdef truncate_number(number):\n{BODY}", False),
        (f"\ufeff{BODY}", True),
        (f"\ufeffSo:\n```python\n{PROMPTED}```", False),
    ],
    ids=[
        "body",
        "whole",
        "fenced",
        "fenced completion",
        "function",
        "fence in a docstring",
        "quoted",
        "byte order mark",
        "body behind one",
        "fence behind one",
    ],
)
def test_the_program_of_a_sample(text: str, is_continuation: bool):
    program = Sample(0, "here", PROBLEM.task_id, text, is_continuation).program(PROBLEM)
    space: dict[str, object] = {}
    exec(program.source, space)
    assert space["truncate_number"](3.5) == 0.5  # type: ignore[operator]
    at = program.source.rindex("return number")
    start = text.rindex("return number")
    assert program.completion_range(at, at + 6) == (start, start + 6)


def test_lines_that_are_no_samples_are_named_and_kept_in_order(tmp_path: Path):
    path = tmp_path / "samples.jsonl"
    path.write_text(
        '{"task_id": "HumanEval/2", "completion": "pass"}\n'
        "not json\n"
        "\n"
        '{"task_id": "HumanEval/2"}\n'
        '{"completion": "x"}\n'
        '{"task_id": "HumanEval/2", "solution": null}\n'
        "[1]\n"
    )
    found = read_samples(path)
    assert [sample.index for sample in found] == [0, 1, 2, 3, 4, 5]
    assert [bool(sample.error) for sample in found] == [False, True, True, True, True, True]
    assert found[1].where == f"{path}:2"
    assert found[2].where == f"{path}:4"
    assert "solution is no text" in found[4].error


def test_a_file_without_any_sample_is_refused(tmp_path: Path):
    path = tmp_path / "samples.jsonl"
    path.write_text("")
    with pytest.raises(InputError, match="no samples in it"):
        read_samples(path)
    path.write_text("[]\n1\n")
    with pytest.raises(InputError, match=r"samples.jsonl:1: not a JSON object"):
        read_samples(path)
    with pytest.raises(InputError, match="no such file"):
        read_samples(tmp_path / "absent.jsonl")


def test_a_folder_of_programs(tmp_path: Path):
    (tmp_path / "HumanEval_2").mkdir()
    (tmp_path / "HumanEval_2" / "0.py").write_text("a = 1")
    (tmp_path / "HumanEval_3.py").write_text("b = 1")
    found = known_only(read_samples(tmp_path), {"HumanEval/2", "HumanEval/3"}, "HumanEval")
    assert [(s.task_id, s.text) for s in found] == [
        ("HumanEval/2", "a = 1"),
        ("HumanEval/3", "b = 1"),
    ]


def test_what_lies_beside_the_programs_of_a_folder(tmp_path: Path):
    for name in (".git/own_1/x.py", "own_1/0.py", "own_1/.cache/x.py", "README.md", "own_2.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbfa = 1")
    found = known_only(read_samples(tmp_path), {"own/1", "own/2"}, "set")
    assert [(s.task_id, s.text, s.error) for s in found] == [
        ("own/1", "a = 1", ""),
        ("own/2", "a = 1", ""),
    ]


def test_a_line_without_a_program_counts_for_its_task():
    samples = [Sample(0, "here", "own_1", error="no program"), Sample(1, "here", "own/1", "x")]
    assert [one.task_id for one in known_only(samples, {"own/1"}, "set")] == ["own/1", "own/1"]


@pytest.mark.parametrize(
    ("names", "passed"),
    [
        (("base 1", "plus 1"), (True, False)),
        (("base 1", "plus sign"), (False, None)),
        (("plus 1", "plus 2"), (False, None)),
        (("base 1", "base 2"), (False, None)),
    ],
)
def test_extra_tests_are_known_by_all_names(names: tuple[str, str], passed: tuple[bool, bool]):
    problem = Problem("own/1", "f", tuple(Example(name, (1,), expected=1) for name in names))
    results = [TestResult(name, not i, Cause.NONE) for i, name in enumerate(names)]
    verdict = Verdict(tuple(results), Cause.WRONG_OUTPUT)
    found = result_of(Sample(0, "here"), problem, verdict, 0.1)
    assert (found.passed_base, found.passed_plus) == passed


def test_the_input_of_a_script_is_that_of_the_test_that_failed():
    tests = tuple(Example("same name", stdin=text, expected="1") for text in ("first", "second"))
    results = [TestResult("same name", passed, Cause.NONE) for passed in (True, False)]
    verdict = Verdict(tuple(results), Cause.WRONG_OUTPUT)
    found = result_of(Sample(0, "here"), Problem("own/1", "", tests, kind="script"), verdict, 0.1)
    assert found.first_failure is not None
    assert found.first_failure.input == "'second'"


def test_a_sandbox_that_is_gone_is_no_verdict(tmp_path: Path):
    with Sandbox() as sandbox:
        pass
    sample = Sample(0, "here", PROBLEM.task_id, BODY, True)
    with pytest.raises(SandboxError, match="this sandbox is closed"):
        judged(sample, PROBLEM, sandbox, GroundTruth())


def test_samples_of_another_data_set_are_refused():
    samples = [Sample(0, "here:1", "Mbpp/2", "x"), Sample(1, "here:2", error="not JSON")]
    with pytest.raises(InputError, match='here:1: no task "Mbpp/2" in HumanEval'):
        known_only(samples, {"HumanEval/2"}, "HumanEval")
    mixed = known_only([*samples, Sample(2, "here:3", "HumanEval/2", "x")], {"HumanEval/2"}, "set")
    assert [bool(sample.error) for sample in mixed] == [True, True, False]


def test_a_journal_is_taken_over_only_where_nothing_changed(tmp_path: Path):
    journal = tmp_path / "journal"
    samples = tuple(Sample(i, "here", PROBLEM.task_id, BODY, True) for i in range(2))
    plan = Plan("HumanEval", samples)
    problems = {PROBLEM.task_id: PROBLEM}
    with journal_in(journal, False, problems, plan.call_s) as written:
        written.add(samples[0], unreadable(samples[0], "the process ended"))  # is not written down
        first = evaluate(plan, problems, written)
    assert [result.passed for result in first] == [True, True]
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    rows[0]["evidence"] = "from the journal"
    rows[1]["evidence"] = "from the journal"
    torn = json.dumps(rows[1])[:20]
    journal.write_text("".join(json.dumps(row) + "\n" for row in rows) + torn)
    changed = (samples[0], Sample(1, "here", PROBLEM.task_id, "    return 0\n", True))
    with journal_in(journal, True, problems, plan.call_s) as written:
        again = evaluate(Plan("HumanEval", changed), problems, written)
        assert written.left == 1
    assert again[0].evidence == "from the journal"
    assert not again[1].passed
