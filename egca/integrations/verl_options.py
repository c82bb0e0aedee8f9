"""What egca is told inside verl: the section `egca` of verl's configuration, checked.

The names are those of `egca train` (credit, reward, debugger), put behind `+egca.` on verl's
command line: `+egca.credit.strategy=egca-cap +egca.credit.options.cap=4`. What verl decides is
refused here, how A_i is scaled and how many processes judge, and what only `egca train` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from egca.credit import find_strategy, options_from
from egca.debuggers.registry import check_name
from egca.errors import InputError
from egca.training.assessment import Rules
from egca.training.config import Credit, Debugger, Reward
from egca.training.crediting import Crediting
from egca.training.sections import Section

SECTION = "egca"
MANAGER = "egca"  # the reward manager's name in verl's registry
MANAGER_CLASS = "EGCARewardManager"
# Ours in place of what: verl keeps options, and decides a few things, under the latter names.
MODES = {
    "egca_sync": "sync",
    "egca_colocate_async": "colocate_async",
    "egca_separate_async": "separate_async",
}


class Settings(Section):
    """The section `egca`."""

    credit: Credit = Credit()
    reward: Reward = Reward()
    debugger: Debugger = Debugger()


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The section of a configuration of verl, a plain mapping; defaults where there is none.

    Raises: InputError naming the option, for an unknown one, a bad value, or one that verl has.
    """
    told = config.get(SECTION) or {}
    try:
        settings = Settings.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (SECTION, *first["loc"]))
        raise InputError(f"{where}: {first['msg']}") from None
    if "scale" in settings.credit.model_fields_set:
        raise InputError(
            "egca.credit.scale: A_i is verl's, and algorithm.norm_adv_by_std_in_grpo scales it"
        )
    if "workers" in settings.reward.model_fields_set:
        raise InputError("egca.reward.workers: verl's reward.num_workers says how many judge")
    if settings.reward.critique:
        raise InputError(
            "egca.reward.critique: no score of a debugger is mixed into r_i in verl: "
            "`egca train` does it"
        )
    return settings


def crediting_of(settings: Settings) -> Crediting:
    """The credit rule. Raises: InputError, CreditError for what there is not, or not in verl."""
    credit = settings.credit
    strategy = find_strategy(credit.strategy)
    if strategy.contrast is not None:
        raise InputError(
            f"egca.credit.strategy {credit.strategy}: it learns from repairs beside the "
            "completions, for which verl has no place: `egca train` has one"
        )
    # verl scales A_i, so the scale is never read.
    return Crediting(
        strategy, options_from(credit.options), "none", credit.span, settings.reward.kind
    )


def rules_of(settings: Settings, crediting: Crediting) -> Rules:
    """How completions are judged. Raises: InputError for an unknown debugger."""
    check_name(settings.debugger.name)
    return Rules(
        settings.debugger.name,
        settings.reward.call_s,
        settings.debugger.budget_s,
        settings.debugger.max_cost,
        crediting.wants_share,
    )


def check_fits(config: Mapping[str, Any]) -> None:
    """Refuse, before anything is loaded, what would bend the credit of tokens.

    Args: config: verl's, as a plain mapping.
    Raises: InputError that names the option, why, and what to do.
    """
    estimator = config["algorithm"]["adv_estimator"]
    actor = config["actor_rollout_ref"]["actor"]
    policy_loss = actor.get("policy_loss") or {}
    loss = policy_loss.get("loss_mode", "vanilla")
    manager = config["reward"]["reward_manager"]
    has_rewards = manager["name"] == (MANAGER if manager["source"] == "register" else MANAGER_CLASS)
    mode = config["trainer"]["v1"]["trainer_mode"]
    checks = [
        (
            estimator != "grpo",
            f"algorithm.adv_estimator={estimator} gives no A_i of a whole completion: use grpo",
        ),
        (
            loss in ("gspo", "geo_mean"),
            f"actor_rollout_ref.actor.policy_loss.loss_mode={loss} moves all tokens of a "
            "completion by one ratio, also those without credit: use vanilla",
        ),
        (
            not has_rewards,
            f"reward.reward_manager.name={manager['name']} finds no places: use "
            f"reward.reward_manager.source=register reward.reward_manager.name={MANAGER}",
        ),
        (
            bool(config["reward"]["reward_model"]["enable"]),
            "reward.reward_model.enable=True puts a model's score in place of the tests: use False",
        ),
    ]
    for is_wrong, message in checks:
        if is_wrong:
            raise InputError(f"trainer.v1.trainer_mode={mode}: {message}")
