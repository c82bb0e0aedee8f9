"""Options of the baselines that bring data of their own: what each is made of, with its bounds.

The rest of a run's options, and how they are read, are config.py's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class Section(BaseModel):
    """Options that belong together: no unknown field, nothing changed after it was checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Supervised(Section):
    """Learning from programs that are known to be right: objective sft, and RLTF's third part."""

    source: Literal["references", "teacher"] = Field(
        default="references", description="whose programs sft learns"
    )
    sequences_per_step: PositiveInt | None = Field(
        default=None, description="of sft; null: as many as prompts_per_step x num_generations"
    )
    tokens: PositiveInt | None = Field(
        default=None, description="of sft: completion tokens of the whole run, in place of steps"
    )
    weight: float = Field(
        default=0.0, ge=0, description="of a supervised loss on references beside the policy's"
    )


def n_learned(supervised: Supervised, prompts_per_step: int, num_generations: int) -> int:
    """Programs that a step of sft learns: the budget of a step that samples, unless given."""
    return supervised.sequences_per_step or prompts_per_step * num_generations
