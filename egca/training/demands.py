"""Constraints C of a run's problems: asked of the debugger once, and kept with the run.

A problem whose constraints a model does not give gets those that its reference's text shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from egca.debuggers import open_debugger
from egca.errors import EgcaError, InputError
from egca.files import read_whole, save_text
from egca.problems import Problem
from egca.structure import ConstraintSet, extract_constraints
from egca.training.config import Debugger


def demands_of(
    problems: Sequence[Problem], options: Debugger, file: Path | None
) -> tuple[list[ConstraintSet | None], int]:
    """C of each problem, None where it has no reference; and for how many a model gave none.

    Args:
        file: of the run: what is there is not asked again, and what is new is written; None: of no
            run.
    Raises: InputError for a file that holds something else; the errors of opening a debugger.
    """
    known = {} if file is None else _read(file)
    missing = [p for p in problems if p.reference is not None and p.task_id not in known]
    n_fallen = 0
    if missing:
        given = {} if options.max_cost is None else {"max_cost": options.max_cost}
        debugger = open_debugger(options.name, **given)
        found = debugger.extract_constraints_many([(p, p.reference) for p in missing])
        for problem, extraction in zip(missing, found, strict=True):
            if isinstance(extraction, EgcaError):
                n_fallen += 1
                known[problem.task_id] = extract_constraints(problem, problem.reference)
            else:
                known[problem.task_id] = extraction.constraints
        if file is not None:
            rows = {name: one.to_dict() for name, one in known.items()}
            save_text(file, json.dumps(rows, indent=1))
    return [known.get(problem.task_id) for problem in problems], n_fallen


def _read(file: Path) -> dict[str, ConstraintSet]:
    if not file.exists():
        return {}
    try:
        rows = json.loads(read_whole(file))
        return {name: ConstraintSet.from_dict(row) for name, row in rows.items()}
    except (ValueError, AttributeError, InputError) as error:
        raise InputError(f"{file}: not the constraints of a run: {error}") from None
