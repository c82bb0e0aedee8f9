"""Processes that share jobs: each makes what it needs once, then answers one job at a time.

A process that dies or hangs costs its job only: the job is answered by `Lost`, and a fresh process
takes over. The processes end by themselves when their parent is gone. What jobs are is the
caller's: `setup` names a function that makes a context manager of a handler, and the handler turns
a job into an answer. Both cross by pickle, between processes of ours; nothing untrusted does."""

from __future__ import annotations

import contextlib
import gc
import importlib
import signal
import subprocess
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Generic, TypeVar

# Jobs come with thousands of tests: looking through them again and again took a fifth of our time.
_GC_THRESHOLDS = 50_000, 20, 100

J = TypeVar("J")


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of an answer: what became of the process that had the job."""

    reason: str


# A plain interpreter and not multiprocessing's: that would run the user's script once more in every
# process, which a script without a guard, or a notebook, does not stand.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from egca.execution.workers import work; work(int(sys.argv[1]))"
)


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Collect garbage seldom for a while: what is made in it is many objects that stay."""
    before = gc.get_threshold()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def work(descriptor: int) -> None:
    """What a process does: answer the jobs that come through the channel until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    gc.set_threshold(*_GC_THRESHOLDS)
    warnings.simplefilter("ignore", SyntaxWarning)  # of the programs that jobs are about
    channel = Connection(descriptor)
    setup, arguments = channel.recv()
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
        self.channel, theirs = Pipe()
        number = theirs.fileno()
        command = [sys.executable, "-c", _PROGRAM, str(number), *sys.path]
        self.process = subprocess.Popen(command, pass_fds=[number], stdin=subprocess.DEVNULL)
        theirs.close()
        self.job: J | None = None
        self.deadline = 0.0
        with contextlib.suppress(OSError):
            self.channel.send((setup, arguments))

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
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Crew(Generic[J]):
    """Some processes that take jobs as they come, until they are closed.

    Args:
        n_workers: how many at most; each starts when there is a job that no other is free for,
            or with `start`.
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
        self._queue: deque[J] = deque()
        self._workers: list[_Worker[J]] = []

    def __enter__(self) -> Crew[J]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def n_open(self) -> int:
        """Jobs that have no answer yet."""
        return len(self._queue) + sum(worker.job is not None for worker in self._workers)

    @property
    def has_room(self) -> bool:
        """Whether more jobs should come, for every process to have one and another to go on to."""
        return self.n_open < 2 * self._n_workers

    def start(self) -> None:
        """Start all processes now, so that they are ready when jobs come."""
        while len(self._workers) < self._n_workers:
            self._start_one()

    def _start_one(self) -> _Worker[J]:
        self._workers.append(_Worker[J](self._setup, self._arguments))
        return self._workers[-1]

    def submit(self, job: J) -> None:
        """Have a job done by the next process that is free."""
        self._queue.append(job)
        self._distribute()

    def ready(self, timeout_s: float | None = None) -> list[tuple[J, Any]]:
        """(job, answer or Lost) of jobs that are done, in the order of completion.

        Args:
            timeout_s: how long to wait for the first; None: until there is one, 0: not at all.
        Returns: nothing if no job is open, or none is done in time.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            done = [self._finished(worker, is_heard) for worker, is_heard in self._ended(until)]
            self._distribute()
            is_late = until is not None and time.monotonic() >= until
            if done or is_late or not self.n_open:
                return done

    def answers(self, jobs: Iterable[J]) -> Iterator[tuple[J, Any]]:
        """(job, answer or Lost) of these jobs, in the order of completion; then it is closed."""
        with self:
            for job in jobs:
                self.submit(job)
            while self.n_open:
                yield from self.ready()

    def close(self) -> None:
        """End the processes, those that are busy too."""
        self._queue.clear()
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _distribute(self) -> None:
        idle = [worker for worker in self._workers if worker.job is None]
        while self._queue:
            if idle:
                worker = idle.pop()
            elif len(self._workers) < self._n_workers:
                worker = self._start_one()
            else:
                return
            worker.give(self._queue.popleft(), self._limit_s)

    def _ended(self, until: float | None) -> list[tuple[_Worker[J], bool]]:
        """Workers that have answered, died, or used up their time; whether their channel speaks."""
        busy = [worker for worker in self._workers if worker.job is not None]
        if not busy:
            return []
        nearest = min(worker.deadline for worker in busy)
        if until is not None:
            nearest = min(nearest, until)
        ready = wait([worker.channel for worker in busy], max(nearest - time.monotonic(), 0.0))
        now = time.monotonic()
        return [(w, w.channel in ready) for w in busy if w.channel in ready or now >= w.deadline]

    def _finished(self, worker: _Worker[J], is_heard: bool) -> tuple[J, Any]:
        job = worker.job
        assert job is not None
        answer = self._answer(worker, is_heard)
        if isinstance(answer, Lost):
            worker.end()
            self._workers.remove(worker)
        return job, answer

    def _answer(self, worker: _Worker[J], is_heard: bool) -> Any:
        if not is_heard:
            return Lost(f"no answer in {self._limit_s:.0f} s")
        try:
            answer = worker.channel.recv()
        except (EOFError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(1)
            return Lost(f"the process ended with status {worker.process.returncode}")
        worker.job = None
        return answer
