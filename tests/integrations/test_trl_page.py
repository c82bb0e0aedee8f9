"""docs/trl.md: its code is run, its table of options is that of the config; and the example."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra trl")

from trl import GRPOConfig

sys.path.insert(0, str(Path(__file__).parent))
from trl_runs import passes

from egca.integrations.trl import EGCAConfig, problem_dataset
from egca.integrations.trl.data import check_columns
from harness.markdown import filled

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "trl.md"
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHAT = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


@pytest.fixture
def talking(student: Path, tmp_path: Path) -> Path:
    """The student with a chat template, which a model of the hub has."""
    folder = tmp_path / "talking"
    shutil.copytree(student, folder)
    (folder / "chat_template.jinja").write_text(CHAT)
    return folder


def test_the_code_of_the_page_runs(
    talking: Path, problems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {
        "MODEL": str(talking),
        "PROBLEMS": str(problems),
        "DATASET": problem_dataset(problems),
        "tests_pass": passes,
        "OPTIONS": {
            "per_device_train_batch_size": 4, "max_steps": 2, "max_completion_length": 48,
            "use_cpu": True, "save_strategy": "no", "report_to": [],
        },
    }  # fmt: skip
    blocks = CODE.findall(PAGE.read_text("utf-8"))
    assert len(blocks) == 3
    for block in blocks[:2]:
        exec(block, names)
        assert names["trainer"].state.global_step == 2
    exec(blocks[2], names)
    check_columns(names["dataset"], "dataset", with_constraints=True)


def test_the_options_of_the_page_are_those_of_the_config(request: pytest.FixtureRequest) -> None:
    theirs = {field.name for field in fields(GRPOConfig)}
    rows = ["| option | default | what it is |", "| --- | --- | --- |"]
    for field in fields(EGCAConfig):
        if field.name not in theirs:
            rows.append(f"| `{field.name}` | `{field.default!r}` | {field.metadata['help']} |")
    page = PAGE.read_text("utf-8")
    now = filled(page, {"options": "\n".join(rows)})
    if request.config.getoption("--golden"):
        PAGE.write_text(now, "utf-8")
        return
    assert now == page, "stale: make golden"


@pytest.mark.slow
def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, "examples/trl_tiny.py"], cwd=ROOT, capture_output=True, text=True,
        timeout=280, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    shown = re.findall(r"(\S+) +0\.\d+ in the first 10 steps, 0\.\d+ in the rest", done.stdout)
    assert shown == ["rewards/tests/mean", "egca/modes/logic", "egca/modes/syntax"]
