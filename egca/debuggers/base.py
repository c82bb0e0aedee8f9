"""The interface of debuggers: who says where a failing program first goes wrong, and what a problem
demands of the form of its programs.

A debugger defines `place`, and `demands` if it can do better than the reference's text. Single and
batched calls, their processes and the bound on how many run at once are the same for all. No
debugger judges: whether a program is right, its tests have said before."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from egca.errors import EgcaError, InputError
from egca.execution import Limits, Sandbox
from egca.localization.examination import Examination, examined
from egca.localization.ops import OPS
from egca.localization.result import Localization, Opinion
from egca.problems import Problem, program_of
from egca.structure import ConstraintSet, extract_constraints
from egca.types import Program

T = TypeVar("T")
Job = Callable[[], Coroutine[Any, Any, T]]
CONCURRENCY = 8
# Runs what needs the sandbox in a thread, one at a time, while other cases wait for their models.
Run = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """A program to localize. reference: None takes the problem's own."""

    candidate: Program | str
    problem: Problem
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """Constraints of a problem, and what was said besides.

    remarks: demands in free text, that nothing checks. dropped: what the reference itself violates
    or no check exists for, each with the reason.
    """

    constraints: ConstraintSet
    remarks: tuple[str, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    opinion: Opinion | None = None


class Debugger(ABC):
    """Localizes failing programs and extracts constraints. name: as it was opened."""

    name: str = ""
    concurrency: int = CONCURRENCY

    @abstractmethod
    async def place(self, at: Examination, run: Run) -> Localization:
        """Where an examined program first goes wrong.

        Args:
            at: the candidate, the reference, the traces and the evidence.
            run: `await run(at.check, claim)` for whatever runs the program.
        Raises: ProviderError if a model gives no reply.
        """

    async def demands(self, problem: Problem, reference: str | None) -> Extraction:
        """Constraints of a problem. Raises: as `place`."""
        return Extraction(extract_constraints(problem, reference))

    async def rate(self, problem: Problem, program: Program) -> float:
        """How likely a program is to be right, in [0, 1], said without running it.

        Only of debuggers that give scores. Raises: ProviderError, InputError.
        """
        raise InputError(f"{self.name} gives no scores; name a debugger that is a model")

    @property
    def gives_scores(self) -> bool:
        """Whether `rate` is more than an error."""
        return type(self).rate is not Debugger.rate

    def score(self, problem: Problem, candidate: Program | str) -> float:
        """As `rate`, of one program. Raises: EgcaError if no score can be had."""
        return _or_raised(self.score_many([(problem, candidate)])[0])

    def score_many(
        self, cases: Sequence[tuple[Problem, Program | str]], *, concurrency: int | None = None
    ) -> list[float | EgcaError]:
        """Scores of several programs, in order; a text is taken as a completion is.

        Returns: in place of a score that cannot be had its error.
        """
        programs = [
            (problem, program_of(problem, one) if isinstance(one, str) else one)
            for problem, one in cases
        ]
        jobs = [
            partial(_attempted, partial(self.rate, problem, program))
            for problem, program in programs
        ]
        return in_a_loop(bounded(jobs, self._bound(concurrency)))

    def localize(
        self,
        candidate: Program | str,
        reference: str | None,
        problem: Problem,
        *,
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
        budget_s: float | None = None,
    ) -> Localization:
        """Where a program first goes wrong; arguments as those of egca.localization.localize.

        Raises: EgcaError for a case that cannot be examined, or gets no reply.
        """
        case = Case(candidate, problem, reference)
        found = self.localize_many([case], sandbox=sandbox, limits=limits, budget_s=budget_s)
        return _or_raised(found[0])

    def localize_many(
        self,
        cases: Sequence[Case],
        *,
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
        budget_s: float | None = None,
        concurrency: int | None = None,
    ) -> list[Localization | EgcaError]:
        """Localize cases, in order; at most `concurrency` of them are under way at once.

        Returns: a localization for each; the error of a case that cannot be examined, or gets no
            reply, stands in its place, and the others are finished all the same.
        """
        return in_a_loop(
            self.alocalize_many(
                cases, sandbox=sandbox, limits=limits, budget_s=budget_s, concurrency=concurrency
            )
        )

    async def alocalize_many(
        self,
        cases: Sequence[Case],
        *,
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
        budget_s: float | None = None,
        concurrency: int | None = None,
    ) -> list[Localization | EgcaError]:
        """As localize_many, inside a running loop."""
        shared = Sandbox(preload=OPS) if sandbox is None else nullcontext(sandbox)
        with shared as used:
            run = one_at_a_time()

            async def one(case: Case) -> Localization:
                context = examined(
                    case.candidate, case.reference, case.problem,
                    sandbox=used, limits=limits, budget_s=budget_s,
                )  # fmt: skip
                at = await run(context.__enter__)
                try:
                    found: Localization = await self.place(at, run)
                    return found
                finally:
                    context.__exit__(None, None, None)

            jobs = [partial(_attempted, partial(one, case)) for case in cases]
            return await bounded(jobs, self._bound(concurrency))

    def extract_constraints(self, problem: Problem, reference: str | None = None) -> Extraction:
        """Constraints C of a problem, from its statement and a correct program.

        Raises: InputError without a correct program; ProviderError if a model gives no reply.
        """
        return _or_raised(self.extract_constraints_many([(problem, reference)])[0])

    def extract_constraints_many(
        self,
        problems: Sequence[tuple[Problem, str | None]],
        *,
        concurrency: int | None = None,
    ) -> list[Extraction | EgcaError]:
        """Constraints of several problems, in order; errors as in localize_many."""
        jobs = [
            partial(_attempted, partial(self.demands, problem, reference))
            for problem, reference in problems
        ]
        return in_a_loop(bounded(jobs, self._bound(concurrency)))

    def _bound(self, concurrency: int | None) -> int:
        return max(self.concurrency if concurrency is None else concurrency, 1)


async def _attempted(job: Job[T]) -> T | EgcaError:
    """What a job gives, or the error that a user can mend; a bug of ours is raised."""
    try:
        return await job()
    except EgcaError as error:
        return error


def _or_raised(found: T | EgcaError) -> T:
    if isinstance(found, EgcaError):
        raise found
    return found


async def bounded(jobs: Sequence[Job[T]], n: int) -> list[T]:
    """What the jobs give, in order, at most n at once; the first error ends the others."""
    gate = asyncio.Semaphore(n)

    async def one(job: Job[T]) -> T:
        async with gate:
            return await job()

    tasks = [asyncio.ensure_future(one(job)) for job in jobs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def one_at_a_time() -> Run:
    """A `run` for the cases of one loop: a sandbox's child answers one question at a time."""
    lock = asyncio.Lock()

    async def run(function: Callable[..., T], *arguments: Any) -> T:
        async with lock:
            return await asyncio.to_thread(function, *arguments)

    return run


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end; in a thread of its own where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


class TraceDebugger(Debugger):
    """No model: the answer of egca.localization."""

    name = "trace"
    concurrency = 1

    async def place(self, at: Examination, run: Run) -> Localization:
        return at.by_trace
