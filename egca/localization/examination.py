"""A failing program under examination: judged, traced, searched, and open to further questions.

`localize` asks once and is done. A debugger with a mind of its own looks at the traces, makes
claims and lets the program run with changes, perhaps minutes apart; between two questions no
process of the program is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property

from egca.execution import Call, Limits, Sandbox
from egca.execution.one_child import Children, OneChild
from egca.execution.patching import Patch
from egca.execution.trace import Trace
from egca.localization import locate
from egca.localization.claims import Claim, Refusal, checked
from egca.localization.evidence import Evidence
from egca.localization.explain import Explanation, explain_line, n_steps_allowed
from egca.localization.findings import PATIENT, Findings, tracer
from egca.localization.inputs import Input
from egca.localization.result import AlignedStep, Localization, Opinion
from egca.localization.search import Budget
from egca.problems import Problem
from egca.types import Outcome, Program, Proof, SourceMap

CHECK_S = 1.0  # of the interventions that check one claim


@contextmanager
def examined(
    candidate: Program | str,
    reference: str | None,
    problem: Problem,
    *,
    sandbox: Sandbox,
    limits: Limits | None = None,
    budget: Budget | None = None,
    budget_s: float | None = None,
    children: Children | None = None,
    is_sound: bool = False,
) -> Iterator[Examination]:
    """Examine a program; further arguments and errors are those of `localize`.

    Args:
        children: where candidate and reference run; None: in fresh ones, which are ended.
        is_sound: the reference is known to pass the tests, and is not asked again.
    """
    started = time.perf_counter()
    program = Program(candidate) if isinstance(candidate, str) else candidate
    if reference is not None and reference != problem.reference:
        problem = replace(problem, reference=reference)
    budget = budget or Budget()
    if budget_s is not None:
        budget = replace(budget, seconds=budget_s)
    with ExitStack() as stack:
        if children is None:
            opened = locate.open_children(sandbox, limits or PATIENT, budget)
            children = stack.enter_context(opened)
        found = locate.find(program, problem, sandbox, limits, budget, children, is_sound)
        yield Examination(found, started)


class Examination:
    """What is known of one program, and what can be tried on it. Not thread-safe."""

    def __init__(self, found: Findings, started: float) -> None:
        self.found = found
        self._by_trace = locate.result(found, started)
        self.rest()

    @property
    def program(self) -> Program:
        return self.found.program

    @property
    def problem(self) -> Problem:
        return self.found.problem

    @property
    def evidence(self) -> Evidence:
        """By line: what speaks for its being at fault."""
        return self.found.evidence

    @property
    def by_trace(self) -> Localization:
        """The answer that needs no model."""
        return self._by_trace

    @property
    def steps(self) -> Sequence[AlignedStep]:
        """The runs on the first failing input, aligned; empty if nothing could be traced."""
        return self._by_trace.traces

    @property
    def is_open(self) -> bool:
        """Whether there is a place to find: it fails, it runs, and a failing run was traced."""
        return bool(self.found.ranked) and bool(self.found.runs.failing)

    @property
    def proof(self) -> Proof:
        """What confirms the trace's answer."""
        divergence = self._by_trace.divergence
        return Proof("none") if divergence is None else divergence.proof

    @property
    def failing_input(self) -> Input:
        """The first failing input that was traced."""
        return self.found.failing[0]

    @cached_property
    def suspects(self) -> list[int]:
        """Lines by falling suspicion."""
        return [one.line for one in self.found.ranked]

    def check(self, claim: Claim) -> Explanation | Refusal:
        """Whether the runs bear a claim out."""
        self.found.deadline = time.perf_counter() + CHECK_S
        try:
            return checked(self.found, claim, self.proof)
        finally:
            self.rest()

    def proof_at(self, line: int) -> Proof:
        """What an edit, a value or a decision on a line can show; kind "none" if nothing."""
        self.found.deadline = time.perf_counter() + CHECK_S
        try:
            return explain_line(self.found, SourceMap(self.program.source), line).proof
        finally:
            self.rest()

    def answer(self, known: Explanation | None, opinion: Opinion, seconds: float) -> Localization:
        """A localization on a claim that was checked, or with None the trace's.

        Args:
            seconds: that the opinion took, added to those of the examination.
        """
        found = self._by_trace
        if known is not None:
            found = locate.result(self.found, time.perf_counter(), known)
        return replace(found, opinion=opinion, seconds=self._by_trace.seconds + seconds)

    def intervene(self, patches: Sequence[Patch]) -> Outcome:
        """The first failing input once more, with values or decisions changed."""
        session = self.found.tracer
        assert session is not None
        one, n_steps = self.failing_input, n_steps_allowed(self.found)
        try:
            return session.intervene(one.call, [list(patches)], n_steps, args_after=one.wants_args)[
                0
            ]
        finally:
            self.rest()

    def trace(self, source: str, call: Call) -> Trace:
        """A run of the candidate, a version of it, or the reference, on any input."""
        try:
            with tracer(self.found, source) as session:
                return session.trace([call])[0]
        finally:
            self.rest()

    def rest(self) -> None:
        """End the processes; the next question starts fresh ones, within their own limits."""
        for child in (self.found.children.candidate, self.found.children.reference):
            if isinstance(child, OneChild):
                child.close()
