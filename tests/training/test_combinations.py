"""Options that do not go together are one line; those that a preset leaves alone disturb nobody."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("pydantic", reason="needs the extra train")
pytest.importorskip("yaml", reason="needs the extra train")

from egca.errors import InputError
from egca.training.combinations import UNREAD
from egca.training.config import load_config, presets

CHANGED = {
    "reward.kind": "fraction",
    "reward.critique": 0.5,
    "credit.scale": "none",
    "objective.kl_estimator": "k1",
    "objective.resample": 2,
}
PAIRS = [(option, name) for option, names in UNREAD.items() for name in names]


@pytest.mark.parametrize(("option", "name"), PAIRS)
def test_what_an_objective_does_not_read_is_refused(option: str, name: str) -> None:
    changes = {"objective.name": name, "credit.strategy": "uniform", option: CHANGED[option]}
    said = f"objective.name {name} does not read {option}, so {CHANGED[option]} would change"
    with pytest.raises(InputError, match=re.escape(said)):
        load_config("tiny", changes=changes)
    load_config("tiny", changes={**changes, "objective.name": "grpo"})


@pytest.mark.parametrize("name", ["grpo", "reinforce++", "ppo", "rlef", "sft"])
def test_every_preset_goes_with_every_objective(name: str) -> None:
    for preset in presets():
        load_config(preset, changes={"objective.name": name, "credit.strategy": "uniform"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.05}, "alignment.share 0.05 of rollout.prompts_per_step 8 leaves no room"),
        ({"share": 0.05, "learns_code": False}, "leaves no room"),
        ({"share": 0.4, "fill": 600}, "alignment.fill is 600, more than alignment.capacity"),
        ({"share": 0.9, "fill": 6}, "alignment.fill is 6, fewer than the 7 exercises of a step"),
        ({"share": 0.4, "fill": 7, "learns_code": False}, "fewer than the 8 exercises"),
    ],
)
def test_alignments_that_never_mix_or_shrink_a_step_are_refused(changes, message: str) -> None:
    dotted = {f"alignment.{name}": value for name, value in changes.items()}
    with pytest.raises(InputError, match=message):
        load_config("tiny", changes={"credit.strategy": "uniform", **dotted})


def test_one_prompt_leaves_no_room_for_an_exercise() -> None:
    changes = {"alignment.share": 0.9, "rollout.prompts_per_step": 1, "credit.strategy": "uniform"}
    with pytest.raises(InputError, match="prompts_per_step 1 leaves no room"):
        load_config("tiny", changes=changes)
    load_config("tiny", changes={**changes, "rollout.prompts_per_step": 2})
