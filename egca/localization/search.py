"""The edit search: which small edits of a program make its failing inputs right.

The parent's side. It decides what to run next, hands whole batches of runs to the child
(variants.py), and judges the outputs that come back; the child never learns what is expected. A
child that an edit kills is replaced, and that edit counts as wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from egca.execution.one_child import SessionSource
from egca.execution.reports import believed
from egca.execution.session import Session, SessionDied
from egca.localization.edits import Edit
from egca.localization.schemata import Schemata
from egca.localization.variants import (
    BATCH,
    FLUSH_S,
    HANG_TICKS,
    RUN_TICKS,
    SPARE_TICKS,
    TIMEOUT,
)
from egca.types import Cause

RUN_S = 0.015  # processor time that any run of an edit may take, and
RUN_FACTOR = 5.0  # this many times the longest run of the program as it is
BASE_S = 0.25  # processor time of a run of the program as it is
WAIT_S = 0.15  # how much longer than its processor time a run may be silent
RECURSION = 700  # runaway recursion is common among edits, and slow to unwind
BASE_TICKS = 50_000  # of a run of the program as it is; one that needs more is hopeless
MAX_DEATHS = 5  # edits in a row whose process had to be killed; then the others hang as well

Judge = Callable[[int, bytes], bool]  # of a call and an output
Run = tuple[int, int, int]  # edit, call, ticks
Done = tuple[bytes, int, float]  # output, ticks, seconds


@dataclass(slots=True)
class Score:
    """What one edit does: failing inputs it makes right or leaves wrong, passing ones it breaks."""

    index: int
    edit: Edit
    repaired: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    left_wrong: set[int] = field(default_factory=set)
    tried: set[int] = field(default_factory=set)

    def is_full(self, n_calls: int) -> bool:
        """Whether every input is right with this edit."""
        return len(self.tried) == n_calls and not self.broken and not self.left_wrong


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds of one localization. Runs and ticks make it deterministic; seconds are the last
    resort.

    A tick is one iteration of a loop or one call of a function of the program.
    """

    n_runs: int = 5_000
    n_ticks: int = 140_000
    n_edits: int = 1_600
    seconds: float = 1.0


