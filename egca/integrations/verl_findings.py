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
from typing import Any

import numpy as np
import numpy.typing as npt

from egca.credit import Evidence, TokenCredit, TokenRepair, assign
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
        "error": rollout.judged.error,
    })  # fmt: skip


def token_advantages(
    rows: Sequence[Sampled], crediting: Crediting, seed: int
) -> list[tuple[Array, TokenCredit] | None]:
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
    for i, row in enumerate(rows):
        found = _evidence(row)
        if found is not None:
            evidence[i] = found
            groups[row.group].append(i)
    made: list[tuple[Array, TokenCredit] | None] = [None] * len(rows)
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
            made[i] = scaled(credit.advantages, len(row.ids), row.advantage), credit
    return made


def _evidence(row: Sampled) -> Evidence | None:
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
        return Evidence(
            token_ids=row.ids,
            reward=said["reward"],
            advantage=row.advantage,
            mode=Mode(found.pop("mode")),
            cause=Cause(found.pop("cause")),
            repair=repair,
            **found,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"reward_extra_info[{KEY!r}]: no finding of egca: {error}") from None


def _digest(ids: Sequence[int]) -> int:
    return zlib.crc32(np.asarray(ids, dtype=np.int64).tobytes())
