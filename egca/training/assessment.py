"""Judging and localizing completions in processes of their own, while the model works.

What such a process does is assessor.py's. A `Bench` takes completions as they are sampled and, once
their advantages are known, requests for places. Equal programs for one problem are judged once;
what is known of a program is kept by content, in memory and, if asked, in a file that several runs
share. Rewards and credit are made elsewhere (crediting.py)."""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from egca.credit import Need
from egca.errors import InputError
from egca.execution.workers import Crew, Lost
from egca.problems import Problem, row_of
from egca.structure import ConstraintSet
from egca.training.held import Asked, Held
from egca.training.places import Places, Range
from egca.types import Cause, Mode

_OF_VERDICTS = frozenset({Need.LOCATION, Need.REPAIR})  # needs that a traceback can serve
_RAISED = 0.9  # as localize has it for a program that the interpreter stops at
_FORMAT = 3  # of what is kept on disk
_JOB_LIMIT_S = 120.0  # over all limits within; only a bug of ours comes near it


@dataclass(frozen=True, slots=True)
class Judged:
    """What the tests and the gate say of a completion.

    share: of the tests that passed, in [0, 1]; of a failing program a lower bound where no reward
    asks for it. exception: class of the error that ended it. error:
    why it could not be judged at all, "" if it was. raised: the statement and the expression that
    the compiler or the traceback names, in syntax mode.
    """

    mode: Mode
    cause: Cause
    share: float
    exception: str = ""
    evidence: str = ""
    error: str = ""
    raised: tuple[Range | None, Range | None] = None, None

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return self.share == 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict with the public tests apart, the first of a problem's.

    said: of each public test that fails, equal ones once. passes_private: all tests behind them.
    """

    judged: Judged
    said: tuple[str, ...]
    passes_private: bool


@dataclass(frozen=True, slots=True)
class Task:
    """What a process needs to know of a problem. constraints: C, None for I_C = 1."""

    problem: Problem
    constraints: ConstraintSet | None
    key: str

    def __reduce__(self) -> tuple[Any, ...]:
        """A process that has met it gets the same object again: what is known of it stays."""
        return _met_task, (_packed(self),)


_MAX_TASKS = 64  # remembered as objects and as bytes: those of a step or two
_packed_tasks: OrderedDict[int, tuple[Task, bytes]] = OrderedDict()  # an id is its task's


def _packed(task: Task) -> bytes:
    known = _packed_tasks.get(id(task))
    if known is None or known[0] is not task:
        data = pickle.dumps((task.problem, task.constraints, task.key), pickle.HIGHEST_PROTOCOL)
        known = _packed_tasks[id(task)] = task, data
        while len(_packed_tasks) > _MAX_TASKS:
            _packed_tasks.popitem(last=False)
    return known[1]


@lru_cache(maxsize=_MAX_TASKS)
def _met_task(packed: bytes) -> Task:
    return Task(*pickle.loads(packed))


@dataclass(frozen=True, slots=True)
class Job:
    """Judge a completion, or, with needs, find its places, or, asked for, what variables held.

    n_public: of the first tests, each of which is then reported on; None: a plain verdict.
    """

    task: Task
    completion: str
    needs: frozenset[Need] | None = None
    asked: Asked | None = None
    n_public: int | None = None


Answer = Judged | Report | Places | Held


def task_of(problem: Problem, constraints: ConstraintSet | None) -> Task:
    """A problem with the digest of everything that decides a verdict."""
    said = pickle.dumps((row_of(problem), constraints and constraints.to_dict()))
    return Task(problem, constraints, hashlib.sha256(said).hexdigest()[:32])


@dataclass(frozen=True, slots=True)
class Rules:
    """How completions are judged and places found.

    budget_s: last resort of the search for a repair, each program. wants_share: whether rewards
    depend on how many tests pass; else a program is judged up to its first failing test.
    """

    debugger: str = "trace"
    call_s: float | None = None
    budget_s: float = 2.0
    max_cost: float | None = None
    wants_share: bool = False


class Bench:
    """Processes that assess completions.

    Args:
        memory: a file to keep what is known of programs; None: this run's memory only.
    """

    def __init__(self, rules: Rules, n_workers: int, memory: Path | None = None) -> None:
        self._crew = Crew[Job](n_workers, "egca.training.assessor:assessor", (rules,), _JOB_LIMIT_S)
        self._rules = rules
        self._known: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._retried: set[str] = set()  # their process took the first answer with it
        self._memory = _Memory(memory, rules) if memory is not None else None
        self.n_found = 0  # answers that were known before

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *exc: object) -> None:
        self._crew.close()
        if self._memory is not None:
            self._memory.close()

    def request(self, job: Job) -> None:
        """Have a job done, unless it is known or under way."""
        key = _key(job)
        if key in self._asked:
            return
        self._asked.add(key)
        raised = self._raised(job)
        if raised is not None:
            self._known[key] = raised
            return
        known = self._memory.get(key) if self._memory is not None else None
        if known is not None:
            self._known[key] = known
            self.n_found += 1
        else:
            self._crew.submit(job)

    def collect(self, timeout_s: float | None = 0.0) -> None:
        """Take in what is done by now, or in time; None waits for at least one answer."""
        for job, answer in self._crew.ready(timeout_s):
            is_lost = isinstance(answer, Lost)
            if is_lost and _key(job) not in self._retried:  # whatever ended it may have passed
                self._retried.add(_key(job))
                self._crew.submit(job)
                continue
            found = lost(job, answer.reason) if is_lost else answer
            self._known[_key(job)] = found
            if self._memory is not None and not is_lost:
                self._memory.put(_key(job), found)

    def judged(self, job: Job) -> Judged:
        """The verdict of a requested job; waits for it."""
        found = self._wait(job)
        assert isinstance(found, Judged)
        return found

    def report(self, job: Job) -> Report:
        """The verdict of a requested job that names public tests; waits for it."""
        found = self._wait(job)
        assert isinstance(found, Report)
        return found

    def places(self, job: Job) -> Places:
        """The places of a requested job; waits for them."""
        found = self._wait(job)
        assert isinstance(found, Places)
        return found

    def held(self, job: Job) -> Held | None:
        """What variables held, of a requested job; waits for it."""
        found = self._wait(job)
        assert found is None or isinstance(found, Held)
        return found

    def forget(self) -> None:
        """Drop what is known in memory, at the end of a step: problems come back epochs later."""
        self._known.clear()
        self._asked.clear()
        self._retried.clear()
        if self._memory is not None:
            self._memory.commit()

    def _raised(self, job: Job) -> Places | None:
        """The place of a program that does not compile or raises, which its verdict knows.

        The published rule's T_err, whoever localizes. None where more is asked, or the verdict
        knows none.
        """
        if job.needs is None or not job.needs <= _OF_VERDICTS:
            return None
        judged = self._known.get(_key(replace(job, needs=None)))
        if judged is None or judged.mode is not Mode.SYNTAX or judged.raised[0] is None:
            return None
        statement, expression = judged.raised
        return Places(statement, expression, proof="raise", confidence=_RAISED)

    def _wait(self, job: Job) -> Any:
        key = _key(job)
        while key not in self._known:
            assert self._crew.n_open, "a job that was never requested"
            self.collect(None)
        return self._known[key]


def _key(job: Job) -> str:
    needs = "" if job.needs is None else ",".join(sorted(job.needs)) or "-"
    if job.asked is not None:
        needs = f"{job.asked}"
    if job.n_public is not None:
        needs = f"public {job.n_public}"
    text = hashlib.sha256(job.completion.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{job.task.key}/{text}/{needs}"


def lost(job: Job, reason: str) -> Answer | None:
    """In place of an answer that a process took with it."""
    if job.asked is not None:
        return None
    if job.needs is not None:
        return Places(fell_back=True)
    judged = Judged(Mode.SYNTAX, Cause.CRASH, 0.0, "", "", reason)
    return judged if job.n_public is None else Report(judged, (reason,), passes_private=False)


class _Memory:
    """Answers by content in a file; several runs may share it."""

    def __init__(self, path: Path, rules: Rules) -> None:
        self._rules = f"{rules}"
        self._new: list[tuple[str, bytes]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=60)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=OFF")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer BLOB)"
            )
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{path}: cannot be used to remember verdicts: {error}") from None

    def get(self, key: str) -> Any:
        row = self._base.execute(
            "SELECT answer FROM answers WHERE key = ?", (self._name(key),)
        ).fetchone()
        return None if row is None else pickle.loads(row[0])

    def put(self, key: str, answer: Any) -> None:
        self._new.append((self._name(key), pickle.dumps(answer)))

    def commit(self) -> None:
        """Write what is new, all at once: a writer keeps all others out."""
        with self._base:
            self._base.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", self._new)
        self._new.clear()

    def close(self) -> None:
        self.commit()
        self._base.close()

    def _name(self, key: str) -> str:
        return hashlib.sha256(f"{_FORMAT}/{self._rules}/{key}".encode()).hexdigest()
