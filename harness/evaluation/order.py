"""In which order an evaluation does its jobs: the longest first, so that no core waits at the end.

How long a task takes is known from the last run. Where there was none its reference goes before all
samples: it says how long, and runs once, however many samples and processes there are."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from egca.execution.expectations import is_unknown
from egca.files import write_whole
from harness.evaluation.native import Job


class Order:
    """The jobs that are left.

    Args:
        jobs: of samples.
        seconds: of a sample, by task; where a task is not in it, and its reference decides what
            tests want, that is run first. None: never, for what it answers is not kept.
    """

    def __init__(self, jobs: Iterable[Job], seconds: Mapping[str, float] | None) -> None:
        self._ready: list[tuple[float, str, int, Job]] = []
        self._waiting: dict[str, list[Job]] = {}
        for job in jobs:
            task_id = job.problem.task_id
            if task_id in self._waiting:
                self._waiting[task_id].append(job)
            elif (
                seconds is None or task_id in seconds or not any(map(is_unknown, job.problem.tests))
            ):
                self._add(job, (seconds or {}).get(task_id, 0.0))
            else:
                self._waiting[task_id] = [job]
        self._references = deque(Job(None, of[0].problem) for of in self._waiting.values())

    def next(self) -> Job | None:
        """What to begin with now; None if there is nothing, or nothing yet."""
        if self._references:
            return self._references.popleft()
        return heapq.heappop(self._ready)[-1] if self._ready else None

    def reference_took(self, task_id: str, seconds: float) -> None:
        """The samples of this task may begin."""
        for job in self._waiting.pop(task_id):
            self._add(job, seconds)

    def _add(self, job: Job, seconds: float) -> None:
        assert job.sample is not None
        entry = -seconds, job.problem.task_id, job.sample.index, job
        heapq.heappush(self._ready, entry)


class Times:
    """The most seconds that a sample of each task took, over runs with the same cache.

    Args: cache: a folder, or None to remember nothing.
    """

    def __init__(self, cache: Path | None, dataset: str) -> None:
        name = hashlib.sha256(dataset.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._path = None if cache is None else cache / f"times-{name}.json"
        self._now: dict[str, float] = {}
        self.before: dict[str, float] = {}
        if self._path is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
                rows = json.loads(self._path.read_bytes()).items()
                self.before = {k: float(v) for k, v in rows if isinstance(v, int | float)}

    def note(self, task_id: str, seconds: float) -> None:
        """A sample took so long."""
        self._now[task_id] = max(seconds, self._now.get(task_id, 0.0))

    def save(self) -> None:
        """For the next run. A disk that is full is no error."""
        if self._path is not None:
            rows = {k: round(v, 4) for k, v in {**self.before, **self._now}.items()}
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._path, json.dumps(rows).encode())
