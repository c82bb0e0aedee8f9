"""What a credit strategy is: a rule over the completions of one group, and what is said about it.

A rule is a pure function: the group's evidence in, a_{i,t} of each completion out. The names and
their rules stand in strategies.py, the rules themselves in rules/."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence, Need, Needs
from egca.credit.options import Options
from egca.types import Mode


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule gets besides the group.

    seed drives the rules that draw at random: the same seed and completion give the same draw,
    wherever the completion stands in its group, so a resumed run repeats it.
    """

    options: Options = field(default_factory=Options)
    seed: int = 0


Rule = Callable[[Sequence[Evidence], Context], list[FloatArray]]
Place = Callable[[Evidence], Sequence[int] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A training item beside the sampled completion: other tokens in the same context, raised.

    The context is the prompt and the first `prefix_length` tokens of the completion; `token_ids`
    follow it, and `advantages` of shape (len(token_ids),) belong to them. They were not sampled:
    their old log-probabilities are those of the policy before the step, by one forward pass.
    """

    prefix_length: int
    token_ids: tuple[int, ...]
    advantages: FloatArray


@dataclass(frozen=True, slots=True)
class Strategy:
    """A rule and what a trainer, the docs and the tests have to know of it.

    Fields:
        function: the rule.
        label: what it does, in one line.
        source: paper or equation.
        needs: what has to be computed, each with the completions (mode, A_i) it is wanted for.
        conserves: whether sum_t a_{i,t} = A_i for every completion.
        ours: whether it is our own and in no paper; said wherever the rule appears.
        options: names of the Options it reads.
        place: for a rule that concentrates on a place: its tokens, empty where none was found, None
            for a completion whose mode has none under this rule. What falls back is told from it.
        contrast: the training item that a completion adds, if any.
        constraints: whether prompts carry the debugger's constraints C and the gate asks I_C.
        reward: name in REWARDS of the reward that the source gives it.
    """

    function: Rule
    label: str
    source: str
    needs: Needs = field(default_factory=dict)
    conserves: bool = True
    ours: bool = False
    options: tuple[str, ...] = ()
    place: Place | None = None
    contrast: Callable[[Evidence], Contrast | None] | None = None
    constraints: bool = True
    reward: str = "binary"

    def wanted(self, mode: Mode, advantage: float) -> frozenset[Need]:
        """What has to be computed for a completion of this mode and advantage."""
        return frozenset(need for need, asked in self.needs.items() if asked(mode, advantage))


class Fallback(StrEnum):
    """Why a completion whose mode has a place got uniform credit all the same."""

    POSITIVE_ADVANTAGE = "positive_advantage"  # concentrating would reinforce the bug
    ZERO_ADVANTAGE = "zero_advantage"  # nothing to distribute, and nothing was localized
    NOTHING_LOCATED = "nothing_located"  # no span, or a span outside the completion


@dataclass(frozen=True, slots=True, eq=False)
class TokenCredit:
    """Where the advantage of one completion goes.

    Fields:
        advantages: a_{i,t} of shape (T_i,); the sum is A_i where the strategy conserves.
        max_multiplier: max_t |a_{i,t}| T_i / |A_i|, how much more than under plain GRPO the
            strongest token gets; it drives the gradient norm. 1 when uniform, and where A_i = 0.
        n_effective: (sum_t |a_t|)^2 / sum_t a_t^2, the effective number of tokens that carry the
            credit: T_i when uniform, |span| on a span, 0 where none does.
        fallback: None where the strategy was applied as it is.
        contrast: a training item beside the completion (`egca-contrast` only).
    """

    advantages: FloatArray
    mode: Mode
    max_multiplier: float
    n_effective: float
    fallback: Fallback | None = None
    contrast: Contrast | None = None


def describe(
    evidence: Evidence, advantages: FloatArray, strategy: Strategy | None = None
) -> TokenCredit:
    """The a_{i,t} of one completion with what a log wants to know of them."""
    sizes = np.abs(advantages)
    strongest = float(sizes.max())
    relative = sizes / (strongest or 1.0)
    uniform = abs(evidence.advantage) / evidence.n_tokens
    return TokenCredit(
        advantages,
        evidence.mode,
        strongest / uniform if uniform else 1.0,
        float(relative.sum() ** 2 / (relative**2).sum()) if strongest else 0.0,
        _fallback(evidence, strategy.place) if strategy and strategy.place else None,
        strategy.contrast(evidence) if strategy and strategy.contrast else None,
    )


def _fallback(evidence: Evidence, place: Place) -> Fallback | None:
    tokens = place(evidence)
    if tokens is None:
        return None
    if evidence.advantage > 0:
        return Fallback.POSITIVE_ADVANTAGE
    if evidence.advantage == 0:
        return Fallback.ZERO_ADVANTAGE
    return None if len(tokens) else Fallback.NOTHING_LOCATED
