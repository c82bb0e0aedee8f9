"""Checkpoints of a run: everything that the next step depends on, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from egca.errors import InputError

_PREFIX = "step-"


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write a checkpoint after `step` steps, and delete all but the last `keep`.

    Args: state: tensors, numbers, texts and containers of them.
    Raises: InputError where it cannot be written; the checkpoints that exist are untouched.
    """
    target = folder / f"{_PREFIX}{step:06d}"
    if target.exists():  # the same state, of a run that was resumed and stopped before a step
        return target
    temporary = folder / f".{target.name}.{os.getpid()}"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        torch.save(state, temporary / "state.pt")
        (temporary / "step.json").write_text(json.dumps({"step": step}), "utf-8")
        _synchronise(temporary / "state.pt")
        temporary.rename(target)
    except (OSError, RuntimeError) as error:  # torch.save has a RuntimeError for a full disk
        shutil.rmtree(temporary, ignore_errors=True)
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{target}: the checkpoint cannot be written: {reason}") from None
    for old in found(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def found(folder: Path) -> list[Path]:
    """Complete checkpoints, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"{_PREFIX}*/step.json"))


def load_last(folder: Path) -> dict[str, Any] | None:
    """The state of the last checkpoint, on the CPU; None if there is none.

    Raises: InputError if it cannot be read.
    """
    complete = found(folder)
    if not complete:
        return None
    path = complete[-1] / "state.pt"
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the file makes its parser do
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read ({reason}); delete its folder") from None
    return state


def _synchronise(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
