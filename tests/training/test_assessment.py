"""Verdicts and places as the trainer asks for them, from processes of their own."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "debuggers"))
from scripted import scripted_server

from egca.credit import Need
from egca.localization.tame import is_tame_source
from egca.problems import Example, Problem
from egca.structure import ConstraintSet
from egca.training.assessment import Bench, Job, Rules, task_of
from egca.types import Cause, Mode

SOURCE = """\
def f(values):
    total = 0
    for x in values:
        if x > 2:
            total += x
    return total
"""
PROBLEM = Problem(
    "t/0", "f",
    tuple(Example(f"t{i}", ([*range(i)],), expected=sum(range(3, i))) for i in range(6)),
    reference=SOURCE,
)  # fmt: skip
LOCATION = frozenset({Need.LOCATION})


@pytest.fixture(scope="module")
def bench():
    with Bench(Rules(), 1) as found:
        yield found


@pytest.fixture
def task():
    return task_of(PROBLEM, None)


def text_at(completion, place):
    return completion[slice(*place)]


def test_a_process_that_is_killed_costs_no_verdict(task):
    with Bench(Rules(), 1) as bench:
        job = Job(task, SOURCE)
        bench.request(job)
        (worker,) = bench._crew._workers
        worker.process.kill()
        judged = bench.judged(job)
    assert judged.passed
    assert not judged.error


def test_an_exception_has_its_place_from_the_verdict(bench, task):
    completion = SOURCE.replace("total += x", "total += x.y")
    bench.request(Job(task, completion))
    judged = bench.judged(Job(task, completion))
    assert (judged.mode, judged.cause) == (Mode.SYNTAX, Cause.EXCEPTION)
    assert text_at(completion, judged.raised[0]) == "total += x.y"
    assert text_at(completion, judged.raised[1]) == "x.y"
    job = Job(task, completion, LOCATION)
    bench.request(job)
    assert bench._crew.n_open == 0  # known without another run
    places = bench.places(job)
    assert (places.statement, places.expression) == judged.raised
    assert places.proof == "raise"


def test_what_does_not_compile_has_the_place_of_the_compiler(bench, task):
    completion = SOURCE.replace("total = 0", "total = = 0")
    bench.request(Job(task, completion))
    assert bench.judged(Job(task, completion)).cause is Cause.COMPILE
    job = Job(task, completion, LOCATION)
    bench.request(job)
    assert "=" in text_at(completion, bench.places(job).expression)


@pytest.mark.parametrize("needs", [LOCATION, LOCATION | {Need.REPAIR, Need.STATEMENTS}])
def test_places_without_traces(bench, task, needs):
    completion = f"Here it is:\n\n```python\n{SOURCE.replace('x > 2', 'not x <= 1')}```\n"
    job = Job(task, completion, frozenset(needs))
    bench.request(job)
    places = bench.places(job)
    assert text_at(completion, places.statement) == "if not x <= 1:"
    assert text_at(completion, places.expression) == "not x <= 1"
    assert places.proof == "edit"
    assert (places.repair is not None) == (Need.REPAIR in needs)
    assert len(places.statements) == (6 if Need.STATEMENTS in needs else 0)
    if places.repair is not None:
        place, text = places.repair
        assert (text_at(completion, place), text) == ("not x <= 1", "x > 2")


def test_places_with_traces(bench, task):
    completion = SOURCE.replace("x > 2", "x > 3")
    job = Job(task, completion, frozenset({*LOCATION, Need.LATE, Need.STEPS, Need.EXECUTED}))
    bench.request(job)
    places = bench.places(job)
    assert text_at(completion, places.statement) == "if x > 3:"
    assert None not in (places.late, places.executed, places.dies_at)


def test_a_name_that_begins_like_a_keyword_is_executed_only_where_it_is(bench, task):
    dead = "            passed = breaks = x\n            break\n"
    completion = SOURCE.replace("        if x > 2:", f"        if x > 99:\n{dead}        if x > 3:")
    job = Job(task, completion, frozenset({Need.EXECUTED}))
    bench.request(job)
    executed = [text_at(completion, place) for place in bench.places(job).executed]
    assert "if x > 99:" in executed
    assert "break" in executed  # leaves no event, so nothing is known of it
    assert "passed = breaks = x" not in executed


def test_what_traces_tell_needs_no_search(bench, task):
    completion = SOURCE.replace("x > 2", "x > 3")
    asked = [
        frozenset({Need.EXECUTED, Need.LATE}),
        frozenset({Need.EXECUTED, Need.LATE, *LOCATION}),
    ]
    jobs = [Job(task, completion, needs) for needs in asked]
    for job in jobs:
        bench.request(job)
    traced, searched = map(bench.places, jobs)
    assert (searched.proof, traced.proof) == ("edit", "branch")  # only one tried edits
    assert (traced.executed, traced.late) == (searched.executed, searched.late)


def test_what_traces_tell_is_no_question_for_a_model(bench, task, tmp_path, monkeypatch):
    pytest.importorskip("openai", reason='needs the extra "llm"')
    completion = SOURCE.replace("x > 2", "x > 3")
    traced = frozenset({Need.EXECUTED, Need.LATE, Need.UNCONFIRMED})
    plain = Job(task, completion, traced)
    bench.request(plain)
    by_trace = bench.places(plain)
    answer = {"line": 4, "reason": "off by one", "confidence": 0.9}
    with scripted_server([answer]) as server:
        monkeypatch.setenv("EGCA_BASE_URL", server.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        with Bench(Rules("llm:openai:scripted"), 1) as asking:
            asking.request(plain)
            assert asking.places(plain) == by_trace
            assert server.requests == []
            both = Job(task, completion, traced | LOCATION)
            asking.request(both)
            found = asking.places(both)
    assert len(server.requests) == 1
    assert text_at(completion, found.statement) == "if x > 3:"
    assert (found.executed, found.late) == (by_trace.executed, by_trace.late)
    assert not found.fell_back


def test_an_exception_is_no_question_for_a_model(task, monkeypatch):
    """T_err is by compiler or traceback; a model is asked about wrong outputs."""
    with scripted_server(["nothing"]) as server:
        monkeypatch.setenv("EGCA_BASE_URL", server.url)
        with Bench(Rules("llm:openai:scripted"), 1) as asking:
            for right, wrong in (("total += x", "total += x.y"), ("total = 0", "total = = 0")):
                completion = SOURCE.replace(right, wrong)
                judged, job = Job(task, completion), Job(task, completion, LOCATION)
                asking.request(judged)
                raised = asking.judged(judged).raised
                asking.request(job)
                assert asking.places(job).statement == raised[0]
        assert server.requests == []


def test_another_algorithm_is_searched(bench, task):
    completion = "def f(values):\n    return sum(x for x in values if x > 3)\n"
    job = Job(task, completion, LOCATION)
    bench.request(job)
    assert text_at(completion, bench.places(job).statement).startswith("return sum")


GREEDY = {
    "memory": ("def f(values):\n    return [0] * 10**12\n", Cause.MEMORY),
    "depth": ("def f(values):\n    return f(values)\n", Cause.EXCEPTION),
    "no end": (SOURCE.replace("= 0", "= 0\n    while not total:\n        pass"), Cause.TIMEOUT),
    "one long call": ("def f(values):\n    return 7 ** (7 ** 9)\n", Cause.TIMEOUT),
    "output": ("def f(values):\n    print('x' * 10**8)\n", Cause.OUTPUT_LIMIT),
}


@pytest.mark.parametrize(("source", "cause"), GREEDY.values(), ids=GREEDY.keys())
def test_a_plain_program_harms_only_itself(bench, task, source, cause):
    """Its child is that of the programs before and behind it."""
    assert is_tame_source(source)
    assert is_tame_source(SOURCE)
    jobs = [Job(task, text) for text in (SOURCE + f"# {cause}\n", source, SOURCE)]
    for job in jobs:
        bench.request(job)
    found = [bench.judged(job) for job in jobs]
    assert [judged.cause for judged in found] == [Cause.NONE, cause, Cause.NONE]
    bench.forget()


SEARCHED = "def f(values):\n    return sum(x for x in values if x > 3)\n"  # built in another way


@pytest.mark.parametrize("source", [source for source, _ in GREEDY.values()], ids=GREEDY.keys())
def test_a_searched_program_harms_only_itself(bench, task, source):
    """Plain programs are traced and searched one after another in the same two children."""
    assert is_tame_source(SEARCHED)
    assert is_tame_source(source)
    jobs = [Job(task, text, LOCATION) for text in (SEARCHED, source, SEARCHED + "\n")]
    for job in jobs:
        bench.request(job)
    first, greedy, again = map(bench.places, jobs)
    assert text_at(SEARCHED, first.statement).startswith("return sum")
    assert first.proof == "edit"
    assert again == first
    assert greedy.statement is not None
    bench.forget()


def test_a_searched_program_leaves_nothing_for_the_next(bench, task):
    """The second reads a list that only the first has at its top."""
    first = "memory = [0]\ndef f(values):\n    return sum(values) + memory[0]\n"
    second = SEARCHED.replace("x > 3)", "x > 3) + memory[0]")
    jobs = [Job(task, text, LOCATION) for text in (first, second)]
    for job in jobs:
        bench.request(job)
    found = bench.places(jobs[1])
    with Bench(Rules(), 1) as fresh:
        fresh.request(jobs[1])
        assert fresh.places(jobs[1]) == found
    bench.forget()


def test_a_task_is_one_object_in_a_process(task):
    other = task_of(PROBLEM, ConstraintSet())
    jobs = [Job(one, text) for one in (task, other) for text in (SOURCE, SEARCHED)]
    first, again, *others = (pickle.loads(pickle.dumps(job)) for job in jobs)
    assert first.task is again.task
    assert first == jobs[0]
    assert [job.task for job in others] == [other, other]
    assert others[0].task.problem is not first.task.problem


def test_a_plain_program_leaves_nothing_for_the_next(bench, task):
    first = "memory = [7]\ndef f(values):\n    memory.append(values)\n    return sum(values)\n"
    second = "def f(values):\n    return memory[0]\n"
    jobs = [Job(task, text) for text in (first, second, "def f(values, m=[]):\n    return 0\n")]
    for job in jobs:
        bench.request(job)
    causes = [bench.judged(job).cause for job in jobs]
    assert causes == [Cause.WRONG_OUTPUT, Cause.EXCEPTION, Cause.WRONG_OUTPUT]
    bench.forget()


def test_what_the_compiler_thinks_of_a_program_is_not_printed(task, capfd):
    job = Job(task, SOURCE.replace("total += x", "total += 1 if x else 'x'(x)"))
    with Bench(Rules(), 1) as bench:
        for asked in (job, Job(task, job.completion, LOCATION)):
            bench.request(asked)
        assert not bench.judged(job).passed
        assert bench.places(Job(task, job.completion, LOCATION)).statement
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "completion",
    [
        SOURCE,
        SOURCE.replace("x > 2", "x > 3"),  # right on the first tests
        SOURCE.replace("return total", "return -total"),
        SOURCE.replace("total = 0", "total = values[0]"),  # raises on the first test
        "import nothing_of_this_name",
        "def f(:",
    ],
)
@pytest.mark.parametrize("n_public", [0, 3, 5])
def test_a_report_is_that_of_the_tests_judged_apart(bench, completion, n_public):
    tests = PROBLEM.tests
    parts = [replace(PROBLEM, tests=(one,)) for one in tests[:n_public]]
    parts += [PROBLEM, replace(PROBLEM, tests=tests[n_public:])]
    asked = [Job(task_of(one, None), completion) for one in parts]
    job = Job(task_of(PROBLEM, None), completion, n_public=n_public)
    for one in (job, *asked):
        bench.request(one)
    *public, whole, private = (bench.judged(one) for one in asked)
    report = bench.report(job)
    assert report.passes_private == private.passed
    assert replace(report.judged, share=0.0) == replace(whole, share=0.0)
    assert report.judged.share >= whole.share
    if n_public:
        said = [one.evidence for one in public if not one.passed]
        assert list(report.said) == list(dict.fromkeys(said))
