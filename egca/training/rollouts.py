"""Groups of rollouts: sampled, judged while others are still sampled, then given their advantages
and places.

Between `collect` and `locate` there is work for the model to do; the processes that localize use
that time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from egca.training.assessment import Bench, Job
from egca.training.crediting import Crediting, Group, Rollout
from egca.training.data import Prompt
from egca.training.metrics import Clock
from egca.training.policy import Policy
from egca.training.sampling import Sampler


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Makes groups. check is called often: it raises where the run is to end."""

    policy: Policy
    sampler: Sampler
    bench: Bench
    crediting: Crediting
    num_generations: int
    check: Callable[[], None]

    def collect(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """Sampled and judged groups with their advantages; places are asked for."""
        slots: list[list[Rollout | None]] = [[None] * self.num_generations for _ in prompts]
        with clock.phase("generate"):
            for completion in self.sampler.sample([p.ids for p in prompts], self.num_generations):
                prompt = prompts[completion.prompt]
                rollout = Rollout(
                    prompt.task, prompt.ids, completion, self.policy.decode(completion.ids)
                )
                slots[completion.prompt][completion.number] = rollout
                self.bench.request(Job(prompt.task, rollout.text))
                self.bench.collect()
                self.check()
        groups = [[rollout for rollout in slot if rollout is not None] for slot in slots]
        with clock.phase("judge"):
            for group in groups:
                for rollout in group:
                    rollout.judged = self.bench.judged(Job(rollout.task, rollout.text))
                self.crediting.advantages(group)
                for rollout in group:
                    if rollout.needs:
                        self.bench.request(Job(rollout.task, rollout.text, rollout.needs))
        return groups

    def locate(self, groups: Sequence[Group], clock: Clock, seeds: Sequence[int]) -> None:
        """Wait for the places that were asked for, and assign credit."""
        with clock.phase("localize"):
            for group in groups:
                for rollout in group:
                    if rollout.needs:
                        self.check()
                        job = Job(rollout.task, rollout.text, rollout.needs)
                        rollout.places = self.bench.places(job)
        with clock.phase("credit"):
            for group, seed in zip(groups, seeds, strict=True):
                self.crediting.credit(group, self.policy, seed)


def has_signal(group: Group) -> bool:
    """Whether any completion has an advantage."""
    return any(rollout.advantage != 0 for rollout in group)


def is_waiting(group: Group) -> bool:
    """Whether the credit of a group depends on places that are still looked for."""
    return any(rollout.needs for rollout in group)
