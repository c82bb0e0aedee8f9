"""What is remembered of a reference, in memory and in files, and how light verdicts use it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from egca.errors import ProblemError
from egca.execution import Sandbox
from egca.execution.answers import LARGE_BYTES, Answer
from egca.execution.expectations import GroundTruth
from egca.execution.judging import judge
from egca.execution.truth_files import load_answers, save_answers
from egca.execution.wire import pack
from egca.problems import Example, Problem
from egca.types import Cause, Comparison, Failure

BIG = "def f(n):\n    return list(range(n * 20_000))\n"
PROBLEM = Problem("p", "f", (Example("one", (1,)), Example("two", (2,))), reference=BIG)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


def test_large_values_are_the_same_by_their_digest(sandbox: Sandbox):
    truth = GroundTruth(is_light=True)
    verdict = judge(PROBLEM, BIG, sandbox=sandbox, truth=truth)
    assert verdict.passed
    expected = truth.expected(PROBLEM, sandbox, sandbox.limits)
    assert expected.answers[0].digest is not None
    assert expected.answers[0].data is None
    assert expected.value(0) == list(range(20_000))


def test_a_large_value_that_differs_is_fetched_and_shown(sandbox: Sandbox):
    wrong = BIG.replace("list(", "[0] + list(")
    verdict = judge(PROBLEM, wrong, sandbox=sandbox, truth=GroundTruth(is_light=True))
    failing = verdict.first_failure
    assert failing is not None
    assert failing.cause is Cause.WRONG_OUTPUT
    assert failing.actual.value[:3] == [0, 0, 1]
    assert failing.expected == list(range(20_000))


def test_a_large_value_of_another_form_is_still_equal(sandbox: Sandbox):
    floats = BIG.replace("range(", "map(float, range(").replace("0)", "0))")
    problem = replace(PROBLEM, comparison=Comparison(atol=1e-6))
    assert judge(problem, floats, sandbox=sandbox, truth=GroundTruth(is_light=True)).passed


def test_the_first_answer_counts_although_a_second_would_be_right(sandbox: Sandbox):
    twice = (
        "n_calls = 0\n"
        "def f(n):\n"
        "    global n_calls\n"
        "    n_calls += 1\n"
        "    return list(range(n * 20_000 - (n_calls == 1)))\n"
    )
    verdict = judge(PROBLEM, twice, sandbox=sandbox, truth=GroundTruth(is_light=True))
    assert [result.passed for result in verdict.results] == [False, True]


def test_a_forged_digest_is_no_pass(sandbox: Sandbox):
    forged = (
        "import sys\n"
        "def f(n):\n"
        "    program = sys.modules['egca.execution.program']\n"
        "    program.digest_of = lambda data: b'0' * 32\n"
        "    return list(range(n * 20_000 + 1))\n"
    )
    verdict = judge(PROBLEM, forged, sandbox=sandbox, truth=GroundTruth(is_light=True))
    assert not verdict.passed


def test_light_results_that_pass_have_no_values(sandbox: Sandbox):
    small = Problem("p", "f", (Example("one", (1,)),), reference="def f(n):\n    return [n]\n")
    light = judge(small, small.reference or "", sandbox=sandbox, truth=GroundTruth(is_light=True))
    full = judge(small, small.reference or "", sandbox=sandbox)
    assert (light.results[0].actual.value, full.results[0].actual.value) == (None, [1])


def test_answers_outlive_the_process(tmp_path: Path, sandbox: Sandbox):
    first = GroundTruth(tmp_path)
    first.expected(PROBLEM, sandbox, sandbox.limits)
    (path,) = tmp_path.glob("*.truth")
    stamp = path.stat().st_mtime_ns
    known = GroundTruth(tmp_path).expected(PROBLEM, sandbox, sandbox.limits)
    assert known.value(1) == list(range(40_000))
    assert path.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x93\xa1x\xc2\x90", None])
def test_a_file_of_something_else_is_made_again(tmp_path: Path, sandbox: Sandbox, content):
    GroundTruth(tmp_path).expected(PROBLEM, sandbox, sandbox.limits)
    (path,) = tmp_path.glob("*.truth")
    path.write_bytes(path.read_bytes()[:-5] if content is None else content)
    expected = GroundTruth(tmp_path).expected(PROBLEM, sandbox, sandbox.limits)
    assert expected.value(0) == list(range(20_000))
    assert load_answers(path, 2) is not None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, sandbox: Sandbox):
    folder = tmp_path / "file"
    folder.write_text("in the way")
    assert judge(PROBLEM, BIG, sandbox=sandbox, truth=GroundTruth(folder)).passed


def test_a_timeout_of_the_reference_is_not_written(tmp_path: Path, sandbox: Sandbox):
    slow = "import time\ndef f(n):\n    time.sleep(n - 1)\n    return n\n"
    limits = replace(sandbox.limits, call_s=0.05, program_s=1.0)
    problem = replace(PROBLEM, reference=slow)
    expected = GroundTruth(tmp_path).expected(problem, sandbox, limits)
    assert expected.is_skipped(1)
    assert not list(tmp_path.iterdir())


def test_what_a_reference_did_not_answer_in_time_is_asked_again_with_more(sandbox: Sandbox):
    slow = "import time\ndef f(n):\n    if n == 1: time.sleep(0.4)\n    return n + 1\n"
    problem = replace(PROBLEM, reference=slow)
    wrong = "def f(n):\n    return n + 1 if n == 2 else 99\n"
    truth = GroundTruth()
    hasty = replace(sandbox.limits, call_s=0.05, program_s=0.2)
    for _ in range(2):
        assert judge(replace(problem), wrong, sandbox=sandbox, limits=hasty, truth=truth).passed
    verdict = judge(replace(problem), wrong, sandbox=sandbox, truth=truth)
    assert [result.passed for result in verdict.results] == [False, True]
    assert (
        judge(replace(problem), wrong, sandbox=sandbox, limits=hasty, truth=truth).passed is False
    )


@pytest.mark.parametrize("by_test", [True, False])
def test_a_value_without_data_is_an_answer_where_only_presence_counts(
    tmp_path: Path, sandbox: Sandbox, by_test: bool
):
    reference = "import re\ndef f(x):\n    return re.match('x', x)\n"
    view = Comparison(view="is_not_none")
    test = Example("one", ("x",), comparison=view if by_test else None)
    whole = Comparison() if by_test else view
    problem = Problem("p", "f", (test,), reference=reference, comparison=whole)
    for truth in (GroundTruth(tmp_path), GroundTruth(tmp_path, is_light=True)):
        assert judge(problem, reference, sandbox=sandbox, truth=truth).passed
        nothing = judge(problem, "def f(x):\n    return None\n", sandbox=sandbox, truth=truth)
        assert nothing.cause is Cause.WRONG_OUTPUT
        plain = replace(problem, tests=(replace(test, comparison=Comparison(view="list")),))
        with pytest.raises(ProblemError, match="gives no answer"):
            judge(plain, reference, sandbox=sandbox, truth=truth)


def test_every_kind_of_answer_survives_its_file(tmp_path: Path):
    answers = (
        Answer(b"\x01", seconds=0.5, stdout="said"),
        Answer(digest=b"d" * 32),
        Answer(failure=Failure(Cause.EXCEPTION, "KeyError", "'k'")),
    )
    path = tmp_path / "new" / "a.truth"
    save_answers(path, answers, True)
    assert load_answers(path, 3) == (answers, True)
    for failure in ([], ["exception"], {}, ["no such cause", "", ""]):
        damaged = tmp_path / "damaged.truth"
        damaged.write_bytes(pack(["egca.truth/1", False, [[None, None, failure, "", 0.5]]]))
        assert load_answers(damaged, 1) is None
    assert load_answers(path, 2) is None
    assert LARGE_BYTES > 1024
