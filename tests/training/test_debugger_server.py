"""A debugger that is a local model: one server for the run, started and stopped by it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from real_servers import BIN, trained
from smollm2_folder import unpack

from egca.providers.serving import ADDRESS
from egca.training.config import load_config
from egca.training.debugging import LOG, served_debugger, shared_out
from egca.training.distributed import World
from egca.training.metrics import read_metrics


@pytest.mark.parametrize(
    ("changes", "server"),
    [
        ({"debugger.name": "trace"}, ""),
        ({"debugger.name": "smollm2"}, ""),
        ({"debugger.name": "sonnet-4.5"}, ""),
        ({"debugger.name": "qwen-7b"}, "http://127.0.0.1:9/v1"),  # somebody else's
    ],
)
def test_no_server_is_started_where_none_is_wanted(
    changes: dict[str, Any], server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, server)
    config = load_config("tiny", changes=changes)
    said: list[str] = []
    with served_debugger(config, tmp_path, World(), said.append) as debugger:
        assert debugger == config.debugger
        assert os.environ[ADDRESS] == server
    assert not said
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("changes", "n_processes", "n_asking"),
    [
        ({"credit.strategy": "egca", "reward.workers": 4}, 1, 4 + 1),
        ({"credit.strategy": "egca", "reward.workers": 4}, 2, 2 * 4 + 1),
        ({"credit.strategy": "egca-no-constraints", "reward.workers": 3}, 1, 3),
        ({"credit.strategy": "uniform", "reward.critique": 0.5}, 2, 2 + 1),
        ({"credit.strategy": "uniform"}, 2, 1),
        ({"credit.strategy": "stepcoder"}, 2, 1),  # what the tests execute is no question
    ],
)
def test_what_processes_may_spend_adds_up_to_the_ceiling(
    changes: dict[str, Any], n_processes: int, n_asking: int
) -> None:
    changes = {**changes, "debugger.name": "sonnet-4.5", "debugger.max_cost": 6.0}
    config = load_config("tiny", changes=changes)
    each = shared_out(config.debugger, config, World(0, n_processes))
    assert each.max_cost == pytest.approx(6.0 / n_asking)
    free = config.debugger.model_copy(update={"max_cost": None})
    assert shared_out(free, config, World()) == free


@pytest.mark.servers
def test_all_processes_of_a_run_ask_one_server(options: dict[str, Any], tmp_path: Path) -> None:
    unpack(tmp_path / "smollm2")
    changes = {
        **options, "debugger.name": f"vllm:{tmp_path / 'smollm2'}", "credit.strategy": "egca",
        "reward.workers": 2, "steps": 2,
    }  # fmt: skip
    done = trained(BIN / "python", changes, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    log = (tmp_path / "run" / LOG).read_text(errors="replace")
    assert "POST /v1/chat/completions" in log
    steps = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert sum(step["localized"] for step in steps) > 0
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path / "smollm2") not in listed.stdout
