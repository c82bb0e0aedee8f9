"""The blocks of docs/training.md that come from results/measured."""

from __future__ import annotations

import json
from typing import Any

from harness.markdown import table
from harness.provenance import ROOT
from harness.studies.curves import BOUNDED, SMOOTH, bounded
from harness.studies.statistics import lowest_p

RULES = ROOT / "results/measured/rules.json"
RATES = ROOT / "results/measured/rates.json"
OVERHEAD = ROOT / "results/measured/credit_overhead.json"
STUDENTS = ROOT / "results/measured/warm_starts.json"
_METRICS = {"area": "area", "sampled": "sampled pass@1", "greedy": "greedy pass@1"}


def blocks() -> dict[str, str]:
    """Each block's text by name."""
    return {
        "students": _students(),
        "overhead": _overhead(),
        "rules": _rules(),
        "rates": _rates(),
    }


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
    head = [
        "rule", "seeds", "rate", "area", "against uniform", "p (Holm)", "steps to target",
        "sampled pass@1", "greedy", "gradient norm", "entropy", "tokens with credit",
    ]  # fmt: skip
    parts = []
    for student, study in found["students"].items():
        rows = [_rule(row, study) for row in study["rows"]]
        said = [_finding(row) for row in study["rows"] if row["rule"] != "uniform"]
        parts.append(
            f"`tiny:{student}`, target {study['target']:.3f}; how learning rates were chosen: "
            f"{study['tuned_by']}.\n\n{table(head, rows)}\n\n"
            "Against `uniform`, with 95 % intervals over the seeds of both:\n\n" + "\n".join(said)
        )
    parts.append(
        f"Steps to target: the first step at which the mean of {SMOOTH} steps reaches it. {BOUNDED}"
    )
    commands = [one["command"] for one in (*found.get("earlier", []), found["provenance"])]
    parts.append(f"Measured by {', then '.join(f'`{one}`' for one in commands)}.")
    return "\n\n".join(parts)


def _rule(row: dict[str, Any], study: dict[str, Any]) -> list[str]:
    area = row["area"]
    steps = bounded(row["steps_to_target"], len(row["curve"]))
    against, p = "", ""
    if "delta_vs_uniform" in area:
        low, high = area["delta_ci95"]
        against = f"{area['delta_vs_uniform']:+.3f} ({low:+.3f} to {high:+.3f})"
        p = f"{area['p_vs_uniform']:.3f} ({area['p_holm']:.3f})"
    return [
        f"`{row['rule']}`", str(row["n_seeds"]), f"{study['tuning'][row['rule']]['rate']:g}",
        f"{area['mean']:.3f}",
        against, p, steps, f"{row['sampled']['mean']:.3f}", f"{row['greedy']['mean']:.3f}",
        f"{row['grad_norm']:.2f}", f"{row['entropy']:.3f}", f"{row['effective_tokens']:.0f}",
    ]  # fmt: skip


def _finding(row: dict[str, Any]) -> str:
    """A line on a rule, that says no more than its intervals and corrected tests do."""
    return f"- `{row['rule']}`: {_differences(row, row['n_seeds'])}."


def _rates() -> str:
    found = json.loads(RATES.read_text("utf-8"))
    n = len(found["seeds"])
    rows = [
        [f"`{row['rule']}`", f"{row['rate']:g}"] + [f"{row[name]['mean']:.3f}" for name in _METRICS]
        for row in found["rows"]
    ]
    said = [
        f"- `{row['rule']}` at {row['rate']:g}: {_differences(row, n)}."
        for row in found["rows"]
        if row["rule"] != "uniform"
    ]
    return (
        f"{table(['rule', 'rate', *_METRICS.values()], rows)}\n\n"
        f"Against `uniform` at the same rate, {n} seeds from `tiny:{found['student']}`:\n\n"
        + "\n".join(said)
        + f"\n\nMeasured by `{found['provenance']['command']}`."
    )


def _differences(row: dict[str, Any], n: int) -> str:
    return "; ".join(f"{word} {_difference(row[name], n)}" for name, word in _METRICS.items())


def _difference(found: dict[str, Any], n: int) -> str:
    low, high = found["delta_ci95"]
    said = f"{found['delta_vs_uniform']:+.3f} ({low:+.3f} to {high:+.3f})"
    if low <= 0 <= high:
        return f"{said}, no difference shown"
    if found["p_holm"] < 0.05:
        return f"{said}, which passes a corrected test at 5 %"
    if lowest_p(n) >= 0.05:
        return f"{said}, by the interval alone: {n} seeds cannot pass a test"
    return f"{said}, by the interval alone"


def _overhead() -> str:
    found = json.loads(OVERHEAD.read_text("utf-8"))
    phases = ("generate", "judge", "localize", "credit", "train", "total")
    rows = []
    for number, pair in enumerate(found["rounds"], 1):
        for key, name in (("without", "uniform"), ("with", found["rule"])):
            seconds = [f"{pair[key][phase]:.3f}" for phase in phases]
            rows.append([str(number), f"`{name}`", *seconds])
    shares = ", ".join(f"{100 * pair['share']:.0f} %" for pair in found["rounds"])
    first = found["rounds"][0]["with"]
    return (
        f"{table(['pair', 'rule', *phases], rows)}\n\n"
        f"Seconds of a step, {first['localized']:.0f} programs of it localized. Credit adds "
        f"{shares}; the median is {100 * found['share']:.0f} %, where 15 % are wanted. Of what the "
        f"model learns from, {100 * first['padding']:.0f} % is padding. Measured by "
        f"`{found['provenance']['command']}`."
    )
