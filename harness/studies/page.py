"""The blocks of docs/training.md that come from results/measured."""

from __future__ import annotations

import json

from harness.markdown import table
from harness.provenance import ROOT

OVERHEAD = ROOT / "results/measured/credit_overhead.json"
STUDENTS = ROOT / "results/measured/warm_starts.json"


def blocks() -> dict[str, str]:
    """Each block's text by name."""
    return {"students": _students(), "overhead": _overhead()}


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


def _overhead() -> str:
    found = json.loads(OVERHEAD.read_text("utf-8"))
    phases = ("generate", "judge", "localize", "credit", "train", "total")
    rows = []
    for number, pair in enumerate(found["rounds"], 1):
        for key, name in (("without", "uniform"), ("with", found["rule"])):
            seconds = [f"{pair[key][phase]:.3f}" for phase in phases]
            rows.append([str(number), f"`{name}`", *seconds])
    shares = ", ".join(f"{100 * pair['share']:.0f} %" for pair in found["rounds"])
    n = found["rounds"][0]["with"]["localized"]
    return (
        f"{table(['pair', 'rule', *phases], rows)}\n\n"
        f"Seconds of a step, {n:.0f} programs of it localized. Credit adds {shares}; the median is "
        f"{100 * found['share']:.0f} %, where 15 % are wanted. Measured by "
        f"`{found['provenance']['command']}`."
    )
