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
from egca.training.debugging import LOG, served_debugger
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
