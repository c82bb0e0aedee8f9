"""`egca credit`: the list, a rule on the example group, the picture, wrong names and options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from egca.credit import STRATEGIES
from harness import credit_pictures


def credit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egca", "credit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_every_rule_is_listed_with_its_source() -> None:
    shown = credit("list").stdout
    assert all(name in shown and s.source in shown for name, s in STRATEGIES.items())


def test_a_rule_is_painted_line_by_line() -> None:
    shown = credit("show", "egca-contrast")
    assert shown.returncode == 0, shown.stderr
    assert "  -0.50          if value >= limit:\n" in shown.stdout
    assert "  +0.50  raised in its place: >\n" in shown.stdout
    assert "strongest token 26.0 times the uniform; 1.0 of 26 tokens carry it" in shown.stdout


def test_options_reach_the_rule() -> None:
    shown = credit("show", "egca-cap", "--option", "cap=2").stdout
    assert "strongest token 2.0 times the uniform" in shown


def test_the_picture_of_the_docs_is_what_the_rules_give(tmp_path: Path) -> None:
    assert credit("show", "--svg", tmp_path / "rules.svg").returncode == 0
    drawn = (tmp_path / "rules.svg").read_text("utf-8")
    assert drawn == credit_pictures.PICTURE.read_text("utf-8"), "stale: make docs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "egca-capp"], "no credit strategy 'egca-capp'; did you mean 'egca-cap'?"),
        (["show", "--option", "cap"], "--option is NAME=VALUE, got 'cap'"),
        (["show", "--option", "cap=0"], "credit option cap is at least 1, got 0.0"),
        (["show", "--svg", "no/such/folder.svg"], "no/such/folder.svg: no such file or directory"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], message: str) -> None:
    shown = credit(*arguments)
    assert (shown.returncode, shown.stderr) == (2, f"egca: error: {message}\n")
