"""What a process behind a `Bench` does: judge a completion, find its places, or read its variables.

It has a sandbox of its own, for programs that a model wrote. Who asks, and what is remembered, is
assessment.py's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from egca.credit import Need
from egca.errors import EgcaError
from egca.execution import Limits, Sandbox
from egca.execution.expectations import GroundTruth
from egca.execution.judging import evidence_of, judge
from egca.execution.one_child import Children
from egca.localization.examination import examined
from egca.localization.ops import OPS
from egca.localization.plain_child import PlainChild, PlainPair
from egca.localization.quick import QuickStage
from egca.localization.search import Budget
from egca.localization.tame import is_tame_source
from egca.problems import Problem, program_of
from egca.structure import gate
from egca.training.assessment import Answer, Job, Judged, Report, Rules, Task, lost
from egca.training.held import held_after
from egca.training.places import (
    PLAIN_NEEDS,
    TRACED_NEEDS,
    Places,
    place_raised,
    places_at,
    places_of,
)
from egca.types import Cause, Mode, Program, Verdict

# A part of what `egca localize` tries, counted in runs, so that a place does not depend on load.
_SEARCH = Budget(n_runs=500, n_ticks=14_000, n_edits=400)
_NO_SEARCH = replace(_SEARCH, n_edits=0)
_TRUTH = GroundTruth(None, is_light=True)
# What a program may owe to those that its process ran before it.
_OF_PROCESS = frozenset({Cause.MEMORY, Cause.CRASH, Cause.OUTPUT_LIMIT})


@contextlib.contextmanager
def assessor(rules: Rules) -> Iterator[Callable[[Job], Answer | None]]:
    """What a process does with its jobs; it has a sandbox of its own."""
    from egca.debuggers import open_debugger

    limits = None
    if rules.call_s is not None:  # one call that does not end says it; the others get less
        limits = Limits(call_s=rules.call_s, late_call_s=rules.call_s / 5)
    with (
        Sandbox(preload=OPS) as sandbox,
        QuickStage(sandbox) as quick,
        PlainChild(sandbox) as plain,
        PlainPair(sandbox) as pair,
    ):
        debugger = None
        if rules.debugger != "trace":
            debugger = open_debugger(rules.debugger, max_cost=rules.max_cost)

        def handle(job: Job) -> Answer | None:
            try:
                if job.asked is not None:
                    program = program_of(job.task.problem, job.completion)
                    return held_after(program, job.task.problem, sandbox, limits, job.asked)
                if job.needs is None:
                    return _judge(job, sandbox, plain, limits, rules)
                return _find(job, sandbox, limits, rules, debugger, quick, pair)
            except EgcaError as error:
                return lost(job, str(error))

        yield handle


def _judge(
    job: Job, sandbox: Sandbox, plain: PlainChild, limits: Limits | None, rules: Rules
) -> Judged | Report:
    problem = job.task.problem
    program = program_of(problem, job.completion)
    stops = job.n_public is None and not rules.wants_share
    for source in (plain.for_next(), sandbox) if _is_plain(program, problem) else (sandbox,):
        verdict = judge(
            problem, program,
            sandbox=sandbox, limits=limits, stop_at_first=stops, truth=_TRUTH,
            children=Children(source, sandbox),
        )  # fmt: skip
        if verdict.cause not in _OF_PROCESS:
            break
    plain_verdict = verdict
    verdict = _gated(verdict, program, job.task)
    n_passed = sum(result.passed for result in verdict.results)
    share = n_passed / len(problem.tests)
    failing = verdict.first_failure
    failure = failing.actual.failure if failing is not None else verdict.failure
    if verdict.cause in (Cause.CONSTRAINT, Cause.NOT_COMPARABLE) and not verdict.passed:
        failure = None
    name = failure.type if failure is not None else ""
    assert verdict.mode is not None
    raised = place_raised(program, failure) if verdict.mode is Mode.SYNTAX else (None, None)
    judged = Judged(verdict.mode, verdict.cause, share, name, verdict.evidence, raised=raised)
    if job.n_public is None:
        return judged
    return _report(
        judged, plain_verdict, program, replace(job.task, constraints=None), job.n_public
    )


def _gated(verdict: Verdict, program: Program, task: Task) -> Verdict:
    problem = task.problem
    return gate(
        verdict, program, problem.reference, task.constraints, entry_point=problem.entry_point
    )


def _report(
    judged: Judged, verdict: Verdict, program: Program, task: Task, n_public: int
) -> Report:
    """What the verdict, before any gate, says of each public test, and of all others."""
    if not verdict.results:  # it does not load: no test could run
        return Report(judged, (judged.evidence,), passes_private=False)
    said = []
    for index, one in enumerate(verdict.results[:n_public]):
        if not one.passed:
            evidence = evidence_of(task.problem, index, one)
            alone = Verdict((one,), one.cause, one.actual.failure, None, evidence, verdict.seconds)
            said.append(_gated(alone, program, task).evidence)
    private = verdict.results[n_public:]
    return Report(judged, tuple(dict.fromkeys(said)), all(one.passed for one in private))


def _find(
    job: Job,
    sandbox: Sandbox,
    limits: Limits | None,
    rules: Rules,
    debugger: Any,
    quick: QuickStage,
    pair: PlainPair,
) -> Places:
    assert job.needs is not None
    problem = job.task.problem
    program = program_of(problem, job.completion)
    has_failed = False
    if debugger is not None and job.needs - TRACED_NEEDS:
        try:
            answer = debugger.localize(
                program, None, problem, sandbox=sandbox, limits=limits, budget_s=rules.budget_s
            )
        except Exception:  # a server that is gone, a budget that is spent, a bug of its author's
            has_failed = True
        else:
            found = places_of(answer, job.needs)
            if Need.EXECUTED in job.needs:  # an answer has the steps of one run, not all traces
                alone = replace(job, needs=frozenset({Need.EXECUTED}))
                found = replace(
                    found, executed=_by_trace(alone, sandbox, limits, rules, pair).executed
                )
            return found
    elif job.needs <= PLAIN_NEEDS:
        isolated = quick.isolate(program, problem)
        if isolated is not None:
            divergence = isolated.divergence(Need.REPAIR in job.needs)
            return places_at(program, divergence, job.needs)
    return replace(_by_trace(job, sandbox, limits, rules, pair), fell_back=has_failed)


def _by_trace(
    job: Job, sandbox: Sandbox, limits: Limits | None, rules: Rules, pair: PlainPair
) -> Places:
    assert job.needs is not None
    problem = job.task.problem
    program = program_of(problem, job.completion)
    bound = _SEARCH if job.needs - TRACED_NEEDS else _NO_SEARCH  # no repair tells more of traces
    search = partial(
        examined, program, None, problem,
        sandbox=sandbox, limits=limits, budget=replace(bound, seconds=rules.budget_s),
        is_sound=True,  # problems whose references fail are set aside
    )  # fmt: skip
    if _is_plain(program, problem) and is_tame_source(problem.reference or ""):
        with search(children=pair.for_next()) as at:
            if _OF_PROCESS.isdisjoint(_causes(at.found.verdict)):
                return places_of(at.by_trace, job.needs, at)
    with search() as at:
        return places_of(at.by_trace, job.needs, at)


def _is_plain(program: Program, problem: Problem) -> bool:
    return problem.kind == "function" and is_tame_source(program.source)


def _causes(verdict: Verdict) -> set[Cause]:
    return {verdict.cause, *(result.cause for result in verdict.results)}
