"""`egca bench --list`: what each table shows, needs and costs, and how much of it there is."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from harness.tables import document
from harness.tables.methods import METHODS, label_of
from harness.tables.published import published
from harness.tables.registry import TABLES, measured_files


def lines(folder: Path | None = None) -> list[str]:
    """A paragraph for each table.

    Args:
        folder: results/; None: of this checkout.
    """
    shown = []
    for name, table in TABLES.items():
        shown += [
            f"{name}: {table.about}",
            f"  needs      {table.needs}",
            f"  costs      {_cost(name)}",
            f"  published  {_published(name)}",
            f"  measured   {_measured(name, folder)}",
        ]
        missing = [f"{label_of(m)} ({METHODS[m].missing()})" for m in table.methods
                   if METHODS[m].missing()]  # fmt: skip
        if missing:
            shown.append(f"  missing    {', '.join(missing)}")
    return shown


def _published(name: str) -> str:
    said = published(name)
    if said is None:
        return "nothing"
    n = sum(value is not None for row in said.rows for value in row.values.values())
    return f"{n} numbers of {len(said.rows)} rows" if n else f"{len(said.directions)} directions"


def _measured(name: str, folder: Path | None) -> str:
    files = measured_files(name, folder)
    if not files:
        return "nothing yet"
    if not TABLES[name].methods:
        return ", ".join(path.name for path in files.values())
    parts = []
    for preset, path in files.items():
        found = document.read(path)
        done = {row["method"] for row in found["rows"]}
        n = sum(method in done for method in TABLES[name].methods)
        seeds = len(found["provenance"]["seeds"])
        parts.append(f"{preset}: {n} of {len(TABLES[name].methods)} methods, {seeds} seeds")
    return "; ".join(parts)


def _cost(name: str) -> str:
    if not find_spec("torch"):
        return "not estimated without the extra train"
    from harness.tables.estimate import cost
    from harness.tables.request import Request, runs_folder

    return cost(name, Request(TABLES[name].methods, runs_folder()))
