"""The tests as a reward function of TRL, which keeps what it learns of each completion.

TRL calls it like any other; the trainer then asks it for places and credit of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from egca.errors import InputError
from egca.integrations.trl.data import task_of_row
from egca.training.assessment import Bench, Job
from egca.training.crediting import Crediting, Rollout
from egca.training.policy import Policy
from egca.training.sampling import Completion
from egca.types import Mode


class Judge:
    """Judges the completions of this process. rollouts: of the last call, in TRL's order.

    policy: decodes; set once TRL has loaded the tokenizer.
    """

    __name__ = "tests"  # what TRL's metrics call it

    def __init__(self, bench: Bench, crediting: Crediting) -> None:
        self._bench = bench
        self._crediting = crediting
        self.policy: Policy | None = None
        self.rollouts: list[Rollout] = []

    def __call__(
        self,
        *,
        completion_ids: Sequence[Sequence[int]],
        problem: Sequence[str],
        constraints: Sequence[str | None] | None = None,
        log_metric: Callable[[str, float], None],
        log_extra: Callable[[str, list[Any]], None],
        **others: Any,
    ) -> list[float]:
        """r_i of each completion, judged on the text of the ids that were sampled.

        Raises: InputError for one without tokens.
        """
        assert self.policy is not None
        if constraints is None or not self._crediting.strategy.constraints:
            constraints = [None] * len(problem)
        self.rollouts = []
        for ids, row, demanded in zip(completion_ids, problem, constraints, strict=True):
            if not len(ids):
                raise InputError(
                    f"completion_ids {len(self.rollouts)} is empty: a completion without tokens "
                    "cannot be judged; let rollout_func give its end token at least"
                )
            sampled = tuple(map(int, ids))
            completion = Completion(
                0, len(self.rollouts), sampled, (), sampled[-1] in self.policy.ends
            )
            rollout = Rollout(
                task_of_row(row, demanded), (), completion, self.policy.decode(sampled)
            )
            self._bench.request(Job(rollout.task, rollout.text))
            self.rollouts.append(rollout)
        for rollout in self.rollouts:
            rollout.judged = self._bench.judged(Job(rollout.task, rollout.text))
            rollout.reward = self._crediting.reward_of(rollout.judged)
        judged = [rollout.judged for rollout in self.rollouts if rollout.judged is not None]
        for mode in Mode:
            log_metric(f"egca/modes/{mode.value}", _share([one.mode is mode for one in judged]))
        log_metric("egca/not_judged", _share([bool(one.error) for one in judged]))
        log_extra("mode", [one.mode.value for one in judged])
        log_extra("cause", [one.cause.value for one in judged])
        return [rollout.reward for rollout in self.rollouts]

    def locate(self, advantages: Sequence[float]) -> None:
        """Find the places that the rule wants, given the part of each A_i that the tests make."""
        for rollout, advantage in zip(self.rollouts, advantages, strict=True):
            assert rollout.judged is not None
            rollout.advantage = advantage
            rollout.needs = self._crediting.strategy.wanted(rollout.judged.mode, advantage)
            if rollout.needs:
                self._bench.request(Job(rollout.task, rollout.text, rollout.needs))
        for rollout in self.rollouts:
            if rollout.needs:
                job = Job(rollout.task, rollout.text, rollout.needs)
                rollout.places = self._bench.places(job)

    def forget(self) -> None:
        """Drop verdicts and places: the policy is about to change."""
        self._bench.forget()


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)
