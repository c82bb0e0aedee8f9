"""The blocks of docs/training.md that come from results/measured."""

from __future__ import annotations

import json
from typing import Any

from harness.markdown import table
from harness.provenance import ROOT

STUDENTS = ROOT / "results/measured/warm_starts.json"
RULES = ROOT / "results/measured/rules.json"


def blocks() -> dict[str, str]:
    """Each block's text by name."""
    return {"students": _students(), "rules": _rules()}


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


def _rules() -> str:
    found = json.loads(RULES.read_text("utf-8"))
    parts = []
    for student, one in found["students"].items():
        rows = [_row(row) for row in one["rows"]]
        n = one["rows"][0]["n_seeds"]
        head = [
            "rule", "learning rate", "area", "against uniform", "p", "sampled", "greedy",
            f"steps to {one['target']:.2f}",
        ]  # fmt: skip
        for row, said in zip(rows, one["rows"], strict=True):
            row.insert(1, f"{one['tuning'][said['rule']]['rate']:g}")
        parts.append(f"From `tiny:{student}`, {n} seeds:\n\n{table(head, rows)}")
    return "\n\n".join([*parts, f"Measured by `{found['provenance']['command']}`."])


def _row(row: dict[str, Any]) -> list[str]:
    steps = [s for s in row["steps_to_target"] if s is not None]
    reached = f"{sum(steps) / len(steps):.0f}" if steps else "-"
    missed = len(row["steps_to_target"]) - len(steps)
    area = row["area"]
    low, high = area["ci95"]
    delta = f"{area['delta_vs_uniform']:+.3f}" if "delta_vs_uniform" in area else ""
    p = f"{area['p_vs_uniform']:.3f}" if "p_vs_uniform" in area else ""
    return [
        f"`{row['rule']}`",
        f"{area['mean']:.3f} ({low:.3f} to {high:.3f})",
        delta,
        p,
        f"{row['sampled']['mean']:.3f}",
        f"{row['greedy']['mean']:.3f}",
        reached + (f" ({missed} never)" if missed and steps else ""),
    ]
