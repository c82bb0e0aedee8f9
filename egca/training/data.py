"""The problems of a run: loaded, put into prompts, and taken in an order that can be resumed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from egca.errors import EgcaError, InputError
from egca.problems import Problem, chosen, load_dataset, without
from egca.prompts import Message, load_prompt
from egca.providers.transformers_model import conversation_text
from egca.structure import ConstraintSet, messages_of
from egca.training.assessment import Task, task_of
from egca.training.config import Data
from egca.training.policy import Policy

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A problem as the policy sees it: ids is the tokenized prompt, without padding."""

    task: Task
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A problem that the run leaves out, and why."""

    task_id: str
    reason: str


def load_problems(options: Data) -> list[Problem]:
    """The problems of a data set that none of `options.exclude` has, by id: MBPP/2 is Mbpp/2.

    Raises: InputError if none is left.
    """
    problems = load_dataset(options.dataset, skip_bad=options.skip_bad)
    if options.exclude:
        problems = without(problems, options.exclude)
    found = chosen(problems, options.ids or (), options.limit)
    if not found:
        raise InputError(f"data.dataset {options.dataset}: no problem is left to train on")
    return found


def prompts_of(
    problems: Sequence[Problem],
    constraints: Sequence[ConstraintSet | None],
    policy: Policy,
    family: str,
    max_tokens: int,
) -> tuple[list[Prompt], list[SetAside]]:
    """Prompts for problems, and the problems that cannot be used.

    Args:
        constraints: C of each, None for I_C = 1; shown where the prompt has a place for them.
        family: under prompts/, or "plain": the statement and a line end.
        max_tokens: of a prompt; longer ones are set aside, as are problems without a reference.
    """
    prompts, aside = [], []
    for problem, demanded in zip(problems, constraints, strict=True):
        if problem.reference is None:
            aside.append(SetAside(problem.task_id, "it has no reference to compare with"))
            continue
        try:
            ids = ids_of(problem, demanded, policy, family)
            task = task_of(problem, demanded)
        except EgcaError as error:
            aside.append(SetAside(problem.task_id, str(error)))
            continue
        if len(ids) > max_tokens:
            aside.append(SetAside(problem.task_id, f"its prompt has {len(ids)} tokens"))
        else:
            prompts.append(Prompt(task, tuple(ids)))
    if not prompts:
        why = f"; the first: {aside[0].task_id}: {aside[0].reason}" if aside else ""
        raise InputError(f"none of {len(problems)} problems can be trained on{why}")
    return prompts, aside


def ids_of(
    problem: Problem, constraints: ConstraintSet | None, policy: Policy, family: str
) -> list[int]:
    """Ids of a problem's prompt. Raises: EgcaError where a template cannot take it."""
    if family == PLAIN:
        return policy.encode(problem.prompt + "\n", special=True)
    return encoded(messages_of(load_prompt(family), problem, constraints), policy)


def encoded(messages: Sequence[Message], policy: Policy) -> list[int]:
    """Ids of a conversation that the policy answers."""
    text = conversation_text(policy.tokenizer, messages, "model")
    if policy.tokenizer.chat_template is not None:
        return policy.encode(text, special=False)
    return policy.encode(text + "\n", special=True)


class Order:
    """Endless passes over n problems, each in an order of its own; `taken` is all of its state."""

    def __init__(self, n: int, seed: int, *, shuffle: bool = True, taken: int = 0) -> None:
        self._n = n
        self._seed = seed
        self._shuffle = shuffle
        self.taken = taken
        self._epoch = -1
        self._order: list[int] = []

    def take(self, n: int) -> list[int]:
        """Indices of the next n problems."""
        return [self._next() for _ in range(n)]

    def _next(self) -> int:
        epoch, at = divmod(self.taken, self._n)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = list(range(self._n))
            if self._shuffle:
                random.Random(f"{self._seed}/{epoch}").shuffle(self._order)
        self.taken += 1
        return self._order[at]
