"""A teacher: a stronger model whose own programs are learned, or whose judgement is mixed into the
reward. Both are controls for what a debugger gives beyond being a stronger model.

Programs are kept only where they pass all tests (rejection sampling). Its judgement is a debugger's
score (egca/debuggers/scoring.py), or, of a model that answers no questions, the likelihood that it
gives a program."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from egca.credit import Need, find_strategy
from egca.debuggers import open_debugger
from egca.errors import EgcaError, InputError
from egca.files import save_text
from egca.jsonlines import json_lines
from egca.problems import Problem, program_of
from egca.training.assessment import Bench, Job
from egca.training.config import Debugger, TrainConfig
from egca.training.crediting import Crediting, Group, Rollout
from egca.training.data import PLAIN, Prompt, ids_of
from egca.training.metrics import Means
from egca.training.opening import open_policy
from egca.training.policy import Policy, Scorer, tokens_of
from egca.training.sampling import PolicySampler
from egca.types import Mode

FILE = "teacher.json"
_DRAWS = 7_919  # of the teacher: a seed beside the run's own
_EGCA = find_strategy("egca")

# Scores of programs in [0, 1], an error in place of one that could not be had.
Scores = Callable[[Sequence[tuple[Problem, str]]], list[float | EgcaError]]
Say = Callable[[str], None]


def taught(
    config: TrainConfig, prompts: Sequence[Prompt], bench: Bench, file: Path, say: Say
) -> dict[str, list[str]]:
    """The teacher's programs that pass, by task id, without repetitions.

    Args: file: of the run; what is there is not asked again. It holds the teacher's pass@1 too.
    Raises: InputError where no teacher is named, or its programs cannot be read.
    """
    if file.is_file():
        try:
            programs: dict[str, list[str]] = json.loads(file.read_text("utf-8"))["programs"]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{file}: cannot be read: {error}; delete it") from None
        return programs
    options = config.teacher
    if (options.model is None) == (options.samples is None):
        raise InputError(
            "supervised.source teacher: give teacher.model (a folder, a hub name or tiny:NAME), or "
            "teacher.samples, a file that `egca generate` wrote"
        )
    if options.samples is not None:
        written = _read(Path(options.samples).expanduser(), prompts)
    else:
        written = _sampled(config, prompts, say)
    found: dict[str, list[str]] = {}
    n_passed = 0
    for prompt, text in written:
        bench.request(Job(prompt.task, text))
    for prompt, text in written:
        if bench.judged(Job(prompt.task, text)).passed:
            n_passed += 1
            known = found.setdefault(prompt.task.problem.task_id, [])
            source = program_of(prompt.task.problem, text).source
            if source not in known:
                known.append(source)
    bench.forget()
    said = {"pass_at_1": n_passed / max(len(written), 1), "n": len(written), "programs": found}
    save_text(file, json.dumps(said, indent=1))
    say(f"the teacher's pass@1 on the training problems: {said['pass_at_1']:.3f} of {len(written)}")
    return found


def _read(file: Path, prompts: Sequence[Prompt]) -> list[tuple[Prompt, str]]:
    """What `egca generate` wrote for the problems of the run."""
    known = {prompt.task.problem.task_id: prompt for prompt in prompts}
    found = []
    for number, row in json_lines(file):
        if not isinstance(row.get("solution"), str) or "task_id" not in row:
            raise InputError(f"{file}:{number}: a sample has task_id and solution")
        if row["task_id"] in known:
            found.append((known[row["task_id"]], row["solution"]))
    if not found:
        raise InputError(f"{file}: none of its samples is for a problem of this run")
    return found


def _sampled(config: TrainConfig, prompts: Sequence[Prompt], say: Say) -> list[tuple[Prompt, str]]:
    options = config.teacher
    assert options.model is not None
    policy = open_policy(config.model.model_copy(update={"name": options.model, "lora": None}), say)
    sampler = PolicySampler(
        policy,
        max_tokens=config.rollout.max_completion_length,
        temperature=options.temperature,
        batch_size=config.rollout.batch_size,
        seed=config.seed + _DRAWS,
    )
    found = sampler.sample([prompt.ids for prompt in prompts], options.n_samples)
    ordered = sorted(found, key=lambda one: (one.prompt, one.number))
    return [(prompts[one.prompt], policy.decode(one.ids)) for one in ordered]


def scores_of(config: TrainConfig, options: Debugger, say: Say) -> Scores:
    """Who judges: the teacher's likelihood where one is named, else the debugger's score.

    Args: options: of the debugger, by the name that it is opened by.
    Raises: InputError for a debugger that gives no scores.
    """
    if config.teacher.model is not None:
        model = config.model.model_copy(update={"name": config.teacher.model, "lora": None})
        return Likelihood(open_policy(model, say), config.data.prompt)
    given: dict[str, Any] = {}
    if options.max_cost is not None:
        given["max_cost"] = options.max_cost
    debugger = open_debugger(options.name, **given)
    if not debugger.gives_scores:
        raise InputError(
            f"reward.critique: the debugger {config.debugger.name} gives no scores; name one that "
            "is a model (--debugger qwen-7b), or teacher.model"
        )
    return debugger.score_many


class Likelihood:
    """The chance that a teacher gives the least likely token of a completion, behind its prompt.

    One wrong decision is one or two tokens among fifty, which the mean over tokens all but hides;
    the least likely token is where the teacher would have written something else. In [0, 1] by
    itself, nothing is run and nothing fitted.

    Args: family: of the run's prompts, put as the teacher reads them, without constraints.
    """

    def __init__(self, policy: Policy, family: str = PLAIN) -> None:
        self._policy = policy
        self._family = family
        policy.model.eval()
        self._scorer = Scorer(policy.model)

    @torch.no_grad()
    def __call__(self, cases: Sequence[tuple[Problem, str]]) -> list[float | EgcaError]:
        """A score for each (problem, program's text)."""
        policy = self._policy
        found: list[float | EgcaError] = []
        for problem, text in cases:
            prompt = ids_of(problem, None, policy, self._family)
            target = [*policy.encode(text, special=False), policy.ends[0]]
            tokens = tokens_of([prompt], [target], policy.pad, policy.device)
            found.append(float(self._scorer(tokens)[0].min().exp()))
        return found


@dataclass(frozen=True, slots=True)
class Critique:
    """Mixes scores into rewards: (1 - weight) r + weight score.

    Asked are the completions that EGCA would have asked its debugger about, failures in logic mode
    with A < 0, so both make the same calls. Of the others the verdict stands for the score.
    """

    scores: Scores
    weight: float

    def mix(self, groups: Sequence[Group], crediting: Crediting) -> None:
        """Rewards and advantages of judged groups; a score that cannot be had changes nothing."""
        asked = [one for group in groups for one in group if _would_be_located(one)]
        found = self.scores([(one.task.problem, one.text) for one in asked])
        for rollout, score in zip(asked, found, strict=True):
            if isinstance(score, EgcaError):
                rollout.score_failed = True
            else:
                rollout.score = score
                rollout.reward = (1.0 - self.weight) * rollout.reward + self.weight * score
        for group in groups:
            crediting.compare(group)

    def summarise(self, groups: Sequence[Group], means: Means) -> None:
        """Add what is logged."""
        for rollout in (rollout for group in groups for rollout in group):
            means.total("scored", rollout.score is not None)
            means.total("scores_failed", rollout.score_failed)
            if rollout.score is not None:
                means.add("score", rollout.score)


def _would_be_located(rollout: Rollout) -> bool:
    assert rollout.judged is not None
    mode = rollout.judged.mode
    return mode is Mode.LOGIC and Need.LOCATION in _EGCA.wanted(mode, rollout.advantage)
