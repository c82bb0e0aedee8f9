"""Constraints of a run: asked once, kept with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from egca.errors import InputError
from egca.problems.generated import FAMILIES
from egca.structure import extract_constraints
from egca.training.config import Debugger
from egca.training.demands import demands_of

PROBLEMS = [FAMILIES["easy"].task("train", i).problem for i in range(3)]


def test_they_are_asked_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "constraints.json"
    found, n_fallen = demands_of(PROBLEMS, Debugger(), file)
    assert n_fallen == 0
    assert found == [extract_constraints(p, p.reference) for p in PROBLEMS]
    kept = json.loads(file.read_text())
    kept[PROBLEMS[0].task_id]["constraints"] = []
    file.write_text(json.dumps(kept))
    again, _ = demands_of(PROBLEMS, Debugger(), file)
    assert again[0] is not None
    assert not again[0].constraints
    assert again[1:] == found[1:]


def test_a_problem_without_reference_has_none(tmp_path: Path) -> None:
    bare = replace(PROBLEMS[0], reference=None)
    assert demands_of([bare], Debugger(), tmp_path / "c.json") == ([None], 0)


def test_another_file_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "constraints.json"
    file.write_text("[1]")
    with pytest.raises(InputError, match="not the constraints of a run"):
        demands_of(PROBLEMS, Debugger(), file)
