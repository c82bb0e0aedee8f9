"""From judged completions to rows with an advantage for each token: rewards, groups, credit.

The trainer's side of egca/credit: ranges of characters become tokens here, on the ids that were
sampled. What a rule does with them is its own (egca/credit/rules)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from egca.credit import (
    REWARDS,
    Evidence,
    Need,
    Options,
    Strategy,
    TokenCredit,
    assign,
    for_loss,
    group_advantages,
    token_offsets,
    token_repair,
    tokens_in_span,
)
from egca.credit.advantages import FloatArray, Scale
from egca.training.assessment import Judged, Task
from egca.training.places import Places, Range
from egca.training.policy import Policy
from egca.training.sampling import Completion
from egca.training.update import Row


@dataclass(slots=True, eq=False)
class Rollout:
    """One completion of a problem with everything that is known of it.

    text: decoded ids without special tokens. advantage: A_i. credit: a_{i,t}, once assigned.
    score: of a teacher that was asked, in [0, 1].
    """

    task: Task
    prompt: Sequence[int]
    completion: Completion
    text: str
    judged: Judged | None = None
    reward: float = 0.0
    advantage: float = 0.0
    needs: frozenset[Need] = frozenset()
    places: Places = field(default_factory=Places)
    credit: TokenCredit | None = None
    score: float | None = None
    score_failed: bool = False

    @property
    def n_tokens(self) -> int:
        """T_i, the token that ended it included."""
        return len(self.completion.ids)


Group = list[Rollout]  # the G rollouts of one prompt, in order of their numbers


@dataclass(frozen=True, slots=True)
class Crediting:
    """The rule of a run. span: which range is the place of a logic-mode failure."""

    strategy: Strategy
    options: Options
    scale: Scale
    span: str
    reward: str | None = None

    def reward_of(self, judged: Judged) -> float:
        """r_i. A completion that could not be judged counts as failed."""
        if self.reward == "fraction":
            return judged.share
        return REWARDS[self.reward or self.strategy.reward](judged.cause, judged.share)

    @property
    def wants_share(self) -> bool:
        """Whether r_i depends on how many tests pass, so that all of them have to run."""
        return (self.reward or self.strategy.reward) in ("fraction", "graded_and_adaptive")

    def advantages(self, group: Group) -> None:
        """Fill in r_i, A_i and what has to be found out about each completion."""
        for rollout in group:
            assert rollout.judged is not None
            rollout.reward = self.reward_of(rollout.judged)
        self.compare(group)

    def compare(self, group: Group) -> None:
        """Fill in A_i and what has to be found out, from rewards."""
        rewards = [rollout.reward for rollout in group]
        for rollout, advantage in zip(
            group, group_advantages(rewards, len(group), scale=self.scale), strict=True
        ):
            assert rollout.judged is not None
            rollout.advantage = float(advantage)
            rollout.needs = self.strategy.wanted(rollout.judged.mode, rollout.advantage)

    def credit(self, group: Group, policy: Policy, seed: int) -> None:
        """Fill in a_{i,t} of every completion of a group."""
        evidence = [self.evidence(rollout, policy) for rollout in group]
        credits = assign(evidence, self.strategy, options=self.options, seed=seed)
        for rollout, credit in zip(group, credits, strict=True):
            rollout.credit = credit

    def rows(self, rollout: Rollout) -> list[Row]:
        """What is learned from a rollout: its completion, and a repair beside it under contrast."""
        credit, completion = rollout.credit, rollout.completion
        assert credit is not None
        n = rollout.n_tokens
        rows = [
            Row(
                rollout.prompt,
                completion.ids,
                scaled(credit.advantages, n, rollout.advantage),
                n,
                np.asarray(completion.logprobs, dtype=np.float32),
                rollout.reward,
            )
        ]
        contrast = credit.contrast
        if contrast is not None:
            prefix = [*rollout.prompt, *completion.ids[: contrast.prefix_length]]
            raised = scaled(contrast.advantages, n, -rollout.advantage)
            rows.append(Row(prefix, contrast.token_ids, raised, n))
        return rows

    def evidence(self, rollout: Rollout, policy: Policy) -> Evidence:
        """What a rule may know of a rollout, in tokens."""
        judged = rollout.judged
        assert judged is not None
        ids = rollout.completion.ids
        if not rollout.needs:
            return Evidence(
                ids, rollout.reward, rollout.advantage, judged.mode, judged.cause, judged.exception,
                passes=judged.passed,
            )  # fmt: skip
        offsets = token_offsets(ids, policy.decode, policy.pieces)
        places = rollout.places
        tokens = _tokens(offsets)
        narrow = self.span == "expression" and places.expression is not None
        repair = None
        if places.repair is not None:
            place, text = places.repair
            repair = token_repair(
                ids, offsets, rollout.text, place, text,
                lambda part: policy.encode(part, special=False),
            )  # fmt: skip
        located = tokens(places.expression if narrow else places.statement)
        statements = [tokens(place) for place in places.statements]
        return Evidence(
            ids,
            rollout.reward,
            rollout.advantage,
            judged.mode,
            judged.cause,
            judged.exception,
            located=located,
            late=tokens(places.late),
            unconfirmed=tokens(places.unconfirmed),
            exception_located=located if Need.EXCEPTIONS in rollout.needs else (),
            statements=statements,
            executed=_all(places.executed, tokens),
            steps=places.steps,
            dies_at=places.dies_at,
            repair=repair,
            passes=judged.passed,
        )


def scaled(credit: FloatArray, n_tokens: int, advantage: float) -> npt.NDArray[np.float32]:
    """What multiplies each token's ratio: T_i a_{i,t}, and with uniform credit A_i to the bit.

    Args: credit: a_i of shape (T,), T = n_tokens but for a contrast. advantage: A_i.
    """
    factors = for_loss(credit, "constant", n_tokens=n_tokens)
    is_even = np.isclose(factors, advantage, rtol=1e-12, atol=0.0)
    return np.where(is_even, advantage, factors).astype(np.float32)


def _tokens(offsets: Sequence[Range]) -> Callable[[Range | None], list[int]]:
    return lambda place: [] if place is None else tokens_in_span(offsets, place)


def _all(
    places: Sequence[Range] | None, tokens: Callable[[Range | None], list[int]]
) -> list[int] | None:
    if places is None:
        return None
    return sorted({token for place in places for token in tokens(place)})
