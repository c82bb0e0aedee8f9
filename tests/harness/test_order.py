"""References that nobody has run go first, once each; then what takes longest."""

from __future__ import annotations

from pathlib import Path

from egca.problems import Example, Problem
from harness.evaluation import Plan, Sample, evaluate
from harness.evaluation.native import Job
from harness.evaluation.order import Order, Times

REFERENCE = "def f(x):\n    return x * x\n"


def problem(task_id: str, *, is_written: bool = False) -> Problem:
    test = Example("base 1", (3,), expected=9) if is_written else Example("base 1", (3,))
    return Problem(task_id, "f", (test,), reference=REFERENCE)


def sample(index: int, of: Problem, text: str = REFERENCE) -> Sample:
    return Sample(index, "here", of.task_id, text)


def taken(order: Order) -> list[tuple[str, int | None]]:
    found = []
    while (job := order.next()) is not None:
        found.append((job.problem.task_id, None if job.sample is None else job.sample.index))
    return found


def test_tasks_that_were_met_go_by_their_time() -> None:
    short, long = problem("short"), problem("long")
    jobs = [Job(sample(0, short), short), Job(sample(1, long), long), Job(sample(2, long), long)]

    assert taken(Order(jobs, {"short": 0.1, "long": 3.0})) == [
        ("long", 1),
        ("long", 2),
        ("short", 0),
    ]


def test_a_new_task_has_its_reference_run_once_before_its_samples() -> None:
    new, met, written = problem("new"), problem("met"), problem("written", is_written=True)
    jobs = [Job(sample(i, of), of) for i, of in enumerate([met, new, new, written])]
    order = Order(jobs, {"met": 1.0})

    assert taken(order) == [("new", None), ("met", 0), ("written", 3)]
    order.reference_took("new", 2.0)
    assert taken(order) == [("new", 1), ("new", 2)]


def test_without_a_cache_no_reference_is_run_ahead() -> None:
    new = problem("new")

    assert taken(Order([Job(sample(0, new), new)], None)) == [("new", 0)]


def test_results_do_not_depend_on_what_is_remembered(tmp_path: Path) -> None:
    square, broken = problem("square"), Problem("broken", "f", (Example("base 1", (3,)),),
                                                reference="def f(x:\n")  # fmt: skip
    samples = (
        sample(0, square),
        sample(1, square, "def f(x):\n    return x + x\n"),
        sample(2, broken),
        sample(3, square, "def f(x):\n    return 9\n"),
    )
    problems = {"square": square, "broken": broken}
    found = {
        cache: [
            (result.passed, result.cause)
            for result in evaluate(Plan("set", samples, 2, cache=cache), problems)
        ]
        for cache in (tmp_path, None)
    }
    again = evaluate(Plan("set", samples, 2, cache=tmp_path), problems)

    assert found[tmp_path] == found[None] == [(result.passed, result.cause) for result in again]
    assert [passed for passed, _ in found[None]] == [True, False, False, True]
    assert len([*tmp_path.glob("*.truth")]) == 1


def test_times_of_a_file_that_somebody_has_broken(tmp_path: Path) -> None:
    times = Times(tmp_path, "set")
    times.note("a", 1.5)
    times.save()
    (path,) = tmp_path.iterdir()
    assert Times(tmp_path, "set").before == {"a": 1.5}
    for text, left in (
        ('{"a": null, "b": 2}', {"b": 2.0}),
        ("null", {}),
        ("[1]", {}),
        ("\udcff", {}),
    ):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert Times(tmp_path, "set").before == left
    assert Times(tmp_path, "\ud800").before == {}  # a name that no encoding has
