"""Which source of rows a configuration means: rollouts, or the data that a baseline brings.

The loop is the same for all of them; what each takes from a step's problems is its own file's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from egca.training.aligned import AlignedRollouts
from egca.training.assessment import Bench
from egca.training.config import Debugger, TrainConfig
from egca.training.crediting import Crediting
from egca.training.data import Prompt, SetAside
from egca.training.dialogues import Dialogues, assessed
from egca.training.distributed import World
from egca.training.metrics import Means
from egca.training.policy import Policy
from egca.training.rollouts import Rollouts, Source
from egca.training.sampling import Sampler
from egca.training.supervised import Lessons, lessons_of, with_budget
from egca.training.teacher import FILE, Critique, Say, scores_of, taught


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run has opened and every source may use. check: raises where the run is to end."""

    policy: Policy
    sampler: Sampler
    bench: Bench
    crediting: Crediting
    check: Callable[[], None]
    world: World
    debugger: Debugger


@dataclass(frozen=True, slots=True)
class Method:
    """What the loop works with.

    config: with the budget that the source gives a step. assess: what is measured on problems held
    out besides pass@1, if anything.
    """

    config: TrainConfig
    source: Source
    prompts: Sequence[Prompt]
    aside: list[SetAside] = field(default_factory=list)
    assess: Callable[[Sequence[Prompt]], Means] | None = None


def open_method(
    config: TrainConfig, parts: Parts, prompts: Sequence[Prompt], folder: Path, say: Say
) -> Method:
    """The source that a configuration means, for these problems.

    Args: folder: of the run, where a teacher's programs are kept.
    Raises: InputError; the errors of opening a teacher.
    """
    if config.objective.name == "sft":
        return _supervised(config, parts, prompts, folder, say)
    rollouts = rollouts_of(config, parts, say)
    if config.objective.name == "rlef":
        # As many dialogues of a held-out problem as independent_1_at_n has to have.
        few = replace(rollouts, num_generations=config.dialogue.turns)
        assess = partial(assessed, few, config, parts.world.rank)
        return Method(config, Dialogues(rollouts, config), prompts, assess=assess)
    if config.alignment.share > 0:
        tasks = {prompt.task.problem.task_id: prompt.task for prompt in prompts}
        return Method(config, AlignedRollouts(rollouts, config, tasks, parts.world), prompts)
    return Method(config, rollouts, prompts)


def rollouts_of(config: TrainConfig, parts: Parts, say: Say) -> Rollouts:
    """Groups of completions, judged and credited."""
    weight = config.reward.critique
    return Rollouts(
        parts.policy,
        parts.sampler,
        parts.bench,
        parts.crediting,
        config.rollout.num_generations,
        parts.check,
        config.supervised.weight,
        config.data.prompt,
        Critique(scores_of(config, parts.debugger, say), weight) if weight else None,
        config.rollout.max_completion_length,
    )


def _supervised(
    config: TrainConfig, parts: Parts, prompts: Sequence[Prompt], folder: Path, say: Say
) -> Method:
    if config.supervised.source == "teacher":
        with parts.world.main_first():
            programs = taught(config, prompts, parts.bench, folder / FILE, say)
    else:
        problems = [prompt.task.problem for prompt in prompts]
        programs = {problem.task_id: [problem.reference or ""] for problem in problems}
    lessons, aside = lessons_of(
        prompts, programs, parts.policy, config.data.prompt, config.rollout.max_completion_length
    )
    return Method(with_budget(config, lessons), Lessons(parts.sampler, parts.bench), lessons, aside)
