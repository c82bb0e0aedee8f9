"""pass@1 of a policy on problems held out, judged like rollouts, and when a run measures it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egca.credit import find_strategy
from egca.errors import EgcaError, InputError
from egca.problems import Problem
from egca.structure import ConstraintSet, extract_constraints
from egca.training.assessment import Bench, Job
from egca.training.config import TrainConfig
from egca.training.crediting import Group
from egca.training.data import Prompt, load_problems, prompts_of
from egca.training.distributed import World
from egca.training.metrics import Means, MetricsLog, read_metrics
from egca.training.policy import Policy
from egca.training.sampling import PolicySampler
from egca.types import Mode


def evaluate(
    policy: Policy,
    prompts: Sequence[Prompt],
    bench: Bench,
    *,
    max_tokens: int,
    temperature: float = 0.0,
    batch_size: int = 64,
    n: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """Mean share of passing completions, and shares of the modes.

    Returns: pass_at_1; n, the number of completions; modes, the share of each; solved, for each
        problem's id the share of its completions that pass, which comparisons pair by.

    Args:
        temperature: 0 is greedy. n: completions a problem; with a seed of their own, so that
            evaluating does not change the draws of training.
    """
    sampler = PolicySampler(
        policy, max_tokens=max_tokens, temperature=temperature, batch_size=batch_size, seed=seed
    )
    jobs = []
    for completion in sampler.sample([prompt.ids for prompt in prompts], n):
        job = Job(prompts[completion.prompt].task, policy.decode(completion.ids))
        bench.request(job)
        jobs.append(job)
    judged = [bench.judged(job) for job in jobs]
    bench.forget()
    passes = {prompt.task.problem.task_id: 0 for prompt in prompts}
    for job, one in zip(jobs, judged, strict=True):
        passes[job.task.problem.task_id] += one.passed
    total = max(len(judged), 1)
    return {
        "pass_at_1": sum(one.passed for one in judged) / total,
        "n": len(judged),
        "modes": {m.value: sum(one.mode is m for one in judged) / total for m in Mode},
        "solved": {name: count / n for name, count in passes.items()},
    }


def together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The evaluation of all problems from those of parts of them."""
    n = sum(part["n"] for part in parts)
    return {
        "pass_at_1": sum(part["pass_at_1"] * part["n"] for part in parts) / n,
        "n": n,
        "modes": {m.value: sum(part["modes"][m.value] * part["n"] for part in parts) / n
                  for m in Mode},
        "solved": {name: share for part in parts for name, share in part["solved"].items()},
    }  # fmt: skip


def held_out(config: TrainConfig) -> list[Problem]:
    """The problems of evaluation.dataset, none where a run has none. Raises: InputError."""
    options = config.evaluation
    if options.dataset is None:
        return []
    data = config.data.model_copy(
        update={"dataset": options.dataset, "limit": options.limit, "ids": None, "exclude": []}
    )
    try:
        return load_problems(data)
    except EgcaError as error:
        raise InputError(f"evaluation.dataset: {error}") from None


def prompts_held_out(
    config: TrainConfig, problems: Sequence[Problem], policy: Policy
) -> list[Prompt]:
    """Their prompts, as in training. Raises: InputError where none can be put into one."""
    if not problems:
        return []
    constraints: list[ConstraintSet | None] = [None] * len(problems)
    if find_strategy(config.credit.strategy).constraints:
        constraints = [extract_constraints(one, one.reference) for one in problems]
    limit = config.rollout.max_prompt_length
    try:
        return prompts_of(problems, constraints, policy, config.data.prompt, limit)[0]
    except InputError as error:
        raise InputError(f"evaluation.dataset {config.evaluation.dataset}: {error}") from None


@dataclass
class Evaluator:
    """pass@1 on held-out problems every so many steps and at the end; kept in evaluations.jsonl.

    prompts: of the held-out problems; without any nothing is measured. n_steps: of the whole run.
    assess: what is measured on them besides. last: what was measured last, by this run or before
    it was resumed.
    """

    config: TrainConfig
    policy: Policy
    bench: Bench
    folder: Path
    world: World
    prompts: Sequence[Prompt]
    n_steps: int
    assess: Callable[[Sequence[Prompt]], Means] | None = None
    last: dict[str, Any] = field(default_factory=dict)

    @property
    def _file(self) -> Path:
        return self.folder / "evaluations.jsonl"

    def after_step(self, step: int, metrics: dict[str, Any], groups: Sequence[Group]) -> None:
        """A listener of the trainer."""
        if self._is_due(step + 1):
            self._measure(step + 1)

    def resume(self, n_done: int) -> None:
        """Go on after so many steps; what a kill kept from being measured is measured now."""
        lines: list[dict[str, Any]] = []
        if self.world.is_main:
            MetricsLog(self._file).cut(n_done + 1)
            lines = read_metrics(self._file)
        self.last = next(reversed(self.world.gather(lines)[0]), {})
        if n_done and self._is_due(n_done) and self.last.get("step") != n_done:
            self._measure(n_done)

    def _is_due(self, n_done: int) -> bool:
        is_wanted = n_done % self.config.evaluation.every == 0 or n_done == self.n_steps
        return is_wanted and bool(self.prompts)

    def _measure(self, n_done: int) -> None:
        options, rollout = self.config.evaluation, self.config.rollout
        mine = self.world.share(self.prompts)
        found = self.world.gather(evaluate(
            self.policy, mine, self.bench,
            max_tokens=rollout.max_completion_length,
            temperature=0.0 if options.greedy else rollout.temperature,
            batch_size=rollout.batch_size,
            seed=self.world.rank,
        ))  # fmt: skip
        self.last = {"step": n_done, **together(found)}
        if self.assess is not None:
            merged = Means()
            for part in self.world.gather(self.assess(mine)):
                merged.include(part)
            self.last["dialogues"] = merged.values()
        if self.world.is_main:
            MetricsLog(self._file).write(self.last)
