"""The tables of docs/verl.md, from results/measured/verl_scaling.json.

The second is an estimate on paper: what is measured of it is the processor time of a completion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.markdown import table

RESULT = Path(__file__).parents[2] / "results" / "measured" / "verl_scaling.json"
# Assumed, not measured: of a model of 7B parameters that vLLM samples from on one GPU.
N_GPUS, TOKENS_PER_COMPLETION, GPUS_PER_NODE = 64, 200, 8
TOKENS_PER_S = (1_000, 3_000, 10_000)
COSTS = (1, 3, 10)  # times what is measured: longer programs, more tests, calls that time out


def blocks() -> dict[str, str]:
    """Markdown by the name of its block."""
    found = json.loads(RESULT.read_text("utf-8"))
    return {"verl scaling": _scaling(found), "verl estimate": _estimate(found)}


def cost_s(found: dict[str, Any]) -> float:
    """Processor seconds of a completion: the dearest of the rows."""
    return max(float(row["cpu_s_per_completion"]) for row in found["rows"])


def _scaling(found: dict[str, Any]) -> str:
    head = ["reward workers", "completions", "a second", "processor time of each", "passing"]
    rows = [
        [
            str(row["workers"]),
            str(row["completions"]),
            f"{row['completions_per_s']:.0f}",
            f"{1_000 * row['cpu_s_per_completion']:.1f} ms",
            f"{100 * row['pass_rate']:.0f} %",
        ]
        for row in found["rows"]
    ]
    made = (
        f"Measured by `{found['provenance']['command']}` on {found['cores']:.0f} cores that other "
        f"work shared (load average {found['load_average'][0]:g})."
    )
    return f"{table(head, rows)}\n\n{made}"


def _estimate(found: dict[str, Any]) -> str:
    head = ["tokens a second of a GPU", "completions a second"]
    head += [f"cores a node at {times * 1_000 * cost_s(found):.1f} ms" for times in COSTS]
    rows = []
    for speed in TOKENS_PER_S:
        completions = N_GPUS * speed / TOKENS_PER_COMPLETION
        cores = completions * cost_s(found) / (N_GPUS / GPUS_PER_NODE)
        rows.append(
            [f"{speed:,}", f"{completions:,.0f}", *(f"{cores * times:.1f}" for times in COSTS)]
        )
    return table(head, rows)
