"""What the processes behind `--batch` do: localize cases, each in its own warm sandbox.

How they share the cases, and what becomes of one that dies, is egca/execution/workers.py's."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from egca.errors import EgcaError
from egca.execution.workers import Crew, Lost

_HARD_LIMIT_S = 120.0  # for one case, over all budgets; only a bug of ours comes near it
_WARM_UP = {
    "case_id": "warm-up",
    "entry_point": "f",
    "candidate": "def f(n):\n    return n - 1\n",
    "reference": "def f(n):\n    return n + 1\n",
    "inputs": ["(1,)", "(2,)"],
}


@dataclass(frozen=True, slots=True)
class Job:
    """One case: its id, where it was read, and its fields."""

    case_id: str
    where: str
    row: dict[str, Any]


def answer(job: Job, search: Any) -> dict[str, Any]:
    """The line of a case: what `search` found, or the error that kept it from looking."""
    from egca.problems import case_of
    from egca.types import Program, first_lines

    try:
        case = case_of(job.row, job.where)
        started = time.perf_counter()
        found = search.localize(Program(case.candidate), case.problem)
        seconds = time.perf_counter() - started
    except EgcaError as error:
        return error_line(job, str(error))
    except Exception as error:  # one case must not end the batch; its line says what happened
        return error_line(job, f"{job.where}: {type(error).__name__}: {error}")
    divergence = found.divergence
    mode = found.verdict.mode if divergence is None else divergence.mode
    return {
        "case_id": job.case_id,
        "line": None if divergence is None else divergence.span.line,
        "end_line": None if divergence is None else divergence.span.end_line,
        "ranked_lines": [] if divergence is None else first_lines(divergence),
        "seconds": round(seconds, 6),
        "mode": None if mode is None else mode.value,
        "confidence": None if divergence is None else round(divergence.confidence, 4),
        **_asked(found),
    }


def _asked(found: Any) -> dict[str, Any]:
    """What became of asking a model; nothing where none was to be asked."""
    opinion = found.opinion
    if opinion is None:
        return {}
    tokens = [opinion.prompt_tokens, opinion.completion_tokens]
    asked = {"name": opinion.debugger, "outcome": opinion.outcome, "prompt": opinion.prompt}
    return {"debugger": {**asked, "tokens": tokens, "cost_usd": opinion.cost_usd}}


def error_line(job: Job, message: str) -> dict[str, Any]:
    """The line of a case that could not be localized."""
    empty: dict[str, Any] = dict.fromkeys(("line", "end_line", "seconds", "mode", "confidence"))
    return {"case_id": job.case_id, **empty, "ranked_lines": [], "error": " ".join(message.split())}


@contextlib.contextmanager
def handler(
    timeout: float | None, budget_s: float | None, debugger: str, options: dict[str, Any]
) -> Iterator[Callable[[Job], dict[str, Any]]]:
    """What turns a job into its line, with a sandbox that has been used once."""
    from egca.cli.search import TRACE, Search

    with Search(timeout, budget_s, debugger, options) as search:
        if debugger == TRACE:  # no model is asked for nothing
            answer(Job("warm-up", "", _WARM_UP), search)
        yield lambda job: answer(job, search)


def answers(
    jobs: Sequence[Job],
    n_workers: int,
    timeout: float | None,
    budget_s: float | None,
    debugger: str = "trace",
    options: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """A line for each job, in the order of completion.

    Args: n_workers: how many processes; the others: of each search, see egca/cli/search.py.
    """
    limit_s = max(_HARD_LIMIT_S, 4 * (budget_s or 0.0))
    n_workers = max(1, min(n_workers, len(jobs)))
    arguments = (timeout, budget_s, debugger, options or {})
    pool = Crew[Job](n_workers, "egca.cli.batch_workers:handler", arguments, limit_s)
    for job, line in pool.answers(jobs):
        yield error_line(job, f"{job.where}: {line.reason}") if isinstance(line, Lost) else line
