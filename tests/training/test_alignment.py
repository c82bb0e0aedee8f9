"""CodeRL+: exercises come from real traces, answers are graded strictly, the buffer survives."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import are_same, killed_and_resumed, timeless  # noqa: E402

from egca.execution import Sandbox  # noqa: E402
from egca.problems import Example, Problem  # noqa: E402
from egca.problems.generated import FAMILIES  # noqa: E402
from egca.training import checkpoint  # noqa: E402
from egca.training.alignment import (  # noqa: E402
    Exercise,
    Grade,
    exercise_of,
    graded,
    plain_prompt,
    reward_of,
)
from egca.training.config import Model, load_config  # noqa: E402
from egca.training.held import Asked, Held, held_after  # noqa: E402
from egca.training.metrics import read_metrics  # noqa: E402
from egca.training.policy import load_policy  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.types import Program  # noqa: E402

SOURCE = """\
def f(values):
    total = 0
    kept = []
    for x in values:
        total += x
        kept.append(x)
        last = (x, total)
    return helper(last)

def helper(last):
    secret = 99
    return last[0] / (secret - 99)
"""


@pytest.fixture(scope="module")
def problem() -> Problem:
    return FAMILIES["easy"].task("train", 1_000_000).problem


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as opened:
        yield opened


def with_input(problem: Problem, *inputs: object) -> Problem:
    tests = tuple(Example(f"t{i}", (value,)) for i, value in enumerate(inputs))
    return replace(problem, tests=tests)


def test_answers_are_what_the_interpreter_says(problem, sandbox) -> None:
    held = held_after(Program(SOURCE), with_input(problem, [3, 4]), sandbox, None, Asked(3))
    assert held is not None
    assert held.call == "f([3, 4])"
    # kept is changed in place after its last assignment, secret is another function's variable
    assert held.values == (("last", "(4, 7)"), ("total", "7"), ("x", "4"))
    namespace: dict[str, object] = {}
    probe = SOURCE.replace("    return helper(last)", "    return last, total, x")
    exec(probe, namespace)
    assert [repr(value) for value in namespace["f"]([3, 4])] == [text for _, text in held.values]


UNSURE = {
    "changed under another name": "a = []\n    b = a\n    a.append(1)",
    "changed by what it was given to": "b = [1]\n    v.extend(b)\n    (lambda w: w.append(7))(b)",
    "an element changed": "row = [0]\n    grid = [row]\n    row[0] = 5",
    "elements changed in a loop": "m = [[1], [2]]\n    for r in m:\n        r.append(0)",
    "sorted under another name": "y = v\n    v.sort()",
    "set by an inner function": "k = 1\n    def h():\n        nonlocal k\n        k = 8\n    h()",
    "bound by a def": "k = 1\n    def k(): pass",
    "bound by an import": "k = 1\n    import math as k",
    "gone behind its handler": "k = 1\n    try: 1 / 0\n    except Exception as k: pass",
    "deleted": "k = 1\n    del k",
    "of a comprehension too": "i = 9\n    print([i for i in v])",
    "another target fails first": "try: v[9] = a = 3\n    except IndexError: pass",
    "another value fails": "try: a, b = 1, v[9]\n    except IndexError: pass",
}


@pytest.mark.parametrize("body", UNSURE.values(), ids=UNSURE)
def test_a_value_that_is_not_sure_makes_no_exercise(body: str, problem, sandbox) -> None:
    source = f"def f(v):\n    {body}\n    return 0\n"
    assert held_after(Program(source), with_input(problem, [3, 1]), sandbox, None, Asked(3)) is None


def test_names_of_a_loop_hold_their_parts(problem, sandbox) -> None:
    source = "def f(v):\n    i = 9\n    for i, (a, b) in enumerate(v):\n        pass\n"
    pairs = with_input(problem, [(1, 2), (3, 4)])
    held = held_after(Program(source), pairs, sandbox, None, Asked(3))
    assert held is not None
    assert held.values == (("b", "4"), ("a", "3"), ("i", "1"))


def test_the_call_under_test_is_asked_about_and_no_other(problem, sandbox) -> None:
    """Not one that the program makes while it is loaded, nor one that it makes of itself."""
    source = (
        "def g():\n    t = 5\n    return t\n\n"
        "def f(v):\n    n = len(v)\n    s = f(v[1:]) if n else 0\n    m = s + n\n    return m\n\n"
        "T = g() + f([1])\n"
    )
    held = held_after(Program(source), with_input(problem, [7, 8]), sandbox, None, Asked(3))
    assert held is not None
    assert held.values == (("m", "3"), ("s", "1"))  # n was assigned last in an inner call


def test_the_first_input_or_the_longest(problem, sandbox) -> None:
    both = with_input(problem, [], [1, 2])
    first = held_after(Program(SOURCE), both, sandbox, None, Asked(2))
    longest = held_after(Program(SOURCE), both, sandbox, None, Asked(2, takes_longest=True))
    assert (first and first.call, longest and longest.call) == ("f([])", "f([1, 2])")


@pytest.mark.parametrize("source", ["def f(v):\n    while True:\n        v = 1\n", "def f(:\n"])
def test_a_run_that_does_not_end_gives_no_exercise(source, problem, sandbox) -> None:
    limits = replace(sandbox.limits, call_s=0.2)
    assert held_after(Program(source), with_input(problem, [1]), sandbox, limits, Asked(3)) is None


EXERCISE = Exercise("t", (1,), (("a", "12"), ("b", "[1, 'x']")), is_plain=False)


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ('a is twelve.\n{"a": "12", "b": "[1, \'x\']"}', Grade(True, 2)),
        ('{"a": "12", "b": "[1,  \\"x\\"]"}\n', Grade(True, 2)),
        ('{"a": "12.0", "b": "?"}', Grade(True, 0)),
        ('{"a": "12"}', Grade(False, 0)),
        ('{"a": 12, "b": "[1, \'x\']"}', Grade(False, 0)),
        ('{"a": "12", "b": "[1, \'x\']"} done', Grade(False, 0)),
        ("", Grade(False, 0)),
    ],
)
def test_answers_are_graded_strictly(text, grade) -> None:
    assert graded(text, EXERCISE) == grade


def test_the_two_rewards() -> None:
    assert reward_of(Grade(True, 3), 3, "paper") == 1.0
    assert reward_of(Grade(True, 3), 3, "released") == pytest.approx(0.1 + 0.9 * 3 / 4)
    assert reward_of(Grade(True, 0), 3, "paper") == 0.1
    assert reward_of(Grade(False, 0), 3, "paper") == 0.0


def test_a_plain_exercise_is_one_that_the_student_can_say(student: Path) -> None:
    policy = load_policy(Model(name=str(student)), "cpu")
    body = "    total = 0\n    for x in values:\n        total += x\n    return total\n"
    source = f"def f(values):\n{body}"
    held = Held(source, "f([3, 4])", (("total", "7"), ("x", "4")))
    made = exercise_of("t", held, policy, "plain", 128)
    assert made is not None
    assert policy.decode(made.prompt) == plain_prompt(held)
    assert plain_prompt(held).endswith("    return total\n    total =")
    assert graded(" 7\n", made) == Grade(True, 1)
    assert graded(" 8", made) == Grade(True, 0)
    assert graded(" 7\n    return total\n", made) == Grade(False, 0)
    assert exercise_of("t", held, policy, "plain", 20) is None
    unsayable = Held(source, "f('JX')", (("total", "7"),))
    assert exercise_of("t", unsayable, policy, "plain", 128) is None


def test_exercises_are_mixed_in_once_the_buffer_is_full_and_survive_a_kill(
    options, tmp_path: Path
) -> None:
    changes = {
        "alignment.share": 0.5, "alignment.fill": 3, "alignment.input": "longest",
        "rollout.prompts_per_step": 4, "optimizer.learning_rate": 1e-4, "steps": 4,
        "credit.strategy": "uniform",  # a search for places has a budget of seconds
    }  # fmt: skip
    config = load_config("tiny", changes={**options, **changes})
    train(config, tmp_path / "whole")
    lines = read_metrics(tmp_path / "whole" / "metrics.jsonl")
    mixed = ["alignment_reward" in line for line in lines]
    assert mixed[0] is False
    assert any(mixed)
    for before, is_mixed in zip(lines, mixed[1:], strict=False):
        assert is_mixed == (before["exercises_kept"] >= 3)
    for step, is_mixed in enumerate(mixed):
        packed = (tmp_path / "whole" / "samples" / f"step-{step:06d}.jsonl.gz").read_bytes()
        programs = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
        assert len(programs) == (2 if is_mixed else 4) * 6  # half of the prompts are exercises

    killed_and_resumed(config, tmp_path / "killed", 3)
    assert timeless(tmp_path / "killed") == timeless(tmp_path / "whole")
    mine, theirs = (checkpoint.load_last(tmp_path / n / "checkpoints") for n in ("killed", "whole"))
    assert mine["processes"][0]["rollouts"] == theirs["processes"][0]["rollouts"]
    assert are_same(mine["policy"]["weights"], theirs["policy"]["weights"])
