"""Two processes of TRL credit as one does, also where a group is spread over both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs the extra trl")

import torch

SCRIPT = Path(__file__).parent / "trl_script.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def ran(folder: Path, before: list[str], after: list[str]) -> list[dict[str, Any]]:
    """What each process left."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, *before, str(SCRIPT), *after], capture_output=True, text=True, timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(file) for file in sorted(folder.glob("rank-*.pt"))]


def rows(batches: list[dict[str, Any]]) -> list[tuple[list[int], list[float], float]]:
    """(ids, credit, A_i) of each completion, without padding, in TRL's order."""
    found = []
    for batch in batches:
        for ids, credit, plain in zip(
            batch["completion_ids"], batch["advantages"], batch["plain"], strict=True
        ):
            n = int(credit.ne(0).nonzero().max()) + 1 if credit.any() else 0
            found.append((ids[:n].tolist(), credit[:n].tolist(), float(plain)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("credit", "n"), [("egca", "6"), ("survival", "4")])
def test_two_processes_are_one(
    student: Path, problems: Path, tmp_path: Path, credit: str, n: str
) -> None:
    """Of three groups of four, the second is in both processes; survival needs it whole."""
    given = [str(student), str(problems)]
    (one,) = ran(tmp_path / "one", [], [*given, str(tmp_path / "one"), credit, n])
    two = ran(tmp_path / "two", TORCHRUN, [*given, str(tmp_path / "two"), credit, n])
    assert len(two) == 2
    whole = rows(one["batches"][:1])
    parts = [row for part in two for row in rows(part["batches"][:1])]
    assert len(parts) == len(whole) == 12
    assert sum(len(set(credit)) > 1 for _, credit, _ in whole) >= 2
    for mine, theirs in zip(parts, whole, strict=True):
        assert mine[0] == theirs[0]
        assert mine[1] == pytest.approx(theirs[1], abs=1e-5)
        assert mine[2] == pytest.approx(theirs[2], abs=1e-6)
    first, alone = two[0]["lines"][0], one["lines"][0]
    assert alone["grad_norm"] > 1e-3
    for name in ("loss", "grad_norm"):
        assert first[name] == pytest.approx(alone[name], rel=1e-4, abs=1e-5)
    for name in (key for key in alone if key.startswith(("egca/", "rewards/"))):
        if not name.endswith("_s"):
            assert first[name] == pytest.approx(alone[name], abs=1e-5), name
    for name, tensor in two[0]["weights"].items():
        assert torch.equal(tensor, two[1]["weights"][name]), name
