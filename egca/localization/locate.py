"""`localize`: from a failing program to the place where it first goes wrong.

The order of work: judge, trace a few inputs beside the reference, search small edits that repair
everything, weigh all evidence by line, then prove and explain the first line. Every program runs in the
sandbox; this process parses them, compares values and decides."""

from __future__ import annotations

import ast
import time
import warnings
from dataclasses import dataclass, field, replace


from egca.execution import Limits, Sandbox

from egca.execution.judging import check_reference, judge
from egca.execution.recorder import TraceLimits
from egca.execution.tracer import TraceSession
from egca.localization import evidence as evidence_of
from egca.localization import explain, scoring
from egca.localization.alignment import align
from egca.localization.edit_program import edit_space
from egca.localization.edits import Edit
from egca.localization.evidence import Evidence, Runs
from egca.localization.inputs import Input, gather
from egca.localization.result import AlignedStep, Localization
from egca.localization.schemata import build
from egca.localization.search import Budget, EditSearch, Score
from egca.problems import Problem
from egca.structure import gate
from egca.types import Cause, Program, SourceMap, Verdict

N_FAILING, N_PASSING = 3, 6  # inputs that are traced
TRACE_LIMITS = TraceLimits(n_events=4_000, n_elements=64, total_bytes=1 << 21, n_steps=100_000)
# A program that hangs on every input must not cost seconds; a slow reference gets its own time.
LIMITS = Limits(call_s=0.25, program_s=2.0)
MAX_DEPTH = 40  # of a syntax tree that is edited: the weaving recurses
OPS = ("egca.execution.tracing", "egca.localization.variants")


@dataclass
class Findings:
    """What one localization has found so far; the explanation is made of it."""

    problem: Problem
    program: Program
    verdict: Verdict
    sandbox: Sandbox
    limits: Limits
    budget: Budget
    deadline: float
    tree: ast.Module = field(default_factory=lambda: ast.Module(body=[], type_ignores=[]))
    reference_tree: ast.Module | None = None
    inputs: list[Input] = field(default_factory=list)
    runs: Runs = field(default_factory=Runs)
    failing: list[Input] = field(default_factory=list)  # as in runs.failing
    scores: list[Score] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    ranked: list[scoring.Ranked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def time_left_s(self) -> float:
        return self.deadline - time.perf_counter()


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
        limits: of the programs; None: a quarter of a second a call, more if the reference needs more.
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
    started = time.perf_counter()
    found = _find(program, problem, sandbox, LIMITS, Budget(), started)
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
    found = _find(program, problem, sandbox, limits or LIMITS, budget, started)
    return _result(found, started)


def _find(
    program: Program,
    problem: Problem,
    sandbox: Sandbox,
    limits: Limits,
    budget: Budget,
    started: float,
) -> Findings:
    """Everything up to the ranking of lines."""
    verdict = judge(problem, program, sandbox=sandbox, limits=limits)
    found = Findings(
        problem, program, verdict, sandbox, limits, budget, started + budget.seconds
    )
    if verdict.passed:
        found.verdict = gate(
            verdict, program, problem.reference, entry_point=problem.entry_point, order="correct_first"
        )
        return found
    check_reference(problem, sandbox, limits)
    found.verdict = gate(verdict, program, problem.reference, entry_point=problem.entry_point)
    if verdict.cause is Cause.COMPILE or not verdict.results:
        return found
    _parse(found)
    found.inputs = gather(problem, verdict, sandbox, limits)
    _trace(found)
    _search(found)
    found.evidence = evidence_of.gather(
        found.tree,
        found.reference_tree,
        problem.entry_point,
        found.runs,
        found.scores,
        len(found.inputs),
    )
    found.ranked = scoring.rank(found.evidence)
    return found


def _parse(found: Findings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.tree = ast.parse(found.program.source)
        if found.problem.reference is not None:
            found.reference_tree = ast.parse(found.problem.reference)


def _trace(found: Findings) -> None:
    """Trace the first failing and passing inputs, in the reference too."""
    failing = [one for one in found.inputs if one.is_failing]
    # A run that hung once hangs again: one trace of it is enough.
    hanging = [one for one in failing if one.result.cause is Cause.TIMEOUT]
    chosen = [one for one in failing if one not in hanging][:N_FAILING] or hanging[:1]
    passing = [one for one in found.inputs if not one.is_failing][:N_PASSING]
    calls = [one.call for one in [*chosen, *passing]]
    cut = len(chosen)
    problem = found.problem
    with TraceSession(
        found.sandbox,
        found.program,
        problem.kind,
        problem.entry_point,
        found.limits,
        TRACE_LIMITS,
    ) as session:
        traces = session.trace(calls)
    theirs = []
    if problem.reference is not None:
        with TraceSession(
            found.sandbox,
            problem.reference,
            problem.kind,
            problem.entry_point,
            found.limits,
            TRACE_LIMITS,
        ) as session:
            theirs = session.trace(calls)
    failures = [one.result.actual.failure for one in failing]
    found.failing = chosen
    found.runs = Runs(
        traces[:cut],
        traces[cut:],
        theirs[:cut],
        theirs[cut:],
        [failure for failure in failures if failure is not None],
    )


def _search(found: Findings) -> None:
    """Try small edits; additions only when no change of what is there repairs everything."""
    if not all(one.is_known for one in found.inputs if one.is_failing):
        found.notes.append("no reference: a repair cannot be told from a wrong one by value")
        return
    space = edit_space(found.tree, found.reference_tree, found.problem.entry_point)
    lines = _executed(found)
    for generate in (space.changes, space.additions):
        edits = [edit for edit in generate() if _touches(edit, lines)][: found.budget.n_edits]
        scores = _try(found, edits)
        found.scores += scores
        if any(score.is_full(len(found.inputs)) for score in scores):
            return
        if found.time_left_s <= 0:
            found.notes.append("the time budget ended before all edits were tried")
            return


def _executed(found: Findings) -> set[int]:
    """Lines of statements that failing runs executed, by trace."""
    return {
        line
        for trace in found.runs.failing
        for site in trace.counts
        for line in range(trace.sites[site].statement[0], trace.sites[site].statement[2] + 1)
    }


def _touches(edit: Edit, lines: set[int]) -> bool:
    return True


def _try(found: Findings, edits: list[Edit]) -> list[Score]:
    if not edits:
        return []
    try:
        schemata = build(found.tree, edits)
    except (SyntaxError, ValueError, RecursionError):
        if len(edits) == 1:
            return []
        half = len(edits) // 2
        return _try(found, edits[:half]) + _try(found, edits[half:])
    is_script = found.problem.kind == "script"
    search = EditSearch(
        found.sandbox,
        schemata,
        edits,
        [one.payload() for one in found.inputs],
        found.problem.kind,
        found.problem.entry_point,
        lambda call, output: found.inputs[call].accepts_output(output, is_script),
        replace(found.budget, seconds=max(found.time_left_s, 0.01)),
        found.limits,
    )
    try:
        return search.find()
    finally:
        search.close()


def _result(found: Findings, started: float) -> Localization:
    problem, verdict = found.problem, found.verdict
    divergence, steps = None, ()
    if not verdict.passed and not found.ranked:
        divergence = explain.unrunnable(found)
    elif not verdict.passed:
        divergence, moment = explain.divergence(found)
        steps = _steps(found, moment.index if moment else None)
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


def _steps(found: Findings, divergence: int | None) -> tuple[AlignedStep, ...]:
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
