"""Is it the rule or its learning rate? Some credit rules, each at every one of some rates.

    python -m harness.studies.rates --rules uniform,egca-cap --rates 0.0003,0.0006

The study of rules (rules.py) compares rules at the rate that is best for each; here a rule stands
beside uniform credit at the same rate, paired by seed, all from one warm start. Runs that the other
study made are taken over. Writes results/measured/rates.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from egca.files import save_text
from egca.training import tiny
from harness.provenance import ROOT, provenance
from harness.studies.rule_rows import BASELINE, METRICS, compared, correct, metrics_of
from harness.studies.rules import run_for
from harness.studies.runs import VERSION, results

OUTPUT = ROOT / "results/measured/rates.json"

PerSeed = Mapping[str, Sequence[float]]  # of METRICS, in the order of the seeds


def cells_of(found: Mapping[tuple[str, float], PerSeed]) -> list[dict[str, Any]]:
    """A row for each rule and rate, beside BASELINE at the same rate.

    Holm's correction is over all of these comparisons, metric by metric.
    """
    rows = []
    for (rule, rate), values in found.items():
        row: dict[str, Any] = {"rule": rule, "rate": rate}
        for name in METRICS:
            row[name] = {
                "mean": round(float(np.mean(values[name])), 4),
                "per_seed": [round(value, 4) for value in values[name]],
            }
            if rule != BASELINE:
                row[name] |= compared(values[name], found[BASELINE, rate][name])
        rows.append(row)
    correct(rows)
    return rows


def main(
    student: Annotated[str, typer.Option(help="The warm start.")] = "medium-15",
    rules: Annotated[str, typer.Option(help="With commas.")] = f"{BASELINE},egca-cap",
    rates: Annotated[str, typer.Option(help="With commas.")] = "0.0003,0.0006",
    first: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(min=2, help="How many, from the first on.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Runs at once, a core each.")] = 2,
    folder: Annotated[Path | None, typer.Option(help="Of the runs.  [default: cache]")] = None,
    output: Annotated[Path, typer.Option(help="Where the table goes.")] = OUTPUT,
) -> None:
    """Run what is missing of the study, and write its table."""
    names = list(dict.fromkeys((BASELINE, *rules.split(","))))
    try:
        numbers = [float(rate) for rate in rates.split(",")]
    except ValueError:
        raise typer.BadParameter(f'--rates is "{rates}", but must be numbers with commas') from None
    tiny.student_folder(tiny.student_named(student))  # once, before runs want it side by side
    numbered = range(first, first + seeds)
    runs = {
        (rule, rate): [run_for(student, rule, rate, seed) for seed in numbered]
        for rule, rate in product(names, numbers)
    }
    where = folder or tiny.cache_folder() / f"studies-{VERSION}"
    by_seed = sorted((run for group in runs.values() for run in group), key=lambda run: run["seed"])
    lefts = results(by_seed, where, workers, lambda text: print(text, file=sys.stderr, flush=True))
    found = {cell: metrics_of([lefts[run] for run in group]) for cell, group in runs.items()}
    command = f"python -m harness.studies.rates --student {student} --rules {','.join(names)}"
    head = provenance(
        f"{command} --rates {rates} --first {first} --seeds {seeds}",
        paths=("egca", "harness/studies"),
        packages=("torch", "transformers", "numpy"),
    )
    table = {"provenance": head, "student": student, "seeds": [*numbered], "rows": cells_of(found)}
    save_text(output, json.dumps(table, indent=1) + "\n")
    print(output)


if __name__ == "__main__":
    typer.run(main)
