"""The table of speed: ratios out of the files that harness/benchmarks write."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

COLUMNS = ("beside", "times as fast", "lowest to highest")


def ratios(found: Mapping[str, dict[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Lines of label and cells, for the files that are there.

    Args:
        found: contents by name of the file: tracing, judging_speed, train_vs_trl.
    """
    lines: list[tuple[str, tuple[str, ...]]] = []
    if "tracing" in found:
        lines += _tracing(found["tracing"])
    if "judging_speed" in found:
        lines += _judging(found["judging_speed"])
    if "train_vs_trl" in found:
        lines += _training(found["train_vs_trl"])
    return lines


def _tracing(found: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    others = ("settrace, locals copied", "hunter, locals copied", "PySnooper")
    lines: list[tuple[str, tuple[str, ...]]] = []
    for other in others:
        times = [one["times_egca"][other] for one in found["workloads"].values()
                 if other in one["times_egca"]]  # fmt: skip
        spread = f"{min(times):.1f} to {max(times):.1f}"
        lines.append(("tracing, median of workloads", (other, f"{median(times):.1f}", spread)))
    return lines


def _judging(found: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    one = found["humaneval"]
    return [
        ("judging HumanEval+", ("EvalPlus", f"{one['ratio']:.2f}", "-")),
        ("judging HumanEval+, first run", ("EvalPlus", f"{one['first_run']['ratio']:.2f}", "-")),
    ]


def _training(found: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (
            f"training step, {sides['n_parameters'] / 1e6:.1f}M parameters",
            ("TRL", f"{wall['median']:.2f}", f"{wall['lowest']:.2f} to {wall['highest']:.2f}"),
        )
        for sides in found["sizes"].values()
        for wall in [sides["ratio"]]
    ]
