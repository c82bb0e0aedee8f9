"""Controls with a teacher: its programs that pass, and its judgement mixed into rewards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import killed_and_resumed, timeless  # noqa: E402

from egca.credit import REWARDS  # noqa: E402
from egca.errors import InputError  # noqa: E402
from egca.problems import load_dataset  # noqa: E402
from egca.training.config import Model, load_config  # noqa: E402
from egca.training.data import ids_of  # noqa: E402
from egca.training.policy import Scorer, load_policy, tokens_of  # noqa: E402
from egca.training.run import train  # noqa: E402
from egca.training.teacher import Likelihood  # noqa: E402
from egca.types import Mode  # noqa: E402


def config_of(options, **more):
    changes = {name.replace("__", "."): value for name, value in more.items()}
    return load_config("tiny", changes={**options, **changes})


SFT = {"objective__name": "sft", "supervised__source": "teacher", "steps": 2}


def test_only_programs_that_pass_are_learned(options, student, problems, tmp_path) -> None:
    config = config_of(options, **SFT, teacher__model=str(student), teacher__n_samples=6)
    learned: set[tuple[int, ...]] = set()

    def look(step, metrics, groups) -> None:
        learned.update(one.completion.ids for group in groups for one in group)

    train(config, tmp_path / "run", listeners=[look])
    kept = json.loads((tmp_path / "run" / "teacher.json").read_text())
    assert kept["n"] == 24
    assert 0 < kept["pass_at_1"] < 1  # the student that teaches here is wrong at times
    programs = [source for sources in kept["programs"].values() for source in sources]
    assert len(programs) == len(set(programs))
    policy = load_policy(Model(name=str(student)), "cpu")
    assert {policy.decode(ids) for ids in learned} <= set(programs)
    known = {problem.task_id: problem for problem in load_dataset(str(problems))}
    for task_id, sources in kept["programs"].items():
        for source in sources:
            namespace: dict[str, object] = {}
            exec(source, namespace)
            for test in known[task_id].tests:
                assert namespace["f"](*test.args) == test.expected


def test_programs_of_another_tool(options, problems, tmp_path: Path) -> None:
    known = list(load_dataset(str(problems)))
    rows = [{"task_id": known[0].task_id, "solution": known[0].reference},
            {"task_id": known[1].task_id, "solution": "def f(*v):\n    return None\n"},
            {"task_id": "elsewhere", "solution": ""}]  # fmt: skip
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train(config_of(options, **SFT, teacher__samples=str(file)), tmp_path / "run")
    kept = json.loads((tmp_path / "run" / "teacher.json").read_text())
    assert kept["pass_at_1"] == 0.5
    assert list(kept["programs"]) == [known[0].task_id]
    with pytest.raises(InputError, match=r"give teacher.model .* or teacher.samples"):
        train(config_of(options, **SFT), tmp_path / "none")


def test_a_likelihood_is_low_where_the_teacher_would_write_something_else(
    student, problems
) -> None:
    policy = load_policy(Model(name=str(student)), "cpu")
    problem = next(load_dataset(str(problems)))
    score = Likelihood(policy)
    right, broken = problem.reference, problem.reference.replace("return", "if", 1)
    good, bad = score([(problem, right), (problem, broken)])
    assert 0.0 <= bad < good <= 1.0
    prompt = policy.encode(problem.prompt + "\n", special=True)
    ids = torch.tensor([[*prompt, *policy.encode(right, special=False), policy.ends[0]]])
    chances = torch.softmax(policy.model(input_ids=ids).logits[0, :-1].float(), -1)
    taken = chances[torch.arange(ids.shape[1] - 1), ids[0, 1:]][len(prompt) - 1 :]
    assert good == pytest.approx(float(taken.min()), rel=1e-4)


def test_a_likelihood_is_asked_behind_the_prompt_of_the_run(student, problems) -> None:
    policy = load_policy(Model(name=str(student)), "cpu")
    problem = next(load_dataset(str(problems)))
    (found,) = Likelihood(policy, "generation")([(problem, problem.reference)])
    prompt = ids_of(problem, None, policy, "generation")
    target = [*policy.encode(problem.reference, special=False), policy.ends[0]]
    tokens = tokens_of([prompt], [target], policy.pad, "cpu")
    assert found == pytest.approx(float(Scorer(policy.model)(tokens)[0].min().exp()), rel=1e-4)
    assert prompt != ids_of(problem, None, policy, "plain")


def test_scores_are_mixed_into_the_rewards_of_what_egca_would_locate(
    options, student, tmp_path
) -> None:
    seen = []

    def look(step, metrics, groups) -> None:
        seen.append(([one for group in groups for one in group], metrics))

    config = config_of(
        options, steps=2, credit__strategy="uniform", reward__critique=0.5,
        teacher__model=str(student),
    )  # fmt: skip
    train(config, tmp_path / "run", listeners=[look])
    for rollouts, metrics in seen:
        for one in rollouts:
            plain = REWARDS["binary"](one.judged.cause, one.judged.share)
            if one.score is None:
                assert one.reward == plain
            else:
                assert one.judged.mode is Mode.LOGIC
                assert one.reward == pytest.approx(0.5 * plain + 0.5 * one.score)
        assert metrics["scored"] == sum(one.score is not None for one in rollouts)
    assert sum(metrics["scored"] for _, metrics in seen) > 0

    killed_and_resumed(config, tmp_path / "killed", 0)
    assert timeless(tmp_path / "killed") == timeless(tmp_path / "run")


def test_a_debugger_without_scores_is_refused(options, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the debugger trace gives no scores"):
        train(config_of(options, reward__critique=0.5), tmp_path / "run")
