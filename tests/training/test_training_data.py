"""The order of problems, what is set aside, and the plan of a run."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from egca.errors import InputError  # noqa: E402
from egca.problems import row_of  # noqa: E402
from egca.problems.generated import FAMILIES  # noqa: E402
from egca.training.config import Data, Model, load_config  # noqa: E402
from egca.training.data import Order, load_problems, prompts_of  # noqa: E402
from egca.training.plan import plan_of  # noqa: E402
from egca.training.policy import load_policy  # noqa: E402


def test_every_pass_takes_every_problem_once() -> None:
    order = Order(7, seed=3)
    passes = [order.take(7) for _ in range(3)]
    assert all(sorted(one) == list(range(7)) for one in passes)
    assert len({tuple(one) for one in passes}) > 1
    assert Order(7, seed=4).take(7) != passes[0]
    assert Order(7, seed=3, shuffle=False).take(9) == [0, 1, 2, 3, 4, 5, 6, 0, 1]


@pytest.mark.parametrize("taken", [0, 1, 6, 7, 20])
def test_an_order_goes_on_where_it_stood(taken: int) -> None:
    whole = Order(7, seed=3).take(30)
    assert Order(7, seed=3, taken=taken).take(30 - taken) == whole[taken:]


def test_what_cannot_be_used_is_set_aside_with_a_reason(student: Path) -> None:
    policy = load_policy(Model(name=str(student)), "cpu")
    good = FAMILIES["easy"].task("train", 1_000_000).problem
    bad = [replace(good, task_id="bare", reference=None), replace(good, prompt="list ; " * 90)]
    prompts, aside = prompts_of([good, *bad], [None] * 3, policy, "plain", 96)
    assert [prompt.task.problem.task_id for prompt in prompts] == [good.task_id]
    assert aside[0].reason == "it has no reference to compare with"
    assert "tokens" in aside[1].reason
    with pytest.raises(InputError, match="none of 2 problems can be trained on; the first: bare"):
        prompts_of(bad, [None] * 2, policy, "plain", 96)


def test_a_prompt_of_a_family_shows_constraints(student: Path) -> None:
    from egca.structure import extract_constraints

    policy = load_policy(Model(name=str(student)), "cpu")
    problem = FAMILIES["easy"].task("train", 1_000_000).problem
    constraints = extract_constraints(problem, problem.reference)
    family = "generation-with-constraints"
    (prompt,), _ = prompts_of([problem], [constraints], policy, family, 10_000)
    text = policy.decode(prompt.ids)
    assert constraints.sentences()
    # The student's vocabulary lacks some characters; those that it has stand there in order.
    known = [word for word in problem.prompt.split() if word in text]
    assert len(known) > 3


def test_the_plan_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(load_config("tiny"))
    said = dict(plan.lines)
    assert said["problems"] == "1200 of tiny"
    assert said["steps"].startswith("150, each 8 prompts x 8 completions")
    assert not plan.missing
    assert plan.memory_gb is not None
    away = load_config("paper", settings=["debugger.name=sonet-4.5", "loggers=[wandb]"])
    missing = " ".join(plan_of(away).missing)
    assert "MBPP is not shipped" in missing
    assert "sonnet-4.5" in missing
    served = {"debugger.name": "qwen-7b", "rollout.engine": "http://gpu2:8000"}
    with monkeypatch.context() as patched:
        patched.delenv("EGCA_BASE_URL", raising=False)
        patched.setitem(sys.modules, "vllm", None)
        plan = plan_of(load_config("paper", changes=served))
    assert 'debugger qwen-7b: it lacks the extra "vllm"' in plan.missing
    assert dict(plan.lines)["rollouts"] == "by the vLLM server at http://gpu2:8000"
    assert "6.7B parameters" in dict(plan.lines)["model"]
    asked = dict(plan.lines)["debugger"]
    assert "asked for places" in asked
    assert "constraints of every problem" in asked
    plan = plan_of(load_config("paper", changes={**served, "credit.strategy": "uniform"}))
    asked = dict(plan.lines)["debugger"]
    assert "asked for constraints of every problem, once; cost unbounded" in asked
    with pytest.raises(InputError, match="no student tiny:huge"):
        plan_of(load_config("tiny", settings=["model.name=tiny:huge"]))


def test_what_is_tested_on_is_not_trained_on(tmp_path: Path) -> None:
    tasks = [FAMILIES["easy"].task("train", 1_000_000 + i).problem for i in range(3)]
    files = {}
    for name, ids in {"train": ["MBPP/1", "MBPP/2", "MBPP/3"], "held": ["Mbpp/2"]}.items():
        files[name] = str(tmp_path / f"{name}.jsonl")
        rows = [row_of(replace(task, task_id=i)) for task, i in zip(tasks, ids, strict=False)]
        Path(files[name]).write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_problems(Data(dataset=files["train"], exclude=[files["held"]]))
    assert [problem.task_id for problem in found] == ["MBPP/1", "MBPP/3"]
    with pytest.raises(InputError, match="no problem is left to train on"):
        load_problems(Data(dataset=files["train"], exclude=[files["train"]]))
