"""Options: presets, files and --set; what is wrong is named in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pydantic", reason="needs the extra train")
pytest.importorskip("yaml", reason="needs the extra train")

from egca.errors import InputError
from egca.training.config import fields, load_config, presets


def test_every_preset_is_valid() -> None:
    assert presets() == ["paper", "small", "tiny"]
    for name in presets():
        assert load_config(name).digest() == load_config(name).digest()


def test_the_paper_preset_is_the_published_setting() -> None:
    config = load_config("paper")
    assert config.model.name == "deepseek-ai/deepseek-coder-6.7b-instruct"
    assert config.rollout.num_generations == 16
    assert config.optimizer.learning_rate == 5e-7
    assert (config.objective.epsilon, config.objective.beta) == (0.2, 0.05)
    assert config.objective.loss_normalisation == "sequence"
    assert config.epochs == 3


def test_set_wins_over_file_and_file_over_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("steps: 7\nobjective:\n  beta: 0.1\n")
    config = load_config("tiny", file, ["steps=9", "optimizer.learning_rate=1e-5"])
    assert config.steps == 9
    assert config.objective.beta == 0.1
    assert config.rollout.num_generations == load_config("tiny").rollout.num_generations
    assert config.optimizer.learning_rate == 1e-5


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("stesp=3", "there is no option stesp; did you mean steps?"),
        ("rollout.temprature=1", "did you mean rollout.temperature?"),
        ("learning_rate=1e-4", "did you mean optimizer.learning_rate?"),
        ("steps", 'write it as name=value, as in "steps=100"'),
        ("steps=[", "the value is no YAML"),
        ("steps=0", "steps is 0: Input should be greater than 0"),
        ("objective.kl_estimator=k4", "objective.kl_estimator is 'k4'"),
        ("rollout.num_generations=1", "rollout.num_generations is 1"),
        ("rollout.engine=vlm", "rollout.engine is 'vlm': it says what samples: transformers"),
        ("optimizer.betas=[2,3]", "optimizer.betas.0 is 2: Input should be less than 1"),
        ("optimizer.betas=[0.9]", "optimizer.betas is [0.9]: too few"),
        ("optimizer.learning_rate=.inf", "optimizer.learning_rate is inf: Input should be a fin"),
        ("seed=99999999999999999999", "seed is 99999999999999999999: Input should be less than"),
        ("data.ids=[]", "data.ids is []: List should have at least 1 item"),
        ("xyzzy=1", "`egca train --fields` lists them"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(setting: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load_config("tiny", settings=[setting])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_file_is_one_clear_line(tmp_path: Path) -> None:
    for text, message in [
        ("- 1\n", "a mapping of options"),
        ("a: [\n", "cannot be read as YAML"),
        ("rollout:\n  numgenerations: 3\n", "did you mean rollout.num_generations?"),
    ]:
        file = tmp_path / "wrong.yaml"
        file.write_text(text)
        with pytest.raises(InputError, match=r"wrong\.yaml") as error:
            load_config("tiny", file)
        assert message in str(error.value)
    with pytest.raises(InputError, match="cannot be read"):
        load_config("tiny", tmp_path / "none.yaml")
    with pytest.raises(InputError, match="did you mean tiny"):
        load_config("tniy")


def test_every_option_is_listed_once() -> None:
    listed = fields()
    assert "credit.strategy" in listed
    assert "model.lora.r" in listed
    assert len(listed) == len(set(listed)) > 50


def test_the_longest_sequence_is_a_dialogues_where_there_are_any() -> None:
    assert load_config("tiny").max_length == 128 + 144
    talk = {"objective.name": "rlef", "credit.strategy": "uniform"}
    config = load_config("tiny", changes=talk)
    assert config.max_length == config.dialogue.max_prompt_length + 144
