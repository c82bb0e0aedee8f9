"""What a reward worker finds out about a completion, as text that verl carries to its trainer, and
what the trainer makes of it: an advantage for each token.

A finding is JSON in the reward's extra info. Places are in it as tokens of the ids that were
sampled, so the trainer decodes nothing, and their digest, so that no place is ever put on another
sequence. Numpy and data here; Ray and verl are met in verl_rewards.py and verl_trainer.py."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from egca.credit import Evidence, Fallback, TokenCredit, TokenRepair, assign
from egca.errors import InputError
from egca.training.crediting import Crediting, Rollout, scaled
from egca.training.policy import Policy
from egca.types import Cause, Mode

Array = npt.NDArray[np.float32]
KEY = "egca"  # of the text in reward_extra_info
_OF_TRAINER = ("token_ids", "reward", "advantage")  # what the trainer knows itself, or better


@dataclasses.dataclass(frozen=True, slots=True)
class Sampled:
    """A completion as the trainer has it.

    ids: the T_i sampled ids. advantage: A_i of verl. group: its uid. finding: text of `finding_of`,
    None for a row that no reward worker saw.
    """

    ids: Sequence[int]
    advantage: float
    group: str
    finding: str | None


class Credited(NamedTuple):
    """A completion with token credit.

    advantages: T_i a_{i,t}, shape (T_i,). fell_back: a model was asked for its place in vain.
    """

    advantages: Array
    credit: TokenCredit
    fell_back: bool


def finding_of(rollout: Rollout, crediting: Crediting, policy: Policy) -> str:
    """The finding of a rollout that is judged, and whose places were looked for."""
    assert rollout.judged is not None
    evidence = dataclasses.asdict(crediting.evidence(rollout, policy))
    found = {name: value for name, value in evidence.items() if name not in _OF_TRAINER}
    characters = {
        name: place
        for name in ("statement", "expression")
        if (place := getattr(rollout.places, name)) is not None
    }
    return json.dumps({
        "ids": _digest(rollout.completion.ids),
        "reward": rollout.reward,
        "evidence": found,
        "characters": characters,
        "proof": rollout.places.proof,
        "confidence": rollout.places.confidence,
        "fell_back": rollout.places.fell_back,
        "error": rollout.judged.error,
    })  # fmt: skip


def token_advantages(
    rows: Sequence[Sampled], crediting: Crediting, seed: int
) -> list[Credited | None]:
    """T_i a_{i,t} of each row, shape (T_i,), whose mean is A_i where the rule conserves.

    Under uniform credit it is A_i on every token, which is what verl's own GRPO gives, so that
    every loss_agg_mode weighs a completion as it would there.

    Args: seed: of rules that draw at random.
    Returns: None for a row without a finding of its own (several turns, padding): it keeps what
        verl gave it.
    Raises: InputError for a text that is no finding.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    evidence: dict[int, Evidence] = {}
    fell_back: dict[int, bool] = {}
    for i, row in enumerate(rows):
        found = _evidence(row)
        if found is not None:
            evidence[i], fell_back[i] = found
            groups[row.group].append(i)
    made: list[Credited | None] = [None] * len(rows)
    for group, members in groups.items():
        of_group = zlib.crc32(group.encode()) + seed  # wherever the group stands in its batch
        credits = assign(
            [evidence[i] for i in members],
            crediting.strategy,
            options=crediting.options,
            seed=of_group,
        )
        for i, credit in zip(members, credits, strict=True):
            row = rows[i]
            advantages = scaled(credit.advantages, len(row.ids), row.advantage)
            made[i] = Credited(advantages, credit, fell_back[i])
    return made


def metrics_of(rows: Sequence[Sampled], made: Sequence[Credited | None]) -> dict[str, float]:
    """What verl logs of `token_advantages`, under egca/.

    Shares of modes and credited; of completions with A_i != 0 only, how far credit is from
    uniform, and how many got uniform credit although their mode has a place, by the reason.
    fell_back counts those that a model was asked for in vain, as everywhere in egca.
    """
    credits = [one.credit for one in made if one is not None]
    if not credits:
        return {"egca/credited": 0.0}
    found = {
        f"egca/modes/{mode.value}": _mean([one.mode is mode for one in credits]) for mode in Mode
    }
    found["egca/credited"] = len(credits) / sum(bool(row.ids) for row in rows)
    found["egca/fell_back"] = float(sum(one.fell_back for one in made if one is not None))
    moved = [
        one.credit for row, one in zip(rows, made, strict=True) if one is not None and row.advantage
    ]
    if moved:
        found["egca/multiplier/max"] = max(credit.max_multiplier for credit in moved)
        found["egca/effective_tokens/mean"] = _mean([credit.n_effective for credit in moved])
        for why in (Fallback.POSITIVE_ADVANTAGE, Fallback.NOTHING_LOCATED):
            n = sum(credit.fallback is why for credit in moved)
            found[f"egca/uniform/{why.value}"] = float(n)
    return found


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))


def _evidence(row: Sampled) -> tuple[Evidence, bool] | None:
    """The evidence of a row's own finding, and whether a model was asked in vain."""
    if row.finding is None or not len(row.ids):
        return None
    try:
        said: dict[str, Any] = json.loads(row.finding)
        if said["ids"] != _digest(row.ids):
            return None
        found = said["evidence"]
        repair = found.pop("repair")
        if repair is not None:
            repair = TokenRepair(repair["start"], repair["end"], tuple(repair["token_ids"]))
        evidence = Evidence(
            token_ids=row.ids,
            reward=said["reward"],
            advantage=row.advantage,
            mode=Mode(found.pop("mode")),
            cause=Cause(found.pop("cause")),
            repair=repair,
            **found,
        )
        return evidence, bool(said["fell_back"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"reward_extra_info[{KEY!r}]: no finding of egca: {error}") from None


def _digest(ids: Sequence[int]) -> int:
    return zlib.crc32(np.asarray(ids, dtype=np.int64).tobytes())
