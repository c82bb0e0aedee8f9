"""Numbers of a step's groups: rewards, modes, what became of credit, lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from egca.credit import Fallback
from egca.training.crediting import Group
from egca.training.metrics import Means
from egca.types import Mode

_MODE = "modes."
_WHERE_NONE = {"located": 1.0, "confirmed": 1.0, "multiplier_max": 1.0, "effective_tokens": 0.0}


def has_signal(group: Group) -> bool:
    """Whether any completion has an advantage."""
    return any(rollout.advantage != 0 for rollout in group)


def is_silent(group: Group) -> bool:
    """Whether a group of programs teaches nothing, so that another may take its place."""
    return not has_signal(group) and group[0].judged is not None


def summarise(groups: Sequence[Group], means: Means) -> None:
    """Add what is logged of the rollouts of a step.

    Shares are of completions, in [0, 1]; multiplier_max is max T_i |a_{i,t}| / |A_i| over all
    tokens; located the share of completions whose place was asked for and found.
    """
    for group in groups:
        means.add("silent_groups", not has_signal(group))
    for rollout in (rollout for group in groups for rollout in group):
        judged, credit = rollout.judged, rollout.credit
        assert judged is not None
        assert credit is not None
        means.add("reward", rollout.reward)
        means.add("pass_rate", judged.passed)
        for mode in Mode:
            means.add(_MODE + mode.value, judged.mode is mode)
        means.add("completion_tokens", rollout.n_tokens)
        means.total("tokens", rollout.n_tokens)
        means.add("cut_off", not rollout.completion.has_ended)
        means.total("localized", bool(rollout.needs))
        means.total("fell_back", bool(rollout.needs) and rollout.places.fell_back)
        means.total("not_judged", bool(judged.error))
        if rollout.needs:
            means.add("located", credit.fallback is not Fallback.NOTHING_LOCATED)
            means.add("confirmed", rollout.places.proof != "none")
        if rollout.advantage != 0:
            means.highest("multiplier_max", credit.max_multiplier)
            means.add("effective_tokens", credit.n_effective)


def summary_of(means: Means) -> dict[str, Any]:
    """The numbers of a step as they are logged: modes by name, counts as whole numbers.

    A step that judges nothing has no rewards and no modes.
    """
    values: dict[str, Any] = {**_WHERE_NONE, **means.values()}
    modes = {name: values.pop(name) for name in list(values) if name.startswith(_MODE)}
    values["modes"] = {name.removeprefix(_MODE): share for name, share in modes.items()}
    for name in ("tokens", "localized", "fell_back", "not_judged"):
        values[name] = int(values.get(name, 0))
    return values
