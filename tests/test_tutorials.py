"""Tutorials are run: the files that a page shows are written, its commands typed in order.

A ```console block shows what its command prints, times aside (`make docs` rewrites it). Commands in
```sh blocks take too long or a GPU; of those, each that trains is run with --dry-run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from test_readme import BLOCK, TIME, transcript

TUTORIALS = sorted((Path(__file__).resolve().parents[1] / "docs" / "tutorials").glob("*.md"))
FILE = re.compile(r'^```\w+ title="([\w.-]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [page for page in TUTORIALS if BLOCK.search(page.read_text("utf-8"))]
TRAIN = re.compile(r"^(?:accelerate launch --num_processes \d+ -m )?egca (train .*)$", re.MULTILINE)


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_console_blocks_are_what_the_commands_print(
    page: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    text = page.read_text("utf-8")
    for name, content in FILE.findall(text):
        (tmp_path / name).write_text(content, "utf-8")

    def rerun(block: re.Match[str]) -> str:
        (command,) = [line[2:] for line in block[1].splitlines() if line.startswith("$ ")]
        return f"```console\n{transcript(command, tmp_path)}```"

    now = BLOCK.sub(rerun, text)
    if sys.version_info >= (3, 12):  # which words it anew; the page shows Python 3.11
        now = now.replace("max() iterable argument is empty", "max() arg is an empty sequence")
    if request.config.getoption("--golden"):
        page.write_text(now, "utf-8")
        return
    assert untimed(now) == untimed(text), f"{page.name} is stale: make docs"


def untimed(text: str) -> str:
    """Without times, and without what is slowest."""
    return TIME.sub("TIME", re.sub(r"^slowest .*$", "slowest", text, flags=re.MULTILINE))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_commands_that_train_are_understood(page: Path, tmp_path: Path) -> None:
    blocks = "\n".join(SHELL.findall(page.read_text("utf-8")))
    commands = [shlex.split(found) for found in TRAIN.findall(blocks)]
    commands = [one for one in commands if one[1] != "show" and "--resume" not in one]
    if not commands:
        return
    for package in ("torch", "yaml"):
        pytest.importorskip(package, reason='needs the extra "train"')
    for command in commands:
        arguments = [*command, *(["--dry-run"] if "--dry-run" not in command else [])]
        shown = subprocess.run(
            [sys.executable, "-m", "egca", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            timeout=120,
        )
        # The data set or the model may not be here; the options were understood all the same.
        is_lacking = shown.returncode == 2 and "\nmissing " in shown.stdout
        assert shown.returncode == 0 or is_lacking, shown.stderr
        assert "steps " in shown.stdout


def test_other_commands_of_egca_have_the_options_that_they_name() -> None:
    for page in TUTORIALS:
        for line in "\n".join(SHELL.findall(page.read_text("utf-8"))).splitlines():
            words = shlex.split(line)
            if words[:1] != ["egca"] or words[1] == "train":
                continue
            command = [sys.executable, "-m", "egca", words[1], "--help"]
            shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
            for word in words:
                assert not word.startswith("--") or word in shown, f"{page.name}: {line}"
