"""What one localization has found so far, and the traces it stands on.

Candidate and reference are traced on the same few inputs; a reference's traces are remembered,
since many candidates share one."""

from __future__ import annotations

import ast
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from egca.execution import Call, Limits, Sandbox
from egca.execution.one_child import Children
from egca.execution.recorder import TraceLimits
from egca.execution.trace import Trace
from egca.execution.tracer import TraceSession
from egca.execution.wire import encode
from egca.localization.evidence import Evidence, Runs
from egca.localization.inputs import Input
from egca.localization.scoring import Ranked
from egca.localization.search import Budget, Score
from egca.problems import Problem
from egca.types import Cause, Program, Verdict

N_FAILING, N_PASSING = 3, 4  # inputs that are traced
TRACE_LIMITS = TraceLimits(n_events=4_000, n_elements=64, total_bytes=1 << 21, n_steps=25_000)
# A program that hangs on every input must not cost seconds; a slow reference gets its own time.
LIMITS = Limits(call_s=0.1, late_call_s=0.03, program_s=2.0)
# For a program that only ever fails by time: perhaps it is slow, and right.
PATIENT = Limits(call_s=0.3, late_call_s=0.05, program_s=3.0)
MAX_REMEMBERED = 2_000  # traces of references


@dataclass
class Findings:
    """What one localization has found so far; the explanation is made of it."""

    problem: Problem
    program: Program
    verdict: Verdict
    sandbox: Sandbox
    children: Children
    limits: Limits
    budget: Budget
    deadline: float
    tree: ast.Module = field(default_factory=lambda: ast.Module(body=[], type_ignores=[]))
    reference_tree: ast.Module | None = None
    inputs: list[Input] = field(default_factory=list)
    set_aside: set[int] = field(default_factory=set)  # of `inputs`, that no edit could be run on
    is_complete: bool = True  # an edit that is right on all of `inputs` passes every test
    runs: Runs = field(default_factory=Runs)
    failing: list[Input] = field(default_factory=list)  # as in runs.failing
    scores: list[Score] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    ranked: list[Ranked] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tracer: TraceSession | None = None

    @property
    def time_left_s(self) -> float:
        return self.deadline - time.perf_counter()

    @property
    def n_searched(self) -> int:
        """Inputs that edits are tried on."""
        return len(self.inputs) - len(self.set_aside)

    @property
    def all_fail_alone(self) -> bool:
        """As fails_alone, for all failing calls that were traced."""
        return all(self.fails_alone(index) for index in range(len(self.failing)))

    def fails_alone(self, index: int = 0) -> bool:
        """Whether a failing call as it is traced, on a fresh module, is wrong as in its test.

        If not, a value put into its run proves nothing.
        """
        outcome = self.runs.failing[index].outcome
        return not self.failing[index].accepts(outcome, self.problem.kind == "script")


def trace(found: Findings) -> None:
    """Trace the first failing and passing inputs, in the reference too."""
    failing = [one for one in found.inputs if one.is_failing]
    # A run that hung once hangs again: one trace of it is enough.
    hanging = [one for one in failing if one.result.cause is Cause.TIMEOUT]
    chosen = [one for one in failing if one not in hanging][:N_FAILING] or hanging[:1]
    passing = [one for one in found.inputs if not one.is_failing][:N_PASSING]
    calls = [one.call for one in [*chosen, *passing]]
    cut = len(chosen)
    found.tracer = tracer(found, found.program.source)
    traces = found.tracer.trace(calls)
    theirs = reference_traces(found, calls)
    failures = [one.result.actual.failure for one in failing]
    found.failing = chosen
    found.runs = Runs(
        traces[:cut],
        traces[cut:],
        theirs[:cut],
        theirs[cut:],
        [failure for failure in failures if failure is not None],
    )


def tracer(found: Findings, source: str) -> TraceSession:
    """A session that traces a version of the candidate, or the reference."""
    problem = found.problem
    where = found.children.reference if source is problem.reference else found.children.candidate
    return TraceSession(
        where, source, problem.kind, problem.entry_point, found.limits, TRACE_LIMITS
    )


_reference_traces: OrderedDict[bytes, Trace] = OrderedDict()


def reference_traces(found: Findings, calls: list[Call]) -> list[Trace]:
    """Traces of the reference, remembered in memory: many candidates share one reference."""
    source = found.problem.reference
    if source is None:
        return []
    head = encode((source, found.problem.kind, found.problem.entry_point))
    keys = [head + call.key for call in calls]
    missing = [i for i, key in enumerate(keys) if key not in _reference_traces]
    fresh: dict[bytes, Trace] = {}
    if missing:
        with tracer(found, source) as session:
            traces = session.trace([calls[i] for i in missing])
        fresh = {keys[i]: trace for i, trace in zip(missing, traces, strict=True)}
        _reference_traces.update(fresh)
    known = [_reference_traces[key] for key in keys]
    while len(_reference_traces) > MAX_REMEMBERED:
        _reference_traces.popitem(last=False)
    return known
