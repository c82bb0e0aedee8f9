"""What execution-grounded credit adds to a training step: the same steps with and without it.

    python -m harness.benchmarks.credit_overhead [--steps 20] [--rounds 3] [--save]

Both runs begin with the same student and hardly change it (a learning rate near 0), so they sample
the same completions; they take turns, and nothing is remembered from one to the next. The last line
is the median share of a step that credit adds, over rounds."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from egca.files import save_text
from egca.training.config import load_config
from egca.training.run import train
from harness.provenance import ROOT, provenance
from harness.studies.runs import QUIET, alone

OUTPUT = ROOT / "results/measured/credit_overhead.json"
BASELINE = "uniform"


def seconds_of(
    rule: str, student: str, n_steps: int, more: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Seconds of a step by phase, the mean over all steps but the first, which warms up.

    Beside them localized, the number of programs that were, and padding, the share of what the
    model learns from that is padding.

    Args:
        more: dotted options over those of the preset, for both sides of a pair.
    """
    phases: list[dict[str, float]] = []

    def listen(step: int, metrics: dict[str, Any], groups: Sequence[Any]) -> None:
        beside = {"localized": metrics["localized"], "padding": metrics.get("padding_waste", 0.0)}
        phases.append({**metrics["seconds"], **beside})

    changes = {
        **QUIET,
        "model.name": f"tiny:{student}",
        "credit.strategy": rule,
        "optimizer.learning_rate": 1e-12,
        "steps": n_steps + 1,
        "data.limit": 8 * (n_steps + 1),
        **(more or {}),
    }
    folder = Path(tempfile.mkdtemp(prefix="egca-overhead-"))
    try:
        train(load_config("tiny", changes=changes), folder / "run", listeners=[listen])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    names = {name for one in phases for name in one}
    return {name: sum(one.get(name, 0.0) for one in phases[1:]) / n_steps for name in names}


def main(
    rule: Annotated[str, typer.Option(help="The rule whose credit is measured.")] = "egca",
    student: Annotated[str, typer.Option(help="Of preset tiny.")] = "medium-15",
    steps: Annotated[int, typer.Option(min=2, help="Of each run.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of runs.")] = 3,
    save: Annotated[bool, typer.Option(help="Write results/measured.")] = False,
) -> None:
    """Compare steps with and without credit."""
    alone()
    pairs = []
    for _ in range(rounds):
        without, with_credit = (seconds_of(name, student, steps) for name in (BASELINE, rule))
        pairs.append((without, with_credit))
        for name, one in ((BASELINE, without), (rule, with_credit)):
            split = ", ".join(f"{k} {v:.3f}" for k, v in sorted(one.items()))
            print(f"{name:<10}{split}")
    shares = [b["total"] / a["total"] - 1 for a, b in pairs]
    if save:
        head = provenance(
            f"python -m harness.benchmarks.credit_overhead --rule {rule} --student {student} "
            f"--steps {steps} --rounds {rounds} --save",
            paths=("egca",),
            seed=0,
            packages=("torch", "transformers"),
        )
        rows = [
            {"without": _rounded(a), "with": _rounded(b), "share": round(share, 4)}
            for (a, b), share in zip(pairs, shares, strict=True)
        ]
        found = {"provenance": head, "rule": rule, "rounds": rows, "share": median(shares)}
        save_text(OUTPUT, json.dumps(found, indent=1) + "\n")
    print(f"{rule} adds {100 * median(shares):.1f} % to a step")


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in sorted(seconds.items())}


if __name__ == "__main__":
    typer.run(main)
