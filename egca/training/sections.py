"""Options of the baselines that bring data of their own: what each is made of, with its bounds.

The rest of a run's options, and how they are read, are config.py's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class Section(BaseModel):
    """Options that belong together: no unknown field, nothing changed after it was checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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


class Alignment(Section):
    """CodeRL+: predicting what variables of failed programs hold, beside writing programs."""

    share: float = Field(
        default=0.0, ge=0, lt=1, description="of a step's prompts; 0: none (CodeRL+ has 0.4)"
    )
    fill: PositiveInt = Field(
        default=64, description="exercises kept, over all processes, before any is mixed in"
    )
    capacity: PositiveInt = Field(default=512, description="exercises kept at most, newest ones")
    max_variables: int = Field(default=3, ge=1, le=3, description="of an exercise; plain has one")
    reward: Literal["paper", "released"] = Field(
        default="paper", description="0.9 correct / n, or / (1 + n) as in the released code"
    )
    input: Literal["first", "longest"] = Field(
        default="first", description="of the tests; longest where the first are empty"
    )
    learns_code: bool = Field(
        default=True, description="false: programs are sampled for exercises alone"
    )


class Dialogue(Section):
    """RLEF: programs mended over several turns, from what public tests say."""

    turns: PositiveInt = Field(default=3, description="programs of a dialogue at most")
    n_public: PositiveInt = Field(
        default=3, description="first tests of a problem, shown when they fail; others are private"
    )
    feedback: Literal["real", "random"] = Field(
        default="real", description="random: what the tests said of other problems' programs"
    )
    invalid_reward: float = Field(
        default=-0.2, le=0, description="of a turn before the last that has no valid program"
    )
    max_prompt_length: PositiveInt = Field(
        default=2_048, description="tokens of a dialogue so far; it ends where it would be longer"
    )


class Teacher(Section):
    """A stronger model: whose programs sft learns, or whose likelihoods are mixed into rewards."""

    model: str | None = Field(
        default=None, description="a folder, a hub name or tiny:NAME; null: the debugger scores"
    )
    samples: str | None = Field(
        default=None, description="a file that `egca generate` wrote, in place of a model to sample"
    )
    n_samples: PositiveInt = Field(default=4, description="programs a problem; passing ones stay")
    temperature: float = Field(default=1.0, gt=0, description="of sampling them")
