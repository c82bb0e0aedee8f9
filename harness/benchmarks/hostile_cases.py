"""The hostile programs of tests/hostile/cases: for the tests, and for the soak.

A case is a file with its cause, or several that kernels and versions may choose from, in the first
line. Cases that write to the result channel share the helpers of forging.txt."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "hostile" / "cases"
_FORGING = "forged_"  # how the names of cases that want the helpers begin


class HostileCase(NamedTuple):
    """causes: those of egca.types.Cause that are right, with | between them."""

    causes: str
    source: str


def forging() -> str:
    """The helpers of cases that forge: send, frame and failure."""
    return (FOLDER / "forging.txt").read_text("utf-8") + "\n\n"


def hostile_cases() -> dict[str, HostileCase]:
    """Cases by name; none where the repository is not at hand."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        source = path.read_bytes().decode()
        causes = source.partition("\n")[0].split(": ")[1]
        if path.stem.startswith(_FORGING):
            source = forging() + source
        found[path.stem] = HostileCase(causes, source)
    return found
