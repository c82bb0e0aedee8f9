"""What the tools do: texts in, typed results out. Knows nothing of the protocol.

Programs run in the sandbox and nowhere else; this process parses them and compares plain data."""

from __future__ import annotations

import ast
from dataclasses import replace

from egca.errors import InputError
from egca.execution import Call, Limits, Sandbox
from egca.execution.judging import judge
from egca.execution.recorder import TraceLimits
from egca.execution.tracer import TraceSession
from egca.integrations.mcp import shown
from egca.integrations.mcp.results import Constraint, Constraints, Judged, Localized, Traced
from egca.localization import localize
from egca.localization.alignment import step_at, visible
from egca.problems import Problem, infer_entry_point, kind_of
from egca.problems.json_tests import example_of
from egca.problems.texts import check_defines, problem_of_texts
from egca.structure import extract_constraints, gate
from egca.types import Program, SourceMap

_CALLS = 5  # calls at their limit that a whole program may take
_TRACE = TraceLimits(n_events=5_000, n_elements=64, total_bytes=1 << 22)


class Work:
    """The four tools on one warm sandbox. One call at a time: times of programs are measured."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def localize(
        self,
        candidate: str,
        tests: str,
        reference: str | None,
        entry_point: str | None,
        budget_s: float,
    ) -> Localized:
        """Where the candidate first goes wrong. Raises: EgcaError for texts that say nothing."""
        problem = problem_of_texts(candidate, tests, reference, entry_point)
        found = localize(candidate, None, problem, sandbox=self._sandbox, budget_s=budget_s)
        return shown.localized(found)

    def judge(
        self,
        candidate: str,
        tests: str,
        reference: str | None,
        entry_point: str | None,
        timeout_s: float,
    ) -> Judged:
        """What the tests say of the candidate. Raises: as localize."""
        problem = problem_of_texts(candidate, tests, reference, entry_point)
        limits = _limits(timeout_s)
        verdict = judge(problem, Program(candidate), sandbox=self._sandbox, limits=limits)
        verdict = gate(verdict, candidate, reference, entry_point=problem.entry_point)
        return shown.judged(problem, verdict)

    def trace(
        self,
        program: str,
        text: str,
        entry_point: str | None,
        timeout_s: float,
        first: int,
        n_events: int,
    ) -> Traced:
        """What a program does on one input: events first (from 1) to first + n_events - 1."""
        name = _entry_point(program) if entry_point is None else entry_point
        check_defines(program, name, "program")
        example = example_of({"input": text}, 1, not name, "input")
        call = Call(example.args, example.kwargs, example.stdin)
        where = (self._sandbox, program, kind_of(name), name, _limits(timeout_s), _TRACE)
        with TraceSession(*where) as session:
            (trace,) = session.trace([call])
        indices = visible(trace)
        chosen = indices[first - 1 : first - 1 + n_events]
        source_map = SourceMap(program)
        events = [shown.event(step_at(trace, source_map, index)) for index in chosen]
        is_cut = trace.truncated or first - 1 + n_events < len(indices)
        return shown.traced(trace.outcome, not name, events, len(indices), is_cut)

    def constraints(self, reference: str, entry_point: str | None) -> Constraints:
        """What the reference's text demands of other programs; nothing runs."""
        try:
            ast.parse(reference)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = getattr(error, "msg", None) or type(error).__name__
            raise InputError(f"reference: does not compile: {why}") from None
        name = _entry_point(reference) if entry_point is None else entry_point
        check_defines(reference, name, "reference")
        problem = Problem(name or "script", name, (), kind=kind_of(name), reference=reference)
        return Constraints(
            entry_point=name,
            constraints=[
                Constraint(
                    kind=one.kind,
                    sentence=one.sentence,
                    is_enforced=one.enforced,
                    parameters=one.to_dict()["parameters"],
                )
                for one in extract_constraints(problem).constraints
            ],
        )


def _entry_point(source: str) -> str:
    return infer_entry_point(source, None, "")


def _limits(timeout_s: float) -> Limits:
    return replace(Limits(), call_s=timeout_s, program_s=_CALLS * timeout_s)
