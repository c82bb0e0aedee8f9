"""Places that are looked for before the group that they belong to is complete."""

from __future__ import annotations

import pytest

from egca.credit import find_strategy, options_from
from egca.problems import Example, Problem
from egca.training.ahead import Ahead
from egca.training.assessment import Bench, Job, Judged, Rules, task_of
from egca.training.crediting import Crediting
from egca.training.places import Places

SOURCE = "def f(x):\n    y = x + 1\n    return y * 2\n"
WRONG = SOURCE.replace("x + 1", "x - 1")
WRONG_TOO = SOURCE.replace("y * 2", "y * 3")
PROBLEM = Problem(
    "t/0", "f", tuple(Example(f"t{i}", (i,), expected=2 * i + 2) for i in range(1, 5)),
    reference=SOURCE,
)  # fmt: skip


@pytest.fixture
def bench():
    with Bench(Rules(), 1) as found:
        yield found


def crediting_of(rule, reward=None):
    return Crediting(find_strategy(rule), options_from({}), "std", "statement", reward)


def answers_of(bench, ahead, *programs, group=0, task=None):
    """Everything that is found out once these programs are judged, one after the other."""
    task = task or task_of(PROBLEM, None)
    found = []
    for program in programs:
        job = Job(task, program)
        bench.request(job)
        ahead.add(group, job)
        while bench._crew.n_open:
            taken = bench.collect(None)
            ahead.note(taken)
            found += taken
    return [(job.completion, type(answer)) for job, answer in found]


def test_places_are_asked_for_once_another_has_passed(bench):
    found = answers_of(bench, Ahead(bench, crediting_of("egca")), WRONG, SOURCE, WRONG_TOO)
    assert found == [
        (WRONG, Judged), (SOURCE, Judged), (WRONG, Places), (WRONG_TOO, Judged), (WRONG_TOO, Places)
    ]  # fmt: skip


def test_what_has_passed_in_one_group_says_nothing_of_another(bench):
    ahead = Ahead(bench, crediting_of("egca"))
    other = task_of(Problem("t/1", "f", PROBLEM.tests[:2], reference=SOURCE), None)
    assert answers_of(bench, ahead, SOURCE) == [(SOURCE, Judged)]
    assert answers_of(bench, ahead, WRONG, group=1, task=other) == [(WRONG, Judged)]


@pytest.mark.parametrize(
    ("rule", "reward"),
    [("uniform", None), ("egca", "fraction")],
    ids=["no places", "a reward that others may fall short of"],
)
def test_nothing_is_localized_in_vain(bench, rule, reward):
    ahead = Ahead(bench, crediting_of(rule, reward))
    half = "def f(x):\n    if x < 3:\n        return 2 * x + 2\n    return 0\n"
    found = answers_of(bench, ahead, SOURCE, half)
    assert found == [(SOURCE, Judged), (half, Judged)]
