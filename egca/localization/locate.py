"""`localize`: from a failing program to the place where it first goes wrong.

The order of work: judge, trace a few inputs beside the reference, search small edits that repair
everything, weigh all evidence by line, then prove and explain the first line. Every program runs
in the sandbox; this process parses them, compares values and decides."""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

from egca.execution import Limits, Sandbox
from egca.execution.expectations import SLOWER, is_unknown
from egca.execution.judging import check_reference, judge
from egca.execution.one_child import Children, OneChild
from egca.execution.trace import Trace
from egca.localization import evidence as evidence_of
from egca.localization import explain, scoring
from egca.localization.alignment import align
from egca.localization.edit_program import edit_space, touches
from egca.localization.edits import Edit
from egca.localization.evidence import Evidence
from egca.localization.findings import LIMITS, PATIENT, Findings, trace
from egca.localization.inputs import Input, affordable, after_earlier, gather
from egca.localization.ops import OPS
from egca.localization.result import AlignedStep, Localization
from egca.localization.schemata import build
from egca.localization.scope import walk
from egca.localization.search import Budget, EditSearch, Score
from egca.localization.variants import SPARE_TICKS
from egca.problems import Problem
from egca.structure import gate
from egca.types import Cause, Divergence, Program, SourceMap, Verdict

# Of one round of edits, so that the later, rarer ones find something left.
MAX_RUNS, MAX_TICKS = 3_000, 80_000
AFTER_OTHERS = "a failing call is wrong only after those before it, which leave something behind"
BY_OTHERS = (
    "a failing call alone gives the right output: what earlier calls leave behind, or what the "
    "test does with its arguments, decides"
)
OUT_OF_TIME = "the time budget ended before all edits were tried"
STUCK = "no more edits were tried, for run after run had to be killed"
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
    _search(found)
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
    return ast.parse(source)


def _parse(found: Findings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.tree = ast.parse(found.program.source)
        if found.problem.reference is not None:
            found.reference_tree = parse_reference(found.problem.reference)


def _search(found: Findings) -> None:
    """Try small edits; additions only when no change of what is there repairs everything.

    An edit that repairs every failing input changes a line that each failing run executes, so these
    come first; the others are tried for what they repair in part.
    """
    if found.budget.n_edits == 0:
        return
    if not all(one.is_known for one in found.inputs if one.is_failing):
        found.notes.append("a failing test has no expected value, so no repair can be checked")
        return
    space = edit_space(found.tree, found.reference_tree, found.problem.entry_point)
    runs = [executed(found, trace) for trace in found.runs.failing]
    everywhere = set.intersection(*runs) if runs else set()
    left = found.budget.n_edits
    skipped: list[Edit] = []
    for generate in (space.changes, space.additions):
        n = min(left, _n_affordable(found))
        common: list[Edit] = []
        for edit in generate() if n else ():
            (common if touches(edit, everywhere) else skipped).append(edit)
            if len(common) == n:
                break
        if _try_all(found, common):
            return
        left -= len(common)
    n = min(left, _n_affordable(found))
    if n:
        somewhere = set().union(*runs)
        _try_all(found, [edit for edit in skipped if touches(edit, somewhere)][:n])


def _n_affordable(found: Findings) -> int:
    """Edits that can still run at all: each on one input, after the program as it is on all.

    Where runs, ticks or time are spent no edit is made, nor one that would not get its turn.
    """
    if found.budget.n_ticks <= 0 or found.time_left_s <= 0:
        return 0
    return max(found.budget.n_runs - len(found.inputs), 0)


def _try_all(found: Findings, edits: list[Edit]) -> bool:
    """Try edits; whether the search is over: by a full repair, by the clock, or as hopeless."""
    scores = _try(found, edits)
    found.scores += scores
    is_hopeless = not any(
        one.is_failing for i, one in enumerate(found.inputs) if i not in found.set_aside
    )
    if is_hopeless or STUCK in found.notes:
        return True
    if found.time_left_s <= 0:
        found.notes.append(OUT_OF_TIME)
        return True
    return any(score.is_full(found.n_searched) for score in scores)


def executed(found: Findings, trace: Trace) -> set[int]:
    """Lines whose statements a run may have executed.

    A statement that raised has no event of its own, nor have break, continue, pass and loops over
    nothing: the places of the failure, everything inside a try, and those four always count.
    """
    lines = {
        line
        for site in trace.counts
        for line in range(trace.sites[site].statement[0], trace.sites[site].statement[2] + 1)
    }
    if trace.outcome.failure is not None:
        lines |= {frame.line for frame in trace.outcome.failure.frames}
    for node in walk(found.tree):
        if isinstance(node, ast.Break | ast.Continue | ast.Pass | ast.For):
            lines.add(node.lineno)
        elif isinstance(node, ast.Try):
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


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
        found.children.candidate,
        schemata,
        edits,
        [one.payload() for one in found.inputs],
        found.problem.kind,
        found.problem.entry_point,
        lambda call, output: found.inputs[call].accepts_output(output, is_script),
        lambda call, output: found.inputs[call].is_repeated(output, is_script),
        replace(
            found.budget,
            n_runs=min(found.budget.n_runs, MAX_RUNS),
            n_ticks=min(found.budget.n_ticks, MAX_TICKS),
            seconds=max(found.time_left_s, 0.01),
        ),
        _spare_ticks(found),
    )
    scores = search.find()
    found.set_aside |= search.set_aside
    found.is_complete = found.is_complete and not search.set_aside
    if search.has_given_up and STUCK not in found.notes:
        found.notes.append(STUCK)
    n_runs, n_ticks = search.spent
    found.budget = replace(
        found.budget,
        n_runs=max(found.budget.n_runs - n_runs, 0),
        n_ticks=max(found.budget.n_ticks - n_ticks, 0),
    )
    return scores


def _spare_ticks(found: Findings) -> int:
    """Fewer where the reference shows how little it takes: edits that never end then cost less."""
    theirs = [trace.n_steps for trace in found.runs.reference_failing if trace.outcome.ok]
    return min(SPARE_TICKS, 60 + 4 * max(theirs)) if theirs else SPARE_TICKS


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
