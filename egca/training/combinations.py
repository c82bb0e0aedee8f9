"""Options that are right by themselves and not together: one would change nothing, or never work.

What an option may be by itself is config.py's and sections.py's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egca.errors import InputError

if TYPE_CHECKING:
    from egca.training.config import TrainConfig

_OWN = ("reinforce++", "ppo", "rlef")  # objectives that make token advantages of their own
# Options that some objectives do not read.
UNREAD: dict[str, tuple[str, ...]] = {
    "reward.kind": ("rlef", "sft"),
    "reward.critique": ("rlef", "sft"),
    "credit.scale": (*_OWN, "sft"),
    "objective.kl_estimator": (*_OWN, "sft"),
    "objective.resample": ("sft",),
}


def check_combinations(config: TrainConfig) -> None:
    """Raises: InputError in one line for the first option that does not go with the others."""
    name, strategy = config.objective.name, config.credit.strategy
    if not config.objective.is_credited and strategy != "uniform":
        raise InputError(
            f"objective.name {name} makes token advantages of its own, so credit.strategy "
            f"{strategy} would change nothing: give --credit uniform"
        )
    if name in ("rlef", "sft") and config.alignment.share > 0:
        raise InputError(f"objective.name {name} has no exercises: give alignment.share=0")
    if name in ("rlef", "sft") and config.supervised.weight > 0:
        raise InputError(f"objective.name {name} has no lessons beside it: supervised.weight=0")
    for option, objectives in UNREAD.items():
        section, leaf = option.split(".")
        options = getattr(config, section)
        value, default = getattr(options, leaf), type(options).model_fields[leaf].default
        if name in objectives and value != default:
            raise InputError(
                f"objective.name {name} does not read {option}, so {value} would change nothing: "
                f"leave it at {'null' if default is None else default}"
            )
    if config.alignment.share > 0:
        _check_alignment(config)


def _check_alignment(config: TrainConfig) -> None:
    """Exercises have to be mixed at some time, and a buffer that has its fill to have enough."""
    options, n_prompts = config.alignment, config.rollout.prompts_per_step
    n = round(options.share * n_prompts)
    if options.learns_code:
        n = min(n, n_prompts - 1)
    elif n:
        n = n_prompts
    if n == 0:
        raise InputError(
            f"alignment.share {options.share:g} of rollout.prompts_per_step {n_prompts} leaves no "
            "room for an exercise beside programs: raise one of them"
        )
    if options.fill > options.capacity:
        raise InputError(
            f"alignment.fill is {options.fill}, more than alignment.capacity, which is "
            f"{options.capacity}: no exercise would ever be mixed in"
        )
    if options.fill < n:
        raise InputError(
            f"alignment.fill is {options.fill}, fewer than the {n} exercises of a step: raise it"
        )
