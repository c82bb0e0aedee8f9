"""Which source of rows a configuration means: rollouts, or the data that a baseline brings.

The loop is the same for all of them; what each takes from a step's problems is its own file's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from egca.training.aligned import AlignedRollouts
from egca.training.assessment import Bench
from egca.training.config import TrainConfig
from egca.training.crediting import Crediting
from egca.training.data import Prompt, SetAside
from egca.training.dialogues import Dialogues
from egca.training.distributed import World
from egca.training.policy import Policy
from egca.training.rollouts import Rollouts, Source
from egca.training.sampling import Sampler
from egca.training.supervised import Lessons, lessons_of, with_budget


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run has opened and every source may use. check: raises where the run is to end."""

    policy: Policy
    sampler: Sampler
    bench: Bench
    crediting: Crediting
    check: Callable[[], None]
    world: World


@dataclass(frozen=True, slots=True)
class Method:
    """What the loop works with. config: with the budget that the source gives a step."""

    config: TrainConfig
    source: Source
    prompts: Sequence[Prompt]
    aside: list[SetAside] = field(default_factory=list)


def open_method(config: TrainConfig, parts: Parts, prompts: Sequence[Prompt]) -> Method:
    """The source that a configuration means, for these problems. Raises: InputError."""
    if config.objective.name == "sft":
        return _supervised(config, parts, prompts)
    rollouts = rollouts_of(config, parts)
    if config.objective.name == "rlef":
        return Method(config, Dialogues(rollouts, config), prompts)
    if config.alignment.share > 0:
        tasks = {prompt.task.problem.task_id: prompt.task for prompt in prompts}
        return Method(config, AlignedRollouts(rollouts, config, tasks, parts.world), prompts)
    return Method(config, rollouts, prompts)


def rollouts_of(config: TrainConfig, parts: Parts) -> Rollouts:
    """Groups of completions, judged and credited."""
    return Rollouts(
        parts.policy,
        parts.sampler,
        parts.bench,
        parts.crediting,
        config.rollout.num_generations,
        parts.check,
        config.supervised.weight,
        config.data.prompt,
    )


def _supervised(config: TrainConfig, parts: Parts, prompts: Sequence[Prompt]) -> Method:
    programs = {
        prompt.task.problem.task_id: [prompt.task.problem.reference or ""] for prompt in prompts
    }
    lessons, aside = lessons_of(
        prompts, programs, parts.policy, config.data.prompt, config.rollout.max_completion_length
    )
    return Method(with_budget(config, lessons), Lessons(parts.sampler, parts.bench), lessons, aside)
