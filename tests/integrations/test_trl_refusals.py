"""What EGCATrainer refuses, in one line and before anything is loaded, and the data it reads."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra trl")

from datasets import Dataset
from trl import GRPOConfig, TrlParser

sys.path.insert(0, str(Path(__file__).parent))
from trl_runs import COMMON, data_of, shortness

from egca.credit import find_strategy, options_from
from egca.errors import EgcaError, InputError, MissingExtraError
from egca.integrations.trl import EGCAConfig, EGCATrainer, problem_dataset
from egca.integrations.trl.data import task_of_row
from egca.integrations.trl.judging import Judge
from egca.integrations.trl_versions import BEYOND, LOWEST, check_installed, check_version
from egca.problems import load_problem, row_of
from egca.training.assessment import Bench, Rules
from egca.training.crediting import Crediting
from egca.training.policy import Policy

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"

OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "loss": ({"loss_type": "gspo"}, "loss_type 'gspo' is not known to take an advantage for each"),
    "sequences": (
        {"importance_sampling_level": "sequence"},
        "importance_sampling_level 'sequence' moves all tokens of a completion by one ratio",
    ),
    "entropy": ({"top_entropy_quantile": 0.2}, "top_entropy_quantile 0.2 drops tokens"),
    "liger": (
        {"use_liger_kernel": True, "liger_kernel_config": {"fused_linear_cross_entropy": True}},
        "Liger's fused loss takes one advantage a completion",
    ),
    "columns": ({"remove_unused_columns": True}, "remove_unused_columns would drop the column"),
    "contrast": ({"credit": "egca-contrast"}, "for which TRL has no place: `egca train` has one"),
    "rule": ({"credit": "ecga"}, "no credit strategy 'ecga'; did you mean 'egca'?"),
    "rule's option": ({"credit_options": {"kap": 2}}, "no credit option 'kap'"),
    "span": ({"credit_span": "line"}, "credit_span is statement or expression, not 'line'"),
    "reward": ({"test_reward": "score"}, "test_reward is one of binary, graded, graded_and_"),
    "debugger": ({"debugger": "tracer"}, '"tracer"'),
    "workers": ({"judge_workers": 0}, "judge_workers is at least 1, got 0"),
}


def refused(**arguments: Any) -> str:
    with pytest.raises(EgcaError) as caught:
        EGCATrainer("no-such-model", **arguments)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_under_which_credit_would_be_bent_is_refused(
    problems: Path, tmp_path: Path, name: str
) -> None:
    options, message = OPTIONS[name]
    args = EGCAConfig(output_dir=str(tmp_path), **{**COMMON, **options})
    assert message in refused(args=args, train_dataset=data_of(problems))


def test_what_is_no_option_is_refused_too(problems: Path, tmp_path: Path) -> None:
    given = {"train_dataset": data_of(problems)}
    args = EGCAConfig(output_dir=str(tmp_path), **COMMON)
    plain = GRPOConfig(output_dir=str(tmp_path), **COMMON)
    decoupled = {**COMMON, "multi_objective_aggregation": "normalize_then_sum"}
    both = EGCAConfig(output_dir=str(tmp_path), **decoupled)
    assert "args is an EGCAConfig, not a GRPOConfig" in refused(args=plain, **given)
    assert "train_dataset is missing" in refused(args=args)
    assert "tools: completions of several turns" in refused(args=args, tools=[shortness], **given)
    said = refused(args=both, reward_funcs=shortness, **given)
    assert "'normalize_then_sum' hides what the tests contribute" in said


def test_rows_that_cannot_be_read_are_named(problems: Path, tmp_path: Path) -> None:
    args = EGCAConfig(output_dir=str(tmp_path), **COMMON)
    good = data_of(problems)
    rows = good.to_list()
    assert 'train_dataset has no column "problem" (it has task_id, prompt, constraints)' in refused(
        args=args, train_dataset=good.remove_columns("problem")
    )
    without = json.loads(rows[1]["problem"]) | {"reference": None}
    for text, message in {
        json.dumps(without): "train_dataset[1]: ",
        "{": "train_dataset[1]: column problem: no JSON",
        "[]": "train_dataset[1]: column problem: not a JSON object",
        '{"task_id": "x"}': "a task of no known data set",
    }.items():
        bad = Dataset.from_list([rows[0], {**rows[1], "problem": text}])
        assert message in refused(args=args, train_dataset=bad)
    for text, message in {"{": "column constraints: no JSON", "[1]": "column constraints"}.items():
        bad = Dataset.from_list([{**rows[0], "constraints": text}])
        said = refused(args=args, train_dataset=good, eval_dataset={"held out": bad})
        assert "eval_dataset['held out'][0]" in said
        assert message in said


def test_the_data_set_shows_what_the_gate_demands() -> None:
    problem = load_problem("HumanEval/0")
    found = problem_dataset([problem])
    assert found.column_names == ["task_id", "prompt", "problem", "constraints"]
    row = found[0]
    task = task_of_row(row["problem"], row["constraints"])
    assert task.problem.task_id == row["task_id"] == "HumanEval/0"
    assert task.constraints is not None
    shown = "\n".join(message["content"] for message in row["prompt"])
    assert problem.prompt.strip() in shown
    assert all(sentence in shown for sentence in task.constraints.sentences())
    plain = problem_dataset([problem], prompt="plain", with_constraints=False)[0]
    assert plain["prompt"] == problem.prompt + "\n"
    assert task_of_row(plain["problem"], plain["constraints"]).constraints is None


def test_a_data_set_of_nothing_usable_is_refused() -> None:
    from dataclasses import replace

    bare = replace(load_problem("HumanEval/0"), reference=None)
    with pytest.raises(InputError, match="HumanEval/0: it has no reference"):
        problem_dataset([bare])
    with pytest.raises(InputError, match="no problem with a reference"):
        problem_dataset([bare], skip_bad=True)


def test_the_bounds_are_those_of_the_extra() -> None:
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    low, beyond = (".".join(map(str, bound)) for bound in (LOWEST, BEYOND))
    assert f"trl>={low},<{beyond}" in extras["trl"]


@pytest.mark.parametrize("version", ["0.29.1", "1.15.0", "1.17.0", "1.17.0.dev0", "2.0", "unknown"])
def test_another_version_is_refused(version: str) -> None:
    check_version("1.16.0")
    with pytest.raises(InputError, match=r'TRL 1\.16, not with .*"trl>=1\.16,<1\.17"'):
        check_version(version)


def test_options_come_from_a_command_line_too() -> None:
    (args,) = TrlParser(EGCAConfig).parse_args_and_config(
        ["--credit", "egca-cap", "--credit_options", '{"cap": 2}', "--judge_workers", "3",
         "--num_generations", "4", "--use_cpu", "--bf16", "false"]
    )  # fmt: skip
    assert args.credit == "egca-cap"
    assert args.credit_options == {"cap": 2}
    assert (args.judge_workers, args.num_generations) == (3, 4)


def test_without_trl_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])  # where no package is installed
    with pytest.raises(MissingExtraError, match=r'the extra "trl": pip install "egca\[trl\]"'):
        check_installed()
    assert issubclass(MissingExtraError, ImportError)


def test_a_completion_without_tokens_is_refused_in_one_line() -> None:
    """TRL samples none, but a rollout_func may give one."""
    quiet: Any = {"log_metric": lambda *_: None, "log_extra": lambda *_: None}
    row = json.dumps(row_of(load_problem("HumanEval/0")))
    crediting = Crediting(find_strategy("uniform"), options_from({}), "none", "statement")
    with Bench(Rules(), 1) as bench:
        judge = Judge(bench, crediting)
        judge.policy = Policy(None, None, (2,))
        with pytest.raises(InputError, match=r"completion_ids 0 is empty: .* rollout_func"):
            judge(completion_ids=[[]], problem=[row], **quiet)
