"""The tables of docs/training.md on speed, from results/measured/train_vs_trl.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.markdown import table

RESULT = Path(__file__).parents[2] / "results" / "measured" / "train_vs_trl.json"
WANTED = 1.3  # times TRL's tokens per second
_PARTS = ("generate", "score", "update")


def blocks() -> dict[str, str]:
    """Markdown by the name of its block."""
    found = json.loads(RESULT.read_text("utf-8"))
    parts = [_speed(found), _targets(found), _losses(found), _source(found)]
    return {"training speed": "\n\n".join(parts)}


def _speed(found: dict[str, Any]) -> str:
    head = ["parameters", "trainer", "tokens/s", "tokens per processor second", *_PARTS]
    head += ["peak memory", "of it since the start"]
    rows = []
    for sides in found["sizes"].values():
        for name, label in (("trl", "TRL"), ("egca", "egca")):
            side = sides[name]
            split = [f"{side['split_s'][part]:.2f} s" for part in _PARTS]
            rows.append(
                [
                    f"{sides['n_parameters'] / 1e6:.1f}M",
                    label,
                    f"{side['tokens_per_s']:.0f}",
                    f"{side['tokens_per_cpu_s']:.0f}",
                    *split,
                    f"{side['peak_mb']} MB",
                    f"{side['peak_over_start_mb']} MB",
                ]
            )
    return table(head, rows)


def _targets(found: dict[str, Any]) -> str:
    head = ["parameters", "wanted", "ratio of tokens/s", "lowest to highest", "by processor time"]
    rows = []
    for sides in found["sizes"].values():
        wall, cpu = sides["ratio"], sides["cpu_ratio"]
        rows.append(
            [
                f"{sides['n_parameters'] / 1e6:.1f}M",
                f"{WANTED:g}",
                f"{wall['median']:.2f}" + ("" if wall["median"] >= WANTED else " (**missed**)"),
                f"{wall['lowest']:.2f} to {wall['highest']:.2f}",
                f"{cpu['median']:.2f} ({cpu['lowest']:.2f} to {cpu['highest']:.2f})",
            ]
        )
    return table([*head, "pairs"], [[*row, str(found["options"]["rounds"])] for row in rows])


def _losses(found: dict[str, Any]) -> str:
    head = ["TRL's loss type", "beta", "first loss (TRL)", "first loss (egca)"]
    head += ["first gradient norm (TRL)", "first gradient norm (egca)", "largest gaps"]
    rows = []
    for check in found["losses"]:
        loss, norm = check["loss"], check["grad_norm"]
        rows.append(
            [
                check["loss_type"],
                f"{check['beta']:g}",
                *(f"{loss[name][0]:+.6f}" for name in ("trl", "egca")),
                *(f"{norm[name][0]:.6f}" for name in ("trl", "egca")),
                f"{loss['largest_gap']:.0e}, {norm['largest_gap']:.0e}",
            ]
        )
    return table(head, rows)


def _source(found: dict[str, Any]) -> str:
    head = found["provenance"]
    versions = ", ".join(f"{name} {version}" for name, version in head["versions"].items())
    options = found["options"]
    return (
        f"{options['prompts']} prompts a step with 8 completions of at most {options['length']} "
        f"tokens, learned from {options['micro_batch']} at a time, KL weight {options['beta']:g}. "
        f"`{head['command']}`, seed {head['seed']}, commit {head['commit'][:12]}; {versions}."
    )
