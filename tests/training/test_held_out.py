"""Evaluation of a run: its problems are known before a step, and the last step is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from left import Killed, are_same, weights  # noqa: E402

from egca.errors import InputError  # noqa: E402
from egca.training import checkpoint  # noqa: E402
from egca.training.config import load_config  # noqa: E402
from egca.training.metrics import read_metrics  # noqa: E402
from egca.training.plan import plan_of  # noqa: E402
from egca.training.run import train  # noqa: E402


def config_with(options: dict[str, object], problems: Path, **more: object):
    changes = {name.replace("__", "."): value for name, value in more.items()}
    held_out = {"evaluation.dataset": str(problems), "evaluation.limit": 2, "steps": 3,
                "evaluation.every": 2, "credit.strategy": "uniform"}  # fmt: skip
    return load_config("tiny", changes={**options, **held_out, **changes})


def measured(folder: Path) -> list[int]:
    return [line["step"] for line in read_metrics(folder / "evaluations.jsonl")]


def test_a_data_set_that_is_not_there_is_said_before_a_step(
    options, problems, tmp_path: Path
) -> None:
    config = config_with(options, problems, evaluation__dataset=str(tmp_path / "none.jsonl"))
    with pytest.raises(InputError, match=r"^evaluation.dataset: .*none\.jsonl"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
    assert any("evaluation.dataset: " in text for text in plan_of(config).missing)


def test_the_last_step_is_measured_and_a_finished_run_reports_it(
    options, problems, tmp_path: Path
) -> None:
    config, folder = config_with(options, problems), tmp_path / "run"
    report = train(config, folder)
    assert measured(folder) == [2, 3]
    assert report.final["step"] == 3
    again = train(config, folder, resume=True)
    assert again.final["step"] == 3
    assert again.final["pass_at_1"] == report.final["pass_at_1"]
    assert measured(folder) == [2, 3]


def test_a_step_is_saved_before_others_hear_of_it_and_measured_after_a_kill(
    options, problems, tmp_path: Path, monkeypatch
) -> None:
    """What an evaluation runs into costs no step."""
    config = config_with(options, problems, checkpoint__every=2)
    train(config, tmp_path / "whole")

    def fail(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("egca.training.evaluation.evaluate", fail)
        with pytest.raises(Killed):
            train(config, tmp_path / "killed")
    assert [path.name for path in checkpoint.found(tmp_path / "killed" / "checkpoints")] == [
        "step-000002"
    ]
    assert train(config, tmp_path / "killed", resume=True).resumed_at == 2
    files = [tmp_path / name / "evaluations.jsonl" for name in ("whole", "killed")]
    assert read_metrics(files[0]) == read_metrics(files[1])
    assert are_same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
