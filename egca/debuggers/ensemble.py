"""The trace first, and a model only where the trace is unsure: the cheap default for training."""

from __future__ import annotations

from dataclasses import replace

from egca.debuggers.base import Debugger, Extraction, Run
from egca.debuggers.llm import LlmDebugger
from egca.errors import InputError
from egca.localization.examination import Examination
from egca.localization.result import Localization, Opinion
from egca.problems import Problem
from egca.types import Program

# Three of four first lines that are this sure are right, as the confidence is calibrated.
THRESHOLD = 0.75


class Ensemble(Debugger):
    """Asks `inner` where the trace's confidence is under a threshold in [0, 1]."""

    def __init__(self, inner: LlmDebugger, name: str = "", threshold: float = THRESHOLD) -> None:
        if not 0 <= threshold <= 1:
            raise InputError(f"the threshold is {threshold:g}, but must be between 0 and 1")
        self.name = name or f"ensemble:{inner.model.name}"
        self.inner = inner
        self.threshold = threshold
        self.concurrency = inner.concurrency

    async def place(self, at: Examination, run: Run) -> Localization:
        divergence = at.by_trace.divergence
        if not at.is_open or divergence is None or divergence.confidence >= self.threshold:
            return at.answer(None, Opinion(self.name, self.inner.model.name), 0.0)
        found = await self.inner.place(at, run)
        if found.opinion is None:
            return found
        return replace(found, opinion=replace(found.opinion, debugger=self.name))

    async def rate(self, problem: Problem, program: Program) -> float:
        return await self.inner.rate(problem, program)

    async def demands(self, problem: Problem, reference: str | None) -> Extraction:
        return await self.inner.demands(problem, reference)
