"""Numbers of a step's groups: rewards, modes, what became of credit, lengths."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from egca.credit import Fallback
from egca.training.crediting import Group
from egca.training.rollouts import has_signal
from egca.types import Mode


def summarise(groups: Sequence[Group]) -> dict[str, Any]:
    """What is logged of the rollouts of a step.

    Shares are of completions, in [0, 1]; `modes` by name of the mode; multiplier_max is
    max T_i |a_{i,t}| / |A_i| over all tokens; located the share of completions with a failing mode
    and A_i < 0 whose place was found.
    """
    rollouts = [rollout for group in groups for rollout in group]
    n = len(rollouts)
    judged = [rollout.judged for rollout in rollouts if rollout.judged is not None]
    credited = [rollout.credit for rollout in rollouts if rollout.credit is not None]
    wanted = [rollout for rollout in rollouts if rollout.needs]
    lost = [c for c in credited if c.fallback is Fallback.NOTHING_LOCATED]
    active = [
        rollout.credit
        for rollout in rollouts
        if rollout.credit is not None and rollout.advantage != 0
    ]
    return {
        "reward": fmean(rollout.reward for rollout in rollouts),
        "pass_rate": sum(one.passed for one in judged) / n,
        "modes": {mode.value: sum(one.mode is mode for one in judged) / n for mode in Mode},
        "silent_groups": sum(not has_signal(group) for group in groups) / len(groups),
        "completion_tokens": fmean(rollout.n_tokens for rollout in rollouts),
        "tokens": sum(rollout.n_tokens for rollout in rollouts),
        "cut_off": sum(not rollout.completion.has_ended for rollout in rollouts) / n,
        "localized": len(wanted),
        "located": 1.0 - len(lost) / len(wanted) if wanted else 1.0,
        "confirmed": _share([rollout.places.proof != "none" for rollout in wanted]),
        "fell_back": sum(rollout.places.fell_back for rollout in wanted),
        "multiplier_max": max((c.max_multiplier for c in active), default=1.0),
        "effective_tokens": fmean([c.n_effective for c in active] or [0.0]),
        "not_judged": sum(bool(one.error) for one in judged),
    }


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 1.0
