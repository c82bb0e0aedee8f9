"""`localize`: from a failing program to the place where it first goes wrong.

The order of work: judge, trace a few inputs beside the reference, search small edits that repair
everything, weigh all evidence by line, then prove and explain the first line. Every program runs
in the sandbox; this process parses them, compares values and decides."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

from egca.execution import Limits, Sandbox
from egca.execution.expectations import SLOWER, is_unknown
from egca.execution.judging import check_reference, judge
from egca.execution.one_child import Children, OneChild
from egca.localization import evidence as evidence_of
from egca.localization import explain, scoring
from egca.localization.alignment import align
from egca.localization.evidence import Evidence
from egca.localization.findings import LIMITS, PATIENT, Findings, trace
from egca.localization.inputs import Input, affordable, after_earlier, gather
from egca.localization.ops import OPS
from egca.localization.result import AlignedStep, Localization
from egca.localization.rounds import search_edits
from egca.localization.search import Budget
from egca.problems import Problem
from egca.problems.parsing import parsed
from egca.structure import gate
from egca.types import Cause, Divergence, Program, SourceMap, Verdict

AFTER_OTHERS = "a failing call is wrong only after those before it, which leave something behind"
BY_OTHERS = (
    "a failing call by itself gives what is right: something else decides, such as earlier calls, "
    "or what the test does with its arguments or its value"
)
ALONE = "without a reference this is weaker: only the tests were there to compare"


def localize(
    candidate: Program | str,
    reference: str | None,
    problem: Problem,
    *,
    sandbox: Sandbox | None = None,
    limits: Limits | None = None,
    budget: Budget | None = None,
    budget_s: float | None = None,
) -> Localization:
    """Find the earliest place where a program's behaviour goes wrong, and prove it.

    Args:
        candidate: the program; a string is its own completion.
        reference: source of a correct program; None: the problem's own, if it has one.
        problem: entry point and tests.
        sandbox: a warm one; None starts one for this call.
        limits: of the programs; None: 0.3 s a call, more if the reference needs more; a
            program that also gives wrong output gets 0.1 s.
        budget, budget_s: bounds of the search; what was found until then is returned.
    Returns: divergence None if every test passes.
    Raises: ProblemError if the problem has no tests or the reference fails them, SandboxError.
    """
    program = Program(candidate) if isinstance(candidate, str) else candidate
    if reference is not None and reference != problem.reference:
        problem = replace(problem, reference=reference)
    if sandbox is None:
        with Sandbox(preload=OPS) as own:
            return _localize(program, problem, own, limits, budget, budget_s)
    return _localize(program, problem, sandbox, limits, budget, budget_s)


def collect_evidence(program: Program, problem: Problem, *, sandbox: Sandbox) -> Evidence | None:
    """The evidence alone, for calibration; None if the program passes or does not run."""
    with open_children(sandbox, PATIENT, Budget()) as children:
        found = find(program, problem, sandbox, None, Budget(), children)
    return found.evidence if found.ranked else None


def _localize(
    program: Program,
    problem: Problem,
    sandbox: Sandbox,
    limits: Limits | None,
    budget: Budget | None,
    budget_s: float | None,
) -> Localization:
    started = time.perf_counter()
    budget = budget or Budget()
    if budget_s is not None:
        budget = replace(budget, seconds=budget_s)
    with open_children(sandbox, limits or PATIENT, budget) as children:
        return result(find(program, problem, sandbox, limits, budget, children), started)


@contextmanager
def open_children(sandbox: Sandbox, limits: Limits, budget: Budget) -> Iterator[Children]:
    """Two processes for everything, which may take what judging, tracing and searching may."""
    seconds = 2 * limits.program_s + 2 * budget.seconds
    own = replace(limits, program_s=seconds)
    more = replace(own, program_s=SLOWER * seconds)
    with OneChild(sandbox, own) as candidate, OneChild(sandbox, more) as reference:
        yield Children(candidate, reference)


def find(
    program: Program,
    problem: Problem,
    sandbox: Sandbox,
    limits: Limits | None,
    budget: Budget,
    children: Children,
    is_sound: bool = False,
) -> Findings:
    """Everything up to the ranking of lines; is_sound: the reference passes, as is known."""
    is_patient = limits is not None
    limits = limits or LIMITS
    verdict = judge(problem, program, sandbox=sandbox, limits=limits, children=children)
    if not is_patient and _fails_by_time_only(verdict):
        limits = PATIENT
        verdict = judge(problem, program, sandbox=sandbox, limits=limits, children=children)
    deadline = time.perf_counter() + budget.seconds
    found = Findings(problem, program, verdict, sandbox, children, limits, budget, deadline)
    if verdict.passed:
        found.verdict = gate(
            verdict,
            program,
            problem.reference,
            entry_point=problem.entry_point,
            order="correct_first",
        )
        return found
    if not is_sound and not all(is_unknown(test) for test in problem.tests):
        own = replace(limits, call_s=SLOWER * limits.call_s, program_s=SLOWER * limits.program_s)
        check_reference(problem, sandbox, own, children.reference)
    found.verdict = gate(verdict, program, problem.reference, entry_point=problem.entry_point)
    if verdict.cause is Cause.COMPILE or not verdict.results:
        return found
    if problem.reference is None:
        found.notes.append(ALONE)
    try:
        _parse(found)
        _rank(found)
    except RecursionError:  # a chain of 400 operators or elifs
        found.notes.append("the program is nested too deeply to be searched")
    return found


def _rank(found: Findings) -> None:
    """Trace the runs, search for repairs, and rank the lines by all evidence."""
    every = gather(found.problem, found.verdict, found.children.reference, found.limits)
    found.inputs = affordable(every)
    found.is_complete = len(found.inputs) == len(every) and all(one.is_exact for one in every)
    trace(found)
    if not found.all_fail_alone:
        _trace_in_order(found, every)
    search_edits(found)
    found.evidence = evidence_of.gather(
        found.tree,
        found.reference_tree,
        found.problem.entry_point,
        found.runs,
        found.scores,
        found.n_searched,
    )
    found.ranked = scoring.rank(found.evidence)


def _trace_in_order(found: Findings, every: Sequence[Input]) -> None:
    """Where a failing call is right by itself: make the calls of the tests before it."""
    alone = found.inputs, found.runs, found.failing
    found.is_complete = False
    if found.problem.kind != "script":
        found.inputs = affordable(after_earlier(every))
        trace(found)
        if found.all_fail_alone:
            found.notes.append(AFTER_OTHERS)
            return
    found.inputs, found.runs, found.failing = alone
    found.notes.append(BY_OTHERS)


def _fails_by_time_only(verdict: Verdict) -> bool:
    failing = [result for result in verdict.results if not result.passed]
    return bool(failing) and all(result.cause is Cause.TIMEOUT for result in failing)


@lru_cache(maxsize=64)
def parse_reference(source: str) -> ast.Module:
    """One tree for a reference: what is worked out about its nodes is remembered by node."""
    return parsed(source)


def _parse(found: Findings) -> None:
    found.tree = parsed(found.program.source)
    if found.problem.reference is not None:
        found.reference_tree = parse_reference(found.problem.reference)


def result(
    found: Findings, started: float, known: explain.Explanation | None = None
) -> Localization:
    """The answer on the first ranked line, or on the one that somebody else explained."""
    problem, verdict = found.problem, found.verdict
    divergence: Divergence | None = None
    steps: tuple[AlignedStep, ...] = ()
    if not verdict.passed and not found.ranked:
        divergence = explain.unrunnable(found)
    elif not verdict.passed:
        divergence, moment = explain.divergence(found, known)
        steps = aligned(found, moment.index if moment else None)
    return Localization(
        problem=problem,
        program=found.program,
        reference=Program(problem.reference) if problem.reference is not None else None,
        verdict=verdict,
        divergence=divergence,
        failing=verdict.first_failure,
        n_tests=len(problem.tests),
        n_failing=sum(not result.passed for result in verdict.results),
        traces=steps,
        is_truncated=any(trace.truncated for trace in found.runs.failing[:1]),
        seconds=time.perf_counter() - started,
        notes=tuple(found.notes),
    )


def aligned(found: Findings, divergence: int | None) -> tuple[AlignedStep, ...]:
    """The two runs on the first failing input, aligned."""
    if not found.runs.failing:
        return ()
    reference = found.problem.reference
    theirs = found.runs.reference_failing
    return align(
        found.runs.failing[0],
        SourceMap(found.program.source),
        theirs[0] if theirs else None,
        SourceMap(reference) if reference is not None else None,
        divergence,
    )
