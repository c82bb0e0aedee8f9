"""What `egca data info` counts: kinds, tests a problem, references that pass their own tests."""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egca.cli.output import one_line
from egca.errors import ProblemError
from egca.execution.judging import check_reference
from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.problems import Problem

SCHEMA_VERSION = 1
_MAX_SHOWN = 10  # failing references in the text; JSON has all
_PROGRAM_CALLS = 5  # calls at their limit that a whole program may take


@dataclass
class Survey:
    """What is in a data set. failing pairs task ids and reasons; n_passing is None: not checked."""

    name: str
    path: Path
    kinds: Counter[str] = field(default_factory=Counter)
    n_tests: list[int] = field(default_factory=list)
    n_references: int = 0
    n_passing: int | None = None
    failing: list[tuple[str, str]] = field(default_factory=list)

    def count(self, problem: Problem) -> None:
        self.kinds[problem.kind] += 1
        self.n_tests.append(len(problem.tests))
        self.n_references += problem.reference is not None


def survey(
    name: str,
    path: Path,
    problems: Iterator[Problem],
    check: bool = True,
    timeout_s: float | None = None,
) -> Survey:
    """Count problems as they are loaded; with check run each reference on its own tests.

    Raises: ProblemError as loading does, SandboxError if nothing can be run.
    """
    found = Survey(name, path, n_passing=0 if check else None)
    with _progress() as advance, contextlib.ExitStack() as stack:
        sandbox = None
        if check:
            limits = None
            if timeout_s is not None:
                limits = Limits(call_s=timeout_s, program_s=_PROGRAM_CALLS * timeout_s)
            sandbox = stack.enter_context(Sandbox(limits, preload=["egca.execution.check_ops"]))
        for problem in problems:
            found.count(problem)
            if sandbox is not None and problem.reference is not None:
                _check(problem, sandbox, found)
            advance()
    return found


def _check(problem: Problem, sandbox: Sandbox, found: Survey) -> None:
    try:
        check_reference(problem, sandbox)
    except ProblemError as error:
        found.failing.append((problem.task_id, str(error).removeprefix(f"{problem.origin}: ")))
    else:
        found.n_passing = (found.n_passing or 0) + 1


def as_json(found: Survey, skipped: Sequence[str]) -> dict[str, Any]:
    """The survey as plain data."""
    return {
        "schema": SCHEMA_VERSION,
        "dataset": found.name,
        "path": str(found.path),
        "n_problems": len(found.n_tests),
        "kinds": dict(found.kinds),
        "tests": {
            "total": sum(found.n_tests),
            "min": min(found.n_tests),
            "median": statistics.median(found.n_tests),
            "max": max(found.n_tests),
        },
        "references": {
            "given": found.n_references,
            "pass": found.n_passing,
            "failing": [{"task_id": name, "reason": reason} for name, reason in found.failing],
        },
        "skipped": list(skipped),
    }


def render(found: Survey, skipped: Sequence[str]) -> str:
    """The survey as text, a line for each thing counted."""
    tests = found.n_tests
    kinds = ", ".join(f"{number} {kind}" for kind, number in found.kinds.most_common())
    lines = [
        found.name if found.name == str(found.path) else f"{found.name} ({found.path})",
        f"problems    {len(tests)} ({kinds})",
        f"tests       {sum(tests)}; a problem has {min(tests)} to {max(tests)}, "
        f"median {statistics.median(tests):g}",
        f"references  {_references(found)}",
    ]
    lines += [f"  {name}: {reason}" for name, reason in found.failing[:_MAX_SHOWN]]
    if len(found.failing) > _MAX_SHOWN:
        lines.append(f"  and {len(found.failing) - _MAX_SHOWN} more (--json names all)")
    if skipped:
        lines.append(f"left out    {len(skipped)} rows that cannot be read")
    return "\n".join(map(one_line, lines))


def _references(found: Survey) -> str:
    if found.n_passing is None or not found.n_references:
        return f"{found.n_references} given"
    return f"{found.n_references} given, {found.n_passing} pass their own tests"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[], object]]:
    """A count on stderr where that is a terminal; gives a function that counts one more."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed} problems"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("problems", total=None)
        yield lambda: progress.advance(task)