class EditSearch:
    """Runs edits of one program on its inputs.

    Args:
        judge: whether an output is right.
        is_repeated: whether the program as it is does here what it did in the tests. An input of
            which that is not so (deep recursion, many ticks, state that earlier calls left) can
            tell nothing of an edit, and is set aside.
    """

    def __init__(
        self,
        child: SessionSource,
        schemata: Schemata,
        edits: Sequence[Edit],
        calls: Sequence[dict[str, Any]],
        kind: str,
        entry_point: str,
        judge: Judge,
        is_repeated: Judge,
        budget: Budget,
        spare_ticks: int = SPARE_TICKS,
    ) -> None:
        self.edits = edits
        self.calls = calls
        self.budget = budget
        self._child = child
        self._judge = judge
        self._is_repeated = is_repeated
        self._spare_ticks = spare_ticks
        self._verdicts: dict[tuple[int, bytes], bool] = {}
        self._session: Session | None = None
        self._runs_left = budget.n_runs
        self._ticks_left = budget.n_ticks
        self._deadline = time.perf_counter() + budget.seconds
        self._deaths = 0  # in a row
        self._run_s = BASE_S
        self._payload = {
            "code": schemata.payload(),
            "n_slots": schemata.n_slots,
            "switches": [[list(pair) for pair in pairs] for pairs in schemata.switches],
            "reload": sorted(schemata.module_level),
            "is_stateful": schemata.is_stateful,
            "entry_point": entry_point,
            "kind": kind,
            "calls": [*calls],
            "uses_random": schemata.uses_random,
        }
        self.scores = [Score(index, edit) for index, edit in enumerate(edits)]
        self.ticks: list[int] = []
        self.failing: list[int] = []
        self.passing: list[int] = []
        self.set_aside: set[int] = set()

    def find(self, known: Set[int]) -> list[Score]:
        """Try all edits; those that repair at least one failing input, best first.

        Args:
            known: calls that are to be set aside.
        Returns: scores, full repairs first. Empty when the program as woven fails nowhere, or when
            other calls have to be set aside as well (set_aside tells all of them).
        """
        self._baseline(known)
        if not self.failing or not self.set_aside <= known:
            return []
        order = sorted(self.failing, key=lambda call: (self.ticks[call], call))
        everything = list(range(len(self.edits)))
        first = order[0]
        hopeful = self._screen(everything, first)
        rest = [*order[1:], *sorted(self.passing, key=lambda call: (self.ticks[call], call))]
        alive = hopeful
        for calls in _rounds(order[1:], [c for c in rest if c in set(self.passing)]):
            alive = [i for i in self._grid(alive, calls) if self._right(i, calls)]
        n_calls = len(self.calls) - len(self.set_aside)
        if not any(self.scores[i].is_full(n_calls) for i in hopeful):
            self._partial(hopeful, order)
        found = [score for score in self.scores if score.repaired]
        return sorted(
            found, key=lambda s: (not s.is_full(n_calls), -len(s.repaired), len(s.broken))
        )

    @property
    def has_given_up(self) -> bool:
        """Whether the search ended because one run after another had to be killed."""
        return self._deaths >= MAX_DEATHS

    @property
    def _time_left_s(self) -> float:
        return self._deadline - time.perf_counter()

    @property
    def spent(self) -> tuple[int, int]:
        """Runs and ticks used so far, those of the program as it is not counted."""
        return self.budget.n_runs - self._runs_left, self.budget.n_ticks - self._ticks_left

    def _baseline(self, known: Set[int]) -> None:
        runs = [(-1, call, BASE_TICKS) for call in range(len(self.calls))]
        longest_s = 0.0
        for (_, call, _), (output, used, seconds) in zip(runs, self._run(runs), strict=False):
            self.ticks.append(0 if output == TIMEOUT else used)
            if call in known or not self._is_repeated(call, output):
                self.set_aside.add(call)
                continue
            longest_s = longest_s if output == TIMEOUT else max(longest_s, seconds)
            (self.passing if self._is_right(call, output) else self.failing).append(call)
        # What did not end says nothing about how long a repaired program takes.
        self._ticks_left = self.budget.n_ticks
        self._deaths = 0
        self._run_s = min(RUN_S + RUN_FACTOR * longest_s, BASE_S)
        longest = max((self.ticks[call] for call in (*self.failing, *self.passing)), default=0)
        self._allowance = 3 * longest + self._spare_ticks
        self.ticks = [used or longest + 1 for used in self.ticks]

    def _partial(self, hopeful: list[int], order: list[int]) -> None:
        """No edit repairs everything: see what each of the others repairs and breaks."""
        for call in order[1:3]:
            others = [i for i in range(len(self.edits)) if call not in self.scores[i].tried]
            hopeful = sorted({*hopeful, *self._screen(others, call)})
        # Of all calls, for the ticks may have ended before the program as it is was run on each.
        self._grid(hopeful, [call for call in range(len(self.calls)) if call not in self.set_aside])

    def _screen(self, indices: Sequence[int], call: int) -> list[int]:
        self._grid(indices, [call])
        return [i for i in indices if call in self.scores[i].repaired]

    def _right(self, index: int, calls: Sequence[int]) -> bool:
        score = self.scores[index]
        return all(c in score.tried and c not in score.broken for c in calls) and (
            all(c in score.repaired for c in calls if c in self.failing)
        )

    def _grid(self, indices: Sequence[int], calls: Sequence[int]) -> Sequence[int]:
        failing = set(self.failing)
        runs = [
            (index, call, self._allowance)
            for index in indices
            for call in calls
            if call not in self.scores[index].tried
        ]
        for (index, call, _), (output, *_) in zip(runs, self._run(runs), strict=False):
            score = self.scores[index]
            score.tried.add(call)
            right = self._is_right(call, output)
            if call in failing:
                (score.repaired if right else score.left_wrong).add(call)
            elif not right:
                score.broken.add(call)
        return indices

    def _is_right(self, call: int, output: bytes) -> bool:
        key = call, output
        found = self._verdicts.get(key)
        if found is None:
            found = self._verdicts[key] = self._judge(call, output)
        return found

    def _run(self, runs: Sequence[Run]) -> list[Done]:
        """What came of these runs, in order; fewer than asked for when the budget ends."""
        done: list[Done] = []
        batch = BATCH
        while len(done) < len(runs) and self._may_go_on():
            todo = runs[len(done) : len(done) + self._runs_left]
            before = len(done)
            try:
                self._run_some(todo, batch, done)
            except SessionDied:
                self._deaths = 0 if len(done) > before else self._deaths
                if batch == 1 and len(done) < len(runs):  # all results before it have come
                    done.append((TIMEOUT, BASE_TICKS, self._run_s))
                    self._ticks_left -= HANG_TICKS  # the edit that killed its process
                    self._deaths += 1
                batch = 1
            else:
                if len(done) == before:
                    break
                self._deaths = 0
            self._runs_left -= len(done) - before
            if batch == 1 and len(done) - before > BATCH:
                batch = BATCH
        return done

    def _may_go_on(self) -> bool:
        is_left = self._runs_left > 0 and self._ticks_left > 0 and self._time_left_s > 0
        return is_left and not self.has_given_up

    def _run_some(self, runs: Sequence[Run], batch: int, done: list[Done]) -> None:
        session = self._open()
        request = {
            "runs": [list(run) for run in runs],
            "call_s": self._run_s,
            "recursion": RECURSION,
            "batch": batch,
            "total_s": max(self._time_left_s, 0.0),
            "total_ticks": self._ticks_left,
        }
        outputs: list[bytes] = []
        wait_s = min(self._run_s, max(self._time_left_s, 0.0)) + FLUSH_S + WAIT_S
        n_wanted = len(done) + len(runs)
        for frame in session.stream("egca.localization.variants:run", request, wait_s):
            new = believed(lambda frame=frame: _done_of(frame, outputs))  # type: ignore[misc]
            if len(done) + len(new) > n_wanted:
                raise SessionDied(Cause.CRASH, "the child sent too many results")
            done += new
            self._ticks_left -= sum(used + RUN_TICKS for _, used, _ in new)

    def _open(self) -> Session:
        if self._session is None or not self._session.alive:
            self._session = self._child.session()
            self._session.call("egca.localization.variants:load", self._payload, 5.0)
        return self._session


def _done_of(frame: Any, outputs: list[bytes]) -> list[Done]:
    """Results in a frame of the child, that may be forged; outputs grows by the new ones in it."""
    results, new = frame
    outputs += [bytes(output) for output in new]
    done = [(outputs[index], used, seconds) for index, used, seconds in results]
    if not all(type(used) is int and used >= 0 and type(s) is float for _, used, s in done):
        raise ValueError("a result that is none")
    return done


def _rounds(failing: Sequence[int], passing: Sequence[int]) -> list[list[int]]:
    """Inputs in the order in which edits that hold so far have to prove themselves."""
    rounds = [[*failing[:1], *passing[:1]], [*failing[1:4], *passing[1:4]]]
    rounds.append([*failing[4:], *passing[4:]])
    return [calls for calls in rounds if calls]
