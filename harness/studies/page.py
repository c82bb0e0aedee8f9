"""The blocks of docs/training.md that come from results/measured."""

from __future__ import annotations

import json

from harness.markdown import table
from harness.provenance import ROOT

STUDENTS = ROOT / "results/measured/warm_starts.json"


def blocks() -> dict[str, str]:
    """Each block's text by name."""
    return {"students": _students()}


def _students() -> str:
    found = json.loads(STUDENTS.read_text("utf-8"))
    rows = [
        [
            f"`tiny:{name}`",
            f"{one['n_parameters'] / 1e6:.2f}M",
            f"{one['fault_rate']:g}",
            f"{100 * one['sampled']['pass_at_1']:.1f} %",
            f"{100 * one['greedy']['pass_at_1']:.1f} %",
            f"{100 * one['sampled']['modes']['logic']:.0f} %",
            f"{100 * one['sampled']['modes']['syntax']:.0f} %",
            f"{one['training_seconds']:.0f}",
        ]
        for name, one in found["students"].items()
    ]
    head = [
        "student", "parameters", "fault rate", "pass@1, sampled", "greedy",
        "logic mode", "syntax mode", "seconds to train",
    ]  # fmt: skip
    return f"{table(head, rows)}\n\nMeasured by `{found['provenance']['command']}`."
