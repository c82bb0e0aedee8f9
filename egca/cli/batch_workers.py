"""The processes behind `--batch`: each localizes one case at a time in its own warm sandbox.

A process that dies or hangs costs its case only: the case gets an error line and a fresh process
takes over. The processes end by themselves when their parent is gone."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from egca.errors import EgcaError

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
    }


def error_line(job: Job, message: str) -> dict[str, Any]:
    """The line of a case that could not be localized."""
    empty: dict[str, Any] = dict.fromkeys(("line", "end_line", "seconds", "mode", "confidence"))
    return {"case_id": job.case_id, **empty, "ranked_lines": [], "error": " ".join(message.split())}


def work(channel: Connection, timeout: float | None, budget_s: float | None) -> None:
    """What a process does: localize the jobs that come through the channel until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    from egca.cli.search import Search

    with Search(timeout, budget_s) as search:
        answer(Job("warm-up", "", _WARM_UP), search)
        while True:
            try:
                job = channel.recv()
                channel.send(answer(job, search))
            except (EOFError, OSError):
                return


class _Worker:
    """A process and the job that it has."""

    def __init__(self, timeout: float | None, budget_s: float | None) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads and sandboxes
        self.channel, theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(theirs, timeout, budget_s), daemon=True, name="egca batch"
        )
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.deadline = 0.0

    def give(self, job: Job, limit_s: float) -> None:
        self.job = job
        self.deadline = time.monotonic() + limit_s
        with contextlib.suppress(OSError):  # it has died: seen when its answer is read
            self.channel.send(job)

    def end(self) -> None:
        """Close the channel, which ends an idle process, and kill one that is busy."""
        self.channel.close()
        if self.job is not None:
            self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Pool:
    """Some processes that share the jobs.

    Args: n_workers: how many; timeout, budget_s: of each search, see egca/cli/search.py.
    """

    def __init__(self, n_workers: int, timeout: float | None, budget_s: float | None) -> None:
        self._n_workers = n_workers
        self._options = (timeout, budget_s)
        self._limit_s = max(_HARD_LIMIT_S, 4 * (budget_s or 0.0))

    def answers(self, jobs: Iterable[Job]) -> Iterator[dict[str, Any]]:
        """A line for each job, in the order of completion; its processes end with it."""
        queue = deque(jobs)
        workers: list[_Worker] = []
        try:
            while queue and len(workers) < self._n_workers:
                workers.append(self._started(queue.popleft()))
            while workers:
                for worker in self._ready(workers):
                    line, is_alive = self._line(worker)
                    if not is_alive:
                        worker.end()
                        workers.remove(worker)
                    if queue and is_alive:
                        worker.give(queue.popleft(), self._limit_s)
                    elif queue:
                        workers.append(self._started(queue.popleft()))
                    elif is_alive:
                        worker.end()
                        workers.remove(worker)
                    yield line
        finally:
            for worker in workers:
                worker.end()

    def _started(self, job: Job) -> _Worker:
        worker = _Worker(*self._options)
        worker.give(job, self._limit_s)
        return worker

    def _ready(self, workers: list[_Worker]) -> list[_Worker]:
        """Workers that have answered, died, or used up their time."""
        nearest = min(worker.deadline for worker in workers) - time.monotonic()
        ready = wait([worker.channel for worker in workers], max(nearest, 0.0))
        now = time.monotonic()
        return [w for w in workers if w.channel in ready or now >= w.deadline]

    def _line(self, worker: _Worker) -> tuple[dict[str, Any], bool]:
        """The line of a worker's job, and whether the worker can take another."""
        job = worker.job
        assert job is not None
        if not worker.channel.poll():
            return error_line(job, f"{job.where}: no answer in {self._limit_s:.0f} s"), False
        try:
            line: dict[str, Any] = worker.channel.recv()
        except (EOFError, OSError):
            worker.process.join(1)
            status = worker.process.exitcode
            return error_line(job, f"{job.where}: the process ended with status {status}"), False
        worker.job = None
        return line, True
