"""Processes that share jobs: each makes what it needs once, then answers one job at a time.

A process that dies or hangs costs its job only: the job is answered by `Lost`, and a fresh process
takes over. The processes end by themselves when their parent is gone. What jobs are is the
caller's: `setup` names a function that makes a context manager of a handler, and the handler turns
a job into an answer. Both cross by pickle, between processes of ours; nothing untrusted does."""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

# Jobs come with thousands of tests: looking through them again and again took a fifth of our time.
_GC_THRESHOLDS = 50_000, 20, 100

J = TypeVar("J")


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of an answer: what became of the process that had the job."""

    reason: str


def work(channel: Connection, setup: str, arguments: tuple[Any, ...]) -> None:
    """What a process does: answer the jobs that come through the channel until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    gc.set_threshold(*_GC_THRESHOLDS)
    module, _, function = setup.partition(":")
    with getattr(importlib.import_module(module), function)(*arguments) as handle:
        while True:
            try:
                channel.send(handle(channel.recv()))
            except (EOFError, OSError):
                return


class _Worker(Generic[J]):
    """A process and the job that it has."""

    def __init__(self, setup: str, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads and sandboxes
        self.channel, theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(theirs, setup, arguments), daemon=True, name="egca worker"
        )
        self.process.start()
        theirs.close()
        self.job: J | None = None
        self.deadline = 0.0

    def give(self, job: J, limit_s: float) -> None:
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


class Pool(Generic[J]):
    """Some processes that share the jobs.

    Args:
        n_workers: how many. They start with the first jobs.
        setup: "package.module:function"; called with `arguments` in each process, it returns a
            context manager of the handler.
        limit_s: wall-clock of one job, then its process is ended. Only a bug of ours comes near.
    """

    def __init__(
        self, n_workers: int, setup: str, arguments: tuple[Any, ...], limit_s: float
    ) -> None:
        self._n_workers = n_workers
        self._setup = setup
        self._arguments = arguments
        self._limit_s = limit_s

    def answers(self, jobs: Iterable[J]) -> Iterator[tuple[J, Any]]:
        """(job, answer or Lost), in the order of completion; its processes end with it."""
        queue = deque(jobs)
        workers: list[_Worker[J]] = []
        try:
            while queue and len(workers) < self._n_workers:
                workers.append(self._started(queue.popleft()))
            while workers:
                for worker in self._ready(workers):
                    job = worker.job
                    assert job is not None
                    answer = self._answer(worker)
                    is_alive = not isinstance(answer, Lost)
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
                    yield job, answer
        finally:
            for worker in workers:
                worker.end()

    def _started(self, job: J) -> _Worker[J]:
        worker = _Worker[J](self._setup, self._arguments)
        worker.give(job, self._limit_s)
        return worker

    def _ready(self, workers: list[_Worker[J]]) -> list[_Worker[J]]:
        """Workers that have answered, died, or used up their time."""
        nearest = min(worker.deadline for worker in workers) - time.monotonic()
        ready = wait([worker.channel for worker in workers], max(nearest, 0.0))
        now = time.monotonic()
        return [w for w in workers if w.channel in ready or now >= w.deadline]

    def _answer(self, worker: _Worker[J]) -> Any:
        if not worker.channel.poll():
            return Lost(f"no answer in {self._limit_s:.0f} s")
        try:
            answer = worker.channel.recv()
        except (EOFError, OSError):
            worker.process.join(1)
            return Lost(f"the process ended with status {worker.process.exitcode}")
        worker.job = None
        return answer
