"""The files of measured tables: their head, and how they are written and read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.files import make_folder, read_whole, save_text
from harness.provenance import provenance
from harness.studies.runs import QUIET
from harness.tables.request import Request

_NUMBERS = re.compile(r"\[\s+((?:-?[\d.e+-]+|null)(?:,\s+(?:-?[\d.e+-]+|null))*)\s+\]")


def head(request: Request, lefts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Where the numbers come from.

    wall_clock_s: the seconds that these runs took, one after the other; what tuning took stands
    beside its scores. configuration: digest of the
    options of preset, table and runs.
    """
    from egca.training.config import load_config

    base = load_config("tiny", changes={**QUIET, **request.changes}).digest()
    options = sorted(json.dumps(left["options"], sort_keys=True) for left in lefts)
    digest = hashlib.sha256("\n".join([base, *options]).encode()).hexdigest()
    found = provenance(
        request.command,
        paths=("egca", "harness/studies", "harness/tables"),
        packages=("torch", "transformers", "numpy"),
    )
    seeds = list(range(request.n_seeds))
    wall_clock = round(sum(left["seconds"]["total"] for left in lefts), 1)
    more = {"configuration": digest, "seeds": seeds, "wall_clock_s": wall_clock}
    return {"provenance": {**found, **more}, "preset": "tiny"}


def save(path: Path, document: dict[str, Any]) -> None:
    """Write a table's file, lists of numbers on a line each so that changes can be read.

    Raises: InputError naming the file.
    """
    make_folder(path.parent)
    text = json.dumps(document, indent=1, allow_nan=False)
    save_text(path, _NUMBERS.sub(lambda found: _one_line(found[1]), text) + "\n")


def file_for(name: str, found: dict[str, Any], results: Path, runs: Path) -> Path:
    """Where a table's file goes: to results/, unless the file there has more methods or seeds.

    That of a part of the table goes beside the runs then, so that a look at two methods does not
    cost a table that took hours; so does one whose options are not those of the preset.
    """
    file = Path("measured") / name / f"{found['preset']}.json"
    if found["protocol"].get("changes"):
        return runs / "parts" / file
    path = results / file
    if path.is_file():
        kept = read(path)
        lost = _methods(kept) - _methods(found)
        if lost or len(kept["provenance"]["seeds"]) > len(found["provenance"]["seeds"]):
            return runs / "parts" / file
    return path


def _methods(found: dict[str, Any]) -> set[str]:
    return {row["method"] for row in found["rows"]}


def read(path: Path) -> dict[str, Any]:
    """A table's file. Raises: InputError if it is none."""
    try:
        found = json.loads(read_whole(path))
    except ValueError as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict) or "provenance" not in found:
        raise InputError(f"{path}: no measured table: it has no provenance")
    return found


def _one_line(numbers: str) -> str:
    return f"[{', '.join(number.strip() for number in numbers.split(','))}]"
