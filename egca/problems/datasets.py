"""Data sets by name or path, and single tasks by id.

Names are HumanEval (embedded), HumanEval+ and MBPP+ (files in EvalPlus's format, by path or through
EvalPlus's own override variables). A row is told apart by its fields, so any file may be mixed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from egca.errors import ProblemError
from egca.problems.evalplus import evalplus_problem
from egca.problems.humaneval import humaneval_path, humaneval_problem, rows_of
from egca.problems.problem import Problem

OVERRIDES = {"humaneval+": "HUMANEVAL_OVERRIDE_PATH", "mbpp+": "MBPP_OVERRIDE_PATH"}


def load_problem(
    task_id: str,
    dataset: Path | str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Problem:
    """One task: "HumanEval/3", or "Mbpp/2" with the path of an MBPP+ file.

    Args:
        dataset: name or path; without one HumanEval/N is the embedded task (its extended inputs
            when HUMANEVAL_OVERRIDE_PATH is set), Mbpp/N comes from MBPP_OVERRIDE_PATH.
    Raises: ProblemError when the task or the data set is not there.
    """
    path = dataset_path(dataset if dataset is not None else _default(task_id, environ), environ)
    for line, row in rows_of(path, task_id):
        return problem_of(row, f"{path}:{line}")
    ids = [str(row["task_id"]) for _, row in rows_of(path)]
    near = get_close_matches(task_id, ids, 1, 0.6)
    hint = (
        f'did you mean "{near[0]}"?'
        if near
        else f"it has {ids[0]} to {ids[-1]}"
        if ids
        else "empty"
    )
    raise ProblemError(f'{path}: no task "{task_id}"; {hint}')


def load_dataset(
    name_or_path: Path | str = "HumanEval", environ: Mapping[str, str] = os.environ
) -> Iterator[Problem]:
    """All tasks of a data set, in its order, one by one. Raises: ProblemError."""
    path = dataset_path(name_or_path, environ)
    n_tasks = 0
    for line, row in rows_of(path):
        n_tasks += 1
        yield problem_of(row, f"{path}:{line}")
    if not n_tasks:
        raise ProblemError(f"{path}: no task in it")


def dataset_path(name_or_path: Path | str, environ: Mapping[str, str] = os.environ) -> Path:
    """The file of a data set: a path as it is, "HumanEval", "HumanEval+" or "MBPP+"."""
    name = str(name_or_path).lower().replace("plus", "+")
    if name == "humaneval":
        return humaneval_path()
    variable = OVERRIDES.get(name)
    if variable is None:
        return Path(name_or_path)
    if not environ.get(variable):
        raise ProblemError(
            f"{name_or_path} is not shipped: give its file's path with --dataset, or set {variable}"
        )
    return Path(environ[variable])


def problem_of(row: dict[str, Any], where: str) -> Problem:
    """A row of any data set known here. Raises: ProblemError."""
    if "base_input" in row:
        return evalplus_problem(row, where)
    if "test" in row:
        return humaneval_problem(row, where)
    raise ProblemError(
        f'{where}: neither "base_input" (EvalPlus) nor "test" (HumanEval) in this task'
    )


def _default(task_id: str, environ: Mapping[str, str]) -> str:
    kind = task_id.partition("/")[0].lower()
    if kind == "humaneval":
        return "HumanEval+" if environ.get(OVERRIDES["humaneval+"]) else "HumanEval"
    if kind == "mbpp":
        return "MBPP+"
    raise ProblemError(
        f'"{task_id}": known are HumanEval/N and, with --dataset PATH, any id of that file'
    )
