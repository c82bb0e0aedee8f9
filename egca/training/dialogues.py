"""RLEF: dialogues in which a program that fails public tests is sent back with what they say.

Each turn is a rollout of its own, with a prompt that holds the turns before. Public tests are the
first ones of a problem; the others are private and decide the reward at the end. What becomes of
rewards is returns.py's. Source: RLEF (arXiv 2410.02089)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from egca.credit import group_advantages
from egca.problems import Problem
from egca.prompts import Message, load_prompt
from egca.structure import messages_of
from egca.training.assessment import Bench, Job
from egca.training.config import TrainConfig
from egca.training.crediting import Group, Rollout
from egca.training.data import PLAIN, Prompt, encoded
from egca.training.metrics import Clock, Means
from egca.training.rollouts import Rollouts
from egca.training.sampling import Completion, PolicySampler, Sampler
from egca.training.turns import chrf, n_at_k
from egca.training.update import Row
from egca.types import Cause

_REPAIR = "repair"
_INVALID = frozenset({Cause.COMPILE, Cause.MISSING_ENTRY_POINT})


@dataclass(slots=True, eq=False)
class Turn(Rollout):
    """One program of a dialogue.

    judged: by all tests. said: of each failing public test. number: of the turn, from 1. messages:
    what was said before, where prompts are conversations. before: the turn that this one mends.
    """

    said: list[str] = field(default_factory=list)
    passes_private: bool = False
    number: int = 1
    messages: list[Message] = field(default_factory=list)
    before: Turn | None = None
    is_last: bool = True


def n_public_of(problem: Problem, wanted: int) -> int:
    """How many of a problem's first tests are public: one at least stays private."""
    return min(wanted, max(len(problem.tests) - 1, 0))


