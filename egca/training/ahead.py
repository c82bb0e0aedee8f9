"""Places that are asked for before their group is complete, as soon as they are sure to be needed.

The processes that localize then work while other completions are still sampled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from egca.training.assessment import Answer, Bench, Job, Judged
from egca.training.crediting import Crediting
from egca.types import Cause, Mode

_WORST = Judged(Mode.SYNTAX, Cause.COMPILE, 0.0)


class Ahead:
    """Asks for the places of failing completions once another of their group has passed.

    Whatever the rest of the group gets, a completion with the least reward then has an advantage
    below 0, so nothing is localized in vain.
    """

    def __init__(self, bench: Bench, crediting: Crediting) -> None:
        self._bench = bench
        self._crediting = crediting
        self._least = crediting.reward_of(_WORST)
        self._groups: dict[tuple[str, str], set[int]] = {}
        self._passed: set[int] = set()
        self._failing: dict[int, list[Job]] = {}

    def add(self, group: int, job: Job) -> None:
        """A completion of a group is being judged."""
        self._groups.setdefault((job.task.key, job.completion), set()).add(group)

    def note(self, answers: Iterable[tuple[Job, Answer | None]]) -> None:
        """Take in what has been judged."""
        for job, answer in answers:
            if isinstance(answer, Judged):
                for group in self._groups.get((job.task.key, job.completion), ()):
                    self._see(group, job, answer)

    def _see(self, group: int, job: Job, judged: Judged) -> None:
        if judged.passed:
            self._passed.add(group)
            for waiting in self._failing.pop(group, ()):
                self._bench.request(waiting)
            return
        needs = self._crediting.strategy.wanted(judged.mode, -1.0)
        if not needs or self._crediting.reward_of(judged) > self._least:
            return
        asked = replace(job, needs=needs)
        if group in self._passed:
            self._bench.request(asked)
        else:
            self._failing.setdefault(group, []).append(asked)
