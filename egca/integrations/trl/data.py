"""The columns that EGCATrainer reads: how they are made of problems, and how a row is read.

`problem` is a problem as JSON, in any format that egca knows (docs/datasets.md): tests are of any
type and shape, which no other column of Arrow can hold. `constraints` is C as JSON, "" for none;
it is a column so that the prompt that shows C and the gate that asks for it cannot differ."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from datasets import Dataset

from egca.errors import EgcaError, InputError
from egca.integrations.training_rows import N_KNOWN, PROMPT, conversation, with_demands
from egca.problems import Problem, load_dataset, row_of
from egca.problems.datasets import problem_of
from egca.prompts import load_prompt
from egca.structure import ConstraintSet
from egca.training.assessment import Task, task_of
from egca.training.config import Debugger
from egca.training.data import PLAIN


def problem_dataset(
    problems: str | Path | Iterable[Problem],
    *,
    prompt: str = PROMPT,
    with_constraints: bool = True,
    debugger: str = "trace",
    max_cost: float | None = None,
    skip_bad: bool = False,
) -> Any:
    """A data set for EGCATrainer, with the columns task_id, prompt, problem and constraints.

    Args:
        problems: name or file of a data set, as `egca data info` takes it, or problems.
        prompt: family under prompts/, whose messages make a conversational prompt; "plain" is the
            statement and a line end, for models without a chat template.
        with_constraints: ask for constraints C, which the prompt shows and the gate demands.
        debugger, max_cost: who extracts C, and US dollars for its model.
        skip_bad: leave out problems that cannot be read or have no reference.
    Returns: a `datasets.Dataset`.
    Raises: InputError for problems that cannot be used, or if none is left.
    """
    if isinstance(problems, str | Path):
        problems = load_dataset(problems, skip_bad=skip_bad)
    family = None if prompt == PLAIN else load_prompt(prompt)
    asked = Debugger(name=debugger, max_cost=max_cost) if with_constraints else None
    return Dataset.from_list([
        {
            "task_id": problem.task_id,
            "prompt": (
                f"{problem.prompt}\n" if family is None else conversation(problem, demanded, family)
            ),
            "problem": json.dumps(row_of(problem), ensure_ascii=False),
            "constraints": "" if demanded is None else json.dumps(demanded.to_dict()),
        }
        for problem, demanded in with_demands(problems, asked, skip_bad=skip_bad)
    ])  # fmt: skip


def check_columns(dataset: Any, name: str, *, with_constraints: bool) -> None:
    """Raises: InputError for a data set without the column, or, unless it streams, a bad row."""
    columns = dataset.column_names
    if columns is not None and "problem" not in columns:
        raise InputError(
            f'{name} has no column "problem" (it has {", ".join(columns)}): problem_dataset makes '
            "one, or put the JSON of a problem there"
        )
    if columns is None or not isinstance(dataset, Dataset):
        return
    constraints = dataset["constraints"] if "constraints" in columns else [""] * len(dataset)
    for i, (problem, demanded) in enumerate(zip(dataset["problem"], constraints, strict=True)):
        try:
            _read(problem, demanded if with_constraints else "")
        except InputError as error:
            raise InputError(f"{name}[{i}]: {error}") from None


@lru_cache(maxsize=N_KNOWN)
def task_of_row(problem: str, constraints: str | None) -> Task:
    """What the columns of a row say. Raises: InputError."""
    return task_of(*_read(problem, constraints))


def _read(text: object, constraints: object) -> tuple[Problem, ConstraintSet | None]:
    row = _json(text, "problem")
    if not isinstance(row, dict):
        raise InputError(f"column problem: not a JSON object: {text!s:.60}")
    problem = problem_of(row, "column problem")
    if problem.reference is None:
        raise InputError(f"{problem.task_id}: it has no reference to compare with")
    if not constraints:
        return problem, None
    try:
        return problem, ConstraintSet.from_dict(_json(constraints, "constraints"))
    except (EgcaError, AttributeError, TypeError, KeyError) as error:
        raise InputError(f"{problem.task_id}: column constraints: {error}") from None


def _json(text: object, column: str) -> Any:
    if not isinstance(text, str):
        raise InputError(f"column {column}: a text of JSON is wanted, not {type(text).__name__}")
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"column {column}: no JSON: {error}") from None
