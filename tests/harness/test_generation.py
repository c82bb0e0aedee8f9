"""Lines of samples: what is judged, what a prompt gets, what a resumed run keeps and refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from egca.errors import InputError, ProblemError, PromptError
from egca.execution import Sandbox
from egca.execution.judging import judge
from egca.problems import Problem, chosen, load_dataset
from egca.prompts import load_prompt, parse_prompt
from egca.providers import Reply, Sampling
from egca.structure import ConstraintSet, extract_constraints, gate, messages_of
from egca.types import Mode
from harness.generation import (
    Recipe,
    done_before,
    line_of,
    record_run,
    sample_seed,
)

RECIPE = Recipe("smollm2", load_prompt("generation@v1"), Sampling(0.5, stop=("\nclass",)), n=2)


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return chosen(load_dataset("HumanEval"), [], 4)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def replied(text: str) -> Reply:
    return Reply(text, "stop", 10, 20, "smollm2", 0.12345)


def body_of(problem: Problem) -> str:
    assert problem.reference is not None
    return problem.reference.removeprefix(problem.prompt)


REPLIES = {
    "markdown": "Here it is:\n\n```python\n{reference}\n```\n\nIt works by `magic`.",
    "markdown of the body": "```\n{body}\n```",
    "the program alone": "{reference}",
    "the body alone": "{body}",
    "two blocks": "```sh\npip install x\n```\nThen\n```python\n{reference}\n```",
}


def test_a_sample_carries_the_constraints_that_its_prompt_showed(problems, sandbox) -> None:
    recipe = Recipe("m", load_prompt("generation-with-constraints"), Sampling())
    known = {one.task_id: extract_constraints(one) for one in problems}
    (message,) = messages_of(recipe.prompt, problems[0], known["HumanEval/0"])[1:]
    for sentence in known["HumanEval/0"].sentences():
        assert f"- {sentence}\n" in message.content
    made = line_of(recipe, problems[0], 0, replied("import os"), known["HumanEval/0"])
    line = json.loads(json.dumps(made))
    assert line["constraints_by"] == "trace"
    kept = ConstraintSet.from_dict(line["constraints"])
    assert kept == known["HumanEval/0"]
    source = f"import socket\n{problems[0].reference}"
    verdict = judge(problems[0], source, sandbox=sandbox)
    name = problems[0].entry_point
    assert gate(verdict, source, None, kept, entry_point=name).mode is Mode.CONSTRAINT
    assert "constraints" not in line_of(RECIPE, problems[0], 0, replied("x"))


@pytest.mark.parametrize("form", REPLIES)
def test_a_right_reply_in_any_form_is_judged_right(form, problems, sandbox) -> None:
    for problem in problems:
        text = REPLIES[form].format(reference=problem.reference, body=body_of(problem))
        line = line_of(RECIPE, problem, 0, replied(text))
        assert line["raw"] == text
        assert judge(problem, line["solution"], sandbox=sandbox).passed
        assert "completion" not in line  # EvalPlus would put the prompt in front of it


def test_a_line_says_how_it_was_made(problems) -> None:
    line = json.loads(json.dumps(line_of(RECIPE, problems[1], 1, replied("x = 1\udcff"))))
    assert list(line)[:4] == ["task_id", "sample", "solution", "raw"]
    assert (line["task_id"], line["sample"]) == ("HumanEval/1", 1)
    assert (line["model"], line["prompt"]) == ("smollm2", "generation@v1")
    assert line["prompt_sha256"] == RECIPE.prompt.digest
    assert line["sampling"]["stop"] == ["\nclass"]
    assert (line["finish_reason"], line["prompt_tokens"], line["completion_tokens"]) == (
        "stop",
        10,
        20,
    )


def test_a_prompt_gets_the_inputs_that_it_names(problems) -> None:
    asked = messages_of(RECIPE.prompt, problems[0])
    assert problems[0].prompt in asked[-1].content
    assert "the function `has_close_elements`" in asked[-1].content
    method = replace(problems[0], entry_point="Solution.add", kind="method")
    assert (
        "the class `Solution` with its method `add`"
        in messages_of(RECIPE.prompt, method)[1].content
    )
    script = replace(problems[0], entry_point="", kind="script")
    assert "a script that reads standard input" in messages_of(RECIPE.prompt, script)[1].content
    front = (
        "---\nname: own\nversion: 1\nabout: -\noutput: code\ninput.{}: -\n---\n# user\n{{{{{}}}}}\n"
    )
    own = parse_prompt(front.format("task_id", "task_id"))
    assert messages_of(own, problems[0])[0].content == "HumanEval/0"
    with pytest.raises(PromptError, match="own@v1: needs hint"):
        messages_of(parse_prompt(front.format("hint", "hint")), problems[0])


def test_tasks_are_chosen_in_the_order_of_the_data_set(problems) -> None:
    def ids(*wanted: str, limit: int | None = None) -> list[str]:
        return [problem.task_id for problem in chosen(iter(problems), wanted, limit)]

    assert ids() == [f"HumanEval/{number}" for number in range(4)]
    assert ids("HumanEval/3", "HumanEval/1") == ["HumanEval/1", "HumanEval/3"]
    assert ids("HumanEval/3", "HumanEval/1", limit=1) == ["HumanEval/1"]
    assert ids("HumanEval/3, HumanEval_1,") == ["HumanEval/1", "HumanEval/3"]
    with pytest.raises(ProblemError, match=r'no task "HumanEval/33".*did you mean "HumanEval/3"'):
        ids("HumanEval/33")


@pytest.mark.parametrize("changes", [{"n": 0}, {"sampling": Sampling(0.0)}])
def test_a_recipe_checks_itself(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--n"):
        replace(RECIPE, **changes)


def test_every_sample_of_every_seed_draws_anew() -> None:
    seeds = {sample_seed(seed, sample) for seed in range(50) for sample in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**31 for seed in seeds)


def written(path: Path, problems: list[Problem], recipe: Recipe = RECIPE, tail: str = "") -> Path:
    lines = [line_of(recipe, problem, 1, replied("x = 1")) for problem in problems]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    return path


@pytest.mark.parametrize("tail", ["", '{"task_id": "HumanEval/9", "sam', '{"task_id'])
def test_a_torn_last_line_is_dropped(problems, tmp_path: Path, tail: str) -> None:
    path = written(tmp_path / "samples.jsonl", problems, tail=tail)
    with path.open("r+b") as stream:
        done, is_torn = done_before(stream, "samples.jsonl", RECIPE)
    assert done == {(f"HumanEval/{number}", 1) for number in range(4)}
    assert is_torn == bool(tail)
    assert path.read_text() == written(tmp_path / "whole.jsonl", problems).read_text()


def test_a_malformed_line_in_the_middle_is_another_file(problems, tmp_path: Path) -> None:
    path = written(tmp_path / "samples.jsonl", problems)
    text = '{"task_id": "HumanEval/9", "sam\n' + path.read_text()
    path.write_text(text)
    with path.open("r+b") as stream, pytest.raises(InputError, match=r":1: not a line of egca gen"):
        done_before(stream, "samples.jsonl", RECIPE)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(RECIPE, model="transformers:x"), "model smollm2, not transformers:x"),
        (replace(RECIPE, sampling=Sampling(0.8, stop=("\nclass",))), "temperature 0.5, not 0.8"),
        (replace(RECIPE, sampling=replace(RECIPE.sampling, seed=3)), "seed 0, not 3"),
        (replace(RECIPE, prompt=load_prompt("complete")), "prompt generation@v1, not complete@v1"),
    ],
)
def test_samples_made_in_another_way_are_not_mixed(
    problems, tmp_path: Path, other: Recipe, message: str
) -> None:
    path = written(tmp_path / "samples.jsonl", problems)
    with path.open("r+b") as stream, pytest.raises(InputError, match="--no-resume") as error_info:
        done_before(stream, "samples.jsonl", other)
    assert message in str(error_info.value)
    with path.open("r+b") as stream:
        assert len(done_before(stream, "samples.jsonl", replace(RECIPE, n=9))[0]) == 4


def test_every_run_is_recorded_beside_the_samples(problems, tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.touch()
    record_run(path, RECIPE, "HumanEval", ["generate", "--stop", "\nclass"], 8)
    written(path, problems)
    record_run(path, RECIPE, "HumanEval", ["generate"], 16)
    record = json.loads((tmp_path / "samples.jsonl.meta.json").read_text())
    assert (record["dataset"], record["n"], record["model"]) == ("HumanEval", 2, "smollm2")
    assert [run["batch_size"] for run in record["runs"]] == [8, 16]
    assert record["runs"][0]["command"] == "egca generate --stop '\nclass'"
    assert record["runs"][0]["versions"]["egca"]
