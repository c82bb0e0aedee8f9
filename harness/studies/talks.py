"""What a trained model makes of feedback: dialogues about test compositions, and the same number of
programs without feedback beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from egca.training.assessment import Bench
    from egca.training.config import TrainConfig
    from egca.training.data import Prompt
    from egca.training.policy import Policy

FEEDBACK = ("real", "random")
_DIGITS = 5
# Options that make another method of uniform credit: CodeRL+, a teacher's scores, RLTF's third
# part, DAPO.
_OTHERS = ("alignment.share", "reward.critique", "supervised.weight", "objective.resample")


def has_dialogues(options: Mapping[str, Any]) -> bool:
    """Whether a run's model is tested in dialogues: RLEF's, and GRPO's to compare it with."""
    objective = options.get("objective.name", "grpo")
    is_grpo = objective == "grpo" and options.get("credit.strategy") == "uniform"
    return objective == "rlef" or (is_grpo and not any(map(options.get, _OTHERS)))


def talked(
    policy: Policy, prompts: Sequence[Prompt], bench: Bench, config: TrainConfig, n: int
) -> dict[str, dict[str, float]]:
    """The records of dialogues (egca/training/dialogues.py) for each kind of feedback.

    Args:
        n: dialogues of a problem.
    """
    from egca.credit import find_strategy, options_from
    from egca.training.crediting import Crediting
    from egca.training.dialogues import assessed
    from egca.training.rollouts import Rollouts
    from egca.training.sampling import PolicySampler

    crediting = Crediting(
        find_strategy("uniform"), options_from({}), config.credit.scale, config.credit.span
    )
    code = Rollouts(
        policy,
        PolicySampler(policy, max_tokens=config.rollout.max_completion_length),
        bench,
        crediting,
        num_generations=n,
        check=lambda: None,
        family=config.data.prompt,
    )
    found: dict[str, dict[str, float]] = {}
    for kind in FEEDBACK:
        heard = config.dialogue.model_copy(update={"feedback": kind})
        changed = config.model_copy(update={"dialogue": heard})
        means = assessed(code, changed, 1, prompts)
        found[kind] = {name: round(value, _DIGITS) for name, value in means.values().items()}
    return found
