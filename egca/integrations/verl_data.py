"""Rows of verl's data sets: how they are made of problems, and how a row is read.

A row has verl's own columns. The problem and its constraints C are JSON in
reward_model.ground_truth, where reward workers find them: tests are of any type and shape, which no
column of Arrow can hold, and the prompt that shows C and the gate that asks for it cannot differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from egca.errors import EgcaError, InputError, MissingExtraError
from egca.files import reason_of
from egca.integrations.training_rows import N_KNOWN, PROMPT, conversation, with_demands
from egca.problems import Problem, row_of
from egca.problems.datasets import problem_of
from egca.prompts import load_prompt
from egca.structure import ConstraintSet
from egca.training.assessment import Task, task_of
from egca.training.config import Debugger

SOURCE = "egca"  # data_source, by which verl groups its validation metrics


def rows_of_problems(
    problems: Iterable[Problem],
    *,
    prompt: str = PROMPT,
    with_constraints: bool = True,
    debugger: Debugger | None = None,
) -> list[dict[str, Any]]:
    """One row a problem, in order, as verl's RLHFDataset reads it.

    Args:
        prompt: family under prompts/; verl puts its messages into the model's chat template.
        with_constraints: ask for constraints C, which the prompt shows and the gate demands.
        debugger: who extracts C; None: the trace, without a model.
    Raises: InputError for a problem without a reference, or if there is none at all.
    """
    family = load_prompt(prompt)
    asked = (debugger or Debugger()) if with_constraints else None
    return [
        {
            "data_source": SOURCE,
            "prompt": conversation(problem, demanded, family),
            "ability": "code",
            "reward_model": {"style": "rule", "ground_truth": ground_truth(problem, demanded)},
            "extra_info": {"index": i, "task_id": problem.task_id},
        }
        for i, (problem, demanded) in enumerate(with_demands(problems, asked))
    ]


def write_rows(rows: list[dict[str, Any]], file: Path) -> None:
    """Write rows as Parquet. Raises: InputError, MissingExtraError."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise MissingExtraError("writing Parquet", "verl") from None
    try:
        pq.write_table(pa.Table.from_pylist(rows), file)
    except OSError as error:
        raise InputError(f"{file}: {reason_of(error)}") from None


def ground_truth(problem: Problem, constraints: ConstraintSet | None) -> str:
    """What a reward worker has to know of a problem."""
    return json.dumps(
        {
            "problem": row_of(problem),
            "constraints": None if constraints is None else constraints.to_dict(),
        },
        ensure_ascii=False,
    )


@lru_cache(maxsize=N_KNOWN)
def task_of_ground_truth(text: str) -> Task:
    """The inverse of `ground_truth`. Raises: InputError for anything else."""
    where = "reward_model.ground_truth"
    try:
        said = json.loads(text)
        constraints = said["constraints"]
        return task_of(
            problem_of(said["problem"], where),
            None if constraints is None else ConstraintSet.from_dict(constraints),
        )
    except (EgcaError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{where}: not written by egca.integrations.verl_data: {error}") from None
