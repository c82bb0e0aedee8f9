"""Judging and localizing completions in processes of their own, while the model works.

A `Bench` takes completions as they are sampled and, once their advantages are known, requests for
places. Equal programs for one problem are judged once; what is known of a program is kept by
content, in memory and, if asked, in a file that several runs share. Rewards and credit are made
elsewhere (crediting.py)."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from egca.credit import Need
from egca.errors import EgcaError, InputError, ProviderError
from egca.execution import Limits, Sandbox
from egca.execution.expectations import GroundTruth
from egca.execution.judging import judge
from egca.execution.one_child import Children
from egca.execution.workers import Crew, Lost
from egca.localization.examination import examined
from egca.localization.ops import OPS
from egca.localization.plain_child import PlainChild
from egca.localization.quick import QuickStage
from egca.localization.search import Budget
from egca.localization.tame import is_tame_source
from egca.problems import Problem, program_of, row_of
from egca.structure import ConstraintSet, gate
from egca.training.held import Asked, Held, held_after
from egca.training.places import (
    PLAIN_NEEDS,
    Places,
    Range,
    place_raised,
    places_at,
    places_of,
)
from egca.types import Cause, Mode

_OF_VERDICTS = frozenset({Need.LOCATION, Need.REPAIR})  # needs that a traceback can serve
_RAISED = 0.9  # as localize has it for a program that the interpreter stops at
_FORMAT = 2  # of what is kept on disk
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
class Task:
    """What a process needs to know of a problem. constraints: C, None for I_C = 1."""

    problem: Problem
    constraints: ConstraintSet | None
    key: str


@dataclass(frozen=True, slots=True)
class Job:
    """Judge a completion, or, with needs, find its places, or, asked for, what variables held."""

    task: Task
    completion: str
    needs: frozenset[Need] | None = None
    asked: Asked | None = None


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
        self._crew = Crew[Job](
            n_workers, "egca.training.assessment:assessor", (rules,), _JOB_LIMIT_S
        )
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
            found = _lost(job, answer.reason) if is_lost else answer
            self._known[_key(job)] = found
            if self._memory is not None and not is_lost:
                self._memory.put(_key(job), found)

    def judged(self, job: Job) -> Judged:
        """The verdict of a requested job; waits for it."""
        found = self._wait(job)
        assert isinstance(found, Judged)
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

        None where more is asked, another debugger is, or the verdict knows none.
        """
        if job.needs is None or not job.needs <= _OF_VERDICTS or self._rules.debugger != "trace":
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
    text = hashlib.sha256(job.completion.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{job.task.key}/{text}/{needs}"


def _lost(job: Job, reason: str) -> Judged | Places | None:
    """In place of an answer that a process took with it."""
    if job.asked is not None:
        return None
    if job.needs is not None:
        return Places()
    return Judged(Mode.SYNTAX, Cause.CRASH, 0.0, "", "", reason)


@contextlib.contextmanager
def assessor(rules: Rules) -> Iterator[Callable[[Job], Judged | Places | Held | None]]:
    """What a process does with its jobs; it has a sandbox of its own."""
    from egca.debuggers import open_debugger

    limits = None
    if rules.call_s is not None:  # one call that does not end says it; the others get less
        limits = Limits(call_s=rules.call_s, late_call_s=rules.call_s / 5)
    with (
        Sandbox(preload=OPS) as sandbox,
        QuickStage(sandbox) as quick,
        PlainChild(sandbox) as plain,
    ):
        debugger = None
        if rules.debugger != "trace":
            debugger = open_debugger(rules.debugger, max_cost=rules.max_cost)

        def handle(job: Job) -> Judged | Places | Held | None:
            try:
                if job.asked is not None:
                    program = program_of(job.task.problem, job.completion)
                    return held_after(program, job.task.problem, sandbox, limits, job.asked)
                if job.needs is None:
                    return _judge(job, sandbox, plain, limits, rules)
                return _find(job, sandbox, limits, rules, debugger, quick)
            except EgcaError as error:
                return _lost(job, str(error))

        yield handle


# A part of what `egca localize` tries, counted in runs, so that a place does not depend on load.
_SEARCH = Budget(n_runs=500, n_ticks=14_000, n_edits=400)
_NO_SEARCH = replace(_SEARCH, n_edits=0)
_OF_TRACES = frozenset({Need.EXECUTED, Need.LATE, Need.UNCONFIRMED})  # no repair tells more of them
_TRUTH = GroundTruth(None, is_light=True)
# What a program may owe to those that its process ran before it.
_OF_PROCESS = frozenset({Cause.MEMORY, Cause.CRASH, Cause.OUTPUT_LIMIT})


def _judge(
    job: Job, sandbox: Sandbox, plain: PlainChild, limits: Limits | None, rules: Rules
) -> Judged:
    problem = job.task.problem
    program = program_of(problem, job.completion)
    is_plain = problem.kind == "function" and is_tame_source(program.source)
    for source in (plain.for_next(), sandbox) if is_plain else (sandbox,):
        verdict = judge(
            problem, program,
            sandbox=sandbox, limits=limits, stop_at_first=not rules.wants_share, truth=_TRUTH,
            children=Children(source, sandbox),
        )  # fmt: skip
        if verdict.cause not in _OF_PROCESS:
            break
    verdict = gate(
        verdict,
        program,
        problem.reference,
        job.task.constraints,
        entry_point=problem.entry_point,
    )
    n_passed = sum(result.passed for result in verdict.results)
    share = n_passed / len(problem.tests)
    failing = verdict.first_failure
    failure = failing.actual.failure if failing is not None else verdict.failure
    if verdict.cause in (Cause.CONSTRAINT, Cause.NOT_COMPARABLE) and not verdict.passed:
        failure = None
    name = failure.type if failure is not None else ""
    assert verdict.mode is not None
    raised = place_raised(program, failure) if verdict.mode is Mode.SYNTAX else (None, None)
    return Judged(verdict.mode, verdict.cause, share, name, verdict.evidence, raised=raised)


def _find(
    job: Job,
    sandbox: Sandbox,
    limits: Limits | None,
    rules: Rules,
    debugger: Any,
    quick: QuickStage,
) -> Places:
    assert job.needs is not None
    problem = job.task.problem
    program = program_of(problem, job.completion)
    has_failed = False
    if debugger is not None:
        try:
            answer = debugger.localize(
                program, None, problem, sandbox=sandbox, limits=limits, budget_s=rules.budget_s
            )
            return places_of(answer, job.needs)
        except ProviderError:  # a server that is gone, a budget that is spent
            has_failed = True
    elif job.needs <= PLAIN_NEEDS:
        isolated = quick.isolate(program, problem)
        if isolated is not None:
            divergence = isolated.divergence(Need.REPAIR in job.needs)
            return places_at(program, divergence, job.needs)
    bound = _SEARCH if job.needs - _OF_TRACES else _NO_SEARCH
    with examined(
        program, None, problem,
        sandbox=sandbox, limits=limits, budget=replace(bound, seconds=rules.budget_s),
    ) as at:  # fmt: skip
        return replace(places_of(at.by_trace, job.needs, at), fell_back=has_failed)


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