class Dialogues:
    """Groups of G dialogues, their turns one behind the other."""

    def __init__(self, code: Rollouts, config: TrainConfig) -> None:
        self._code = code
        self._config = config
        self._options = config.dialogue
        self._n_collected = 0

    @property
    def sampler(self) -> Sampler:
        """Of programs."""
        return self._code.sampler

    @property
    def bench(self) -> Bench:
        """Where programs are judged."""
        return self._code.bench

    def wanted(self, prompts_per_step: int) -> int:
        """Problems of a step."""
        return prompts_per_step

    def first(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """As collect."""
        return self.collect(prompts, clock)

    def collect(self, prompts: Sequence[Prompt], clock: Clock) -> list[Group]:
        """Dialogues to their ends, judged and rewarded."""
        rng = random.Random(f"{self._config.seed}/{self._n_collected}")
        self._n_collected += len(prompts)
        groups: list[list[Turn]] = [[] for _ in prompts]
        with clock.phase("generate"):
            ids = [prompt.ids for prompt in prompts]
            found = self.sampler.sample(ids, self._code.num_generations)
            opened = [self._opened(prompts[one.prompt], one) for one in self._checked(found)]
            wave = [turn for _, _, turn in sorted(opened, key=lambda one: one[:2])]
            at = {id(turn): i // self._code.num_generations for i, turn in enumerate(wave)}
        while wave:
            with clock.phase("judge"):
                for turn in wave:
                    self._judge(turn)
                    groups[at[id(turn)]].append(turn)
            heard = self._heard(wave, rng)
            asked = [self._next(turn, text) for turn, text in heard]
            going = [turn for turn in asked if turn is not None]
            with clock.phase("generate"):
                replies = self._checked(self.sampler.sample([one.prompt for one in going], 1))
                for one in replies:
                    turn = going[one.prompt]
                    turn.completion, turn.text = one, self._code.policy.decode(one.ids)
                    self.bench.request(self._job(turn))
            for turn in going:
                assert turn.before is not None
                at[id(turn)] = at[id(turn.before)]
            wave = going
        for turns in groups:
            self._reward(turns)
        return [[*turns] for turns in groups]

    def locate(self, groups: Sequence[Group], clock: Clock, seeds: Sequence[int]) -> None:
        """Credit is the objective's (returns.py); here it is even."""
        self._code.locate(groups, clock, seeds)

    def rows(self, groups: Sequence[Group], *, is_all: bool) -> list[Row]:
        """A row for each turn, which knows the one that follows."""
        made: dict[int, Row] = {}
        turns = [turn for group in groups for turn in group if isinstance(turn, Turn)]
        for turn in turns:
            made[id(turn)] = self._code.crediting.rows(turn)[0]
        for turn in turns:
            if turn.before is not None:
                made[id(turn.before)].following = made[id(turn)]
        return list(made.values())

    def summarise(self, groups: Sequence[Group], means: Means) -> None:
        """As of rollouts, over all turns, and the records of the turns."""
        self._code.summarise(groups, means)
        for group in groups:
            record(turns_of(group), self._options.turns, means)

    def state(self) -> dict[str, Any]:
        """Where the draws of random feedback stand."""
        return {"n_collected": self._n_collected}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._n_collected = state["n_collected"]

    def _checked(self, completions: Iterable[Completion]) -> Iterator[Completion]:
        for one in completions:
            self.bench.collect()
            self._code.check()
            yield one

    def _opened(self, prompt: Prompt, one: Completion) -> tuple[int, int, Turn]:
        problem = prompt.task.problem
        turn = Turn(prompt.task, prompt.ids, one, self._code.policy.decode(one.ids))
        if self._config.data.prompt != PLAIN:
            family = load_prompt(self._config.data.prompt)
            turn.messages = messages_of(family, problem, prompt.task.constraints)
        self.bench.request(self._job(turn))
        return one.prompt, one.number, turn

    def _job(self, turn: Turn) -> Job:
        n_public = n_public_of(turn.task.problem, self._options.n_public)
        return Job(turn.task, turn.text, n_public=n_public)

    def _judge(self, turn: Turn) -> None:
        report = self.bench.report(self._job(turn))
        turn.judged, turn.passes_private = report.judged, report.passes_private
        turn.said = list(report.said)

    def _heard(self, wave: Sequence[Turn], rng: random.Random) -> list[tuple[Turn, str]]:
        """What each turn that is not the last is told; at random, what another problem's was."""
        open_ones = [turn for turn in wave if turn.said and turn.number < self._options.turns]
        texts = ["\n".join(turn.said) for turn in open_ones]
        if self._options.feedback == "real":
            return list(zip(open_ones, texts, strict=True))
        heard = []
        for turn in open_ones:
            key = turn.task.key
            others = [text for text, one in zip(texts, open_ones, strict=True)
                      if one.task.key != key]  # fmt: skip
            heard.append((turn, rng.choice(others) if others else ""))
        return heard

    def _next(self, turn: Turn, feedback: str) -> Turn | None:
        """The turn that answers feedback, without its completion; None if there is no room."""
        problem, policy = turn.task.problem, self._code.policy
        messages: list[Message] = []
        if turn.messages:
            asked = messages_of(load_prompt(_REPAIR), problem, program=turn.text, feedback=feedback)
            messages = [*turn.messages, Message("assistant", turn.text), asked[-1]]
            ids = encoded(messages, policy)
        else:
            said = [one for one in turn.completion.ids if one not in policy.ends]
            again = policy.encode(f"{feedback}\n{problem.prompt}\n", special=False)
            ids = [*turn.prompt, *said, *again]
        if len(ids) > self._options.max_prompt_length:
            return None
        turn.is_last = False
        nothing = Completion(0, 0, (), (), has_ended=False)
        return Turn(
            turn.task, ids, nothing, "", number=turn.number + 1, messages=messages, before=turn
        )

    def _reward(self, turns: Sequence[Turn]) -> None:
        """+1 or -1 by the private tests at the end; a turn before it costs without a program.

        advantage is that of a dialogue within its group: whether there is anything to learn.
        """
        dialogues = turns_of(turns)
        for turn in turns:
            assert turn.judged is not None
            turn.reward = 0.0
            if turn.is_last:
                turn.reward = 1.0 if turn.passes_private else -1.0
            elif turn.judged.cause in _INVALID:
                turn.reward = self._options.invalid_reward
        ends = [dialogue[-1].reward for dialogue in dialogues]
        scale = self._code.crediting.scale
        for dialogue, advantage in zip(
            dialogues, group_advantages(ends, len(ends), scale=scale), strict=True
        ):
            for turn in dialogue:
                turn.advantage = float(advantage)


def assessed(code: Rollouts, config: TrainConfig, seed: int, prompts: Sequence[Prompt]) -> Means:
    """The records of dialogues about problems held out, with draws of their own."""
    sampler = PolicySampler(
        code.policy,
        max_tokens=config.rollout.max_completion_length,
        temperature=config.rollout.temperature,
        top_p=config.rollout.top_p,
        batch_size=config.rollout.batch_size,
        seed=seed,
    )
    dialogues = Dialogues(replace(code, sampler=sampler), config)
    means = Means()
    for group in dialogues.collect(prompts, Clock()):
        record(turns_of(group), config.dialogue.turns, means)
    code.bench.forget()
    return means


def turns_of(group: Sequence[Rollout]) -> list[list[Turn]]:
    """The dialogues of a group, each its turns in order."""
    dialogues: dict[int, list[Turn]] = {}
    for turn in group:
        assert isinstance(turn, Turn)
        first = turn
        while first.before is not None:
            first = first.before
        dialogues.setdefault(id(first), []).append(turn)
    return list(dialogues.values())


def record(dialogues: Sequence[Sequence[Turn]], n_turns: int, means: Means) -> None:
    """Add what is logged of the dialogues of a problem.

    For each turn k from 1: turn_k_solved, the share of dialogues whose program at or before k
    passes all tests; turn_k_made, the share that have this turn; turn_k_CAUSE, of its programs; and
    turn_k_chrf, how alike a program and the one before are. dialogue_1_at_n: a dialogue's last
    program against independent_1_at_n, one of n first programs picked by the public tests.
    """
    for dialogue in dialogues:
        for k in range(1, n_turns + 1):
            means.add(f"turn_{k}_solved", any(_is_right(turn) for turn in dialogue[:k]))
            means.add(f"turn_{k}_made", len(dialogue) >= k)
        for k, turn in enumerate(dialogue, 1):
            assert turn.judged is not None
            for cause in Cause:
                means.add(f"turn_{k}_{cause.value}", turn.judged.cause is cause)
            if turn.before is not None:
                means.add(f"turn_{k}_chrf", chrf(turn.text, turn.before.text))
        means.add(f"dialogue_1_at_{n_turns}", _is_right(dialogue[-1]))
    firsts = [(not dialogue[0].said, _is_right(dialogue[0])) for dialogue in dialogues]
    if len(firsts) >= n_turns:
        means.add(f"independent_1_at_{n_turns}", n_at_k(firsts, 1, n_turns), len(firsts))


def _is_right(turn: Turn) -> bool:
    return turn.judged is not None and turn.judged.passed
