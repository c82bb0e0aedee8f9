"""Which credit rule learns fastest on preset tiny: every rule from every warm start.

    python -m harness.studies.rules --students medium-30 --seeds 10

Each rule's learning rate is chosen on tuning seeds that are not reported, from the same grid for
all. Compared are, paired by seed: the mean over the learning curve, the steps to a target, and
pass@1 on test compositions. Writes results/measured/rules.json; runs that exist are not run again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from egca.files import save_text
from egca.training import tiny
from harness.provenance import ROOT, provenance
from harness.studies import tuning
from harness.studies.curves import SMOOTH, TARGET, area, steps_to_target
from harness.studies.runs import VERSION, Run, results, run_of
from harness.studies.statistics import holm, interval, paired_p

OUTPUT = ROOT / "results/measured/rules.json"
RULES = (
    "uniform", "egca", "egca-cap", "egca-mask", "survival", "egca-contrast",
    "random-span", "late-span",
)  # fmt: skip
BASELINE = "uniform"
METRICS = ("area", "sampled", "greedy")


def run_for(student: str, rule: str, rate: float, seed: int) -> Run:
    """One run of the study."""
    return run_of(
        {
            "model.name": f"tiny:{student}",
            "credit.strategy": rule,
            "optimizer.learning_rate": rate,
            "seed": seed,
        }
    )


def chosen_rates(
    student: str, rules: Sequence[str], folder: Path, n_workers: int
) -> dict[str, dict[str, Any]]:
    """For each rule the rates that were tried and the best, as tuning.chosen_rates has them."""
    at = partial(run_for, student)
    return tuning.chosen_rates(rules, at, tuning.Grid(), folder, n_workers, _say)


def study(
    students: Sequence[str], rules: Sequence[str], n_seeds: int, folder: Path, n_workers: int
) -> dict[str, Any]:
    """The table of one or more warm starts."""
    tables: dict[str, Any] = {}
    for student in students:
        tiny.student_folder(tiny.student_named(student))
        tuned = chosen_rates(student, rules, folder, n_workers)
        runs = {
            rule: [run_for(student, rule, tuned[rule]["rate"], seed) for seed in range(n_seeds)]
            for rule in rules
        }
        by_seed = [run for group in zip(*runs.values(), strict=True) for run in group]
        found = results(by_seed, folder, n_workers, _say)
        begin = float(np.mean([found[r]["curves"]["pass_rate"][:SMOOTH] for r in runs[rules[0]]]))
        tables[student] = {
            "target": round(begin + TARGET, 3),
            "tuning": tuned,
            "rows": _rows({k: [found[r] for r in v] for k, v in runs.items()}, begin + TARGET),
        }
    return tables


def metrics_of(lefts: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """What rules are compared by, METRICS, for each run."""
    return {
        "area": [area(left) for left in lefts],
        "sampled": [left["final"]["sampled"]["pass_at_1"] for left in lefts],
        "greedy": [left["final"]["greedy"]["pass_at_1"] for left in lefts],
    }


def _rows(found: dict[str, list[dict[str, Any]]], target: float) -> list[dict[str, Any]]:
    base = found.get(BASELINE)
    rows = [_row(rule, lefts, base, target) for rule, lefts in found.items()]
    for name in METRICS:
        tested = [row[name] for row in rows if "p_vs_uniform" in row[name]]
        corrected = holm([one["p_vs_uniform"] for one in tested])
        for one, p in zip(tested, corrected, strict=True):
            one["p_holm"] = round(p, 4)
    return rows


def _row(
    rule: str, lefts: list[dict[str, Any]], base: list[dict[str, Any]] | None, target: float
) -> dict[str, Any]:
    theirs = metrics_of(base) if base is not None and rule != BASELINE else None
    row: dict[str, Any] = {"rule": rule, "n_seeds": len(lefts)}
    for name, values in metrics_of(lefts).items():
        row[name] = {
            "mean": round(float(np.mean(values)), 4),
            "ci95": [round(x, 4) for x in interval(values)],
            "per_seed": [round(value, 4) for value in values],
        }
        if theirs is not None:
            differences = np.asarray(values) - np.asarray(theirs[name])
            row[name]["delta_vs_uniform"] = round(float(differences.mean()), 4)
            row[name]["delta_ci95"] = [round(x, 4) for x in interval(differences.tolist())]
            row[name]["p_vs_uniform"] = round(paired_p(differences), 4)
    row["steps_to_target"] = [steps_to_target(left, target) for left in lefts]
    for name in ("grad_norm", "entropy", "effective_tokens", "multiplier_max", "located"):
        row[name] = round(float(np.mean([left["curves"][name] for left in lefts])), 4)
    row["curve"] = [
        round(float(x), 4) for x in np.mean([left["curves"]["pass_rate"] for left in lefts], axis=0)
    ]
    row["modes_last"] = {
        mode: round(float(np.mean([m[mode] for left in lefts for m in left["modes"][-20:]])), 4)
        for mode in ("syntax", "constraint", "correct", "logic")
    }
    row["seconds"] = {
        name: round(float(np.mean([left["seconds"].get(name, 0.0) for left in lefts])), 1)
        for name in ("generate", "judge", "localize", "credit", "train", "total")
    }
    return row


def main(
    students: Annotated[str, typer.Option(help="With commas.")] = ",".join(tiny.STUDENTS),
    rules: Annotated[str, typer.Option(help="With commas.")] = ",".join(RULES),
    seeds: Annotated[int, typer.Option(min=2, help="0 to N - 1 are reported.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Runs at once, a core each.")] = 2,
    folder: Annotated[Path | None, typer.Option(help="Of the runs.  [default: cache]")] = None,
    output: Annotated[Path, typer.Option(help="Where the table goes.")] = OUTPUT,
) -> None:
    """Run the study, or what is missing of it, and write its table."""
    where = folder or tiny.cache_folder() / f"studies-{VERSION}"
    tables = study(students.split(","), rules.split(","), seeds, where, workers)
    command = f"python -m harness.studies.rules --students {students} --rules {rules}"
    head = provenance(
        f"{command} --seeds {seeds}",
        paths=("egca", "harness/studies"),
        packages=("torch", "transformers", "numpy"),
    )
    protocol = {
        "tuning_seeds": tuning.TUNING_SEEDS,
        "rates": tuning.RATES,
        "target": f"{TARGET} above the first {SMOOTH} steps of {BASELINE}",
        "p": "exact sign-flip test over seeds; p_holm: Holm's correction over the rules",
        "ci95": "bootstrap over seeds",
    }
    text = json.dumps({"provenance": head, "protocol": protocol, "students": tables}, indent=1)
    save_text(output, text + "\n")
    print(output)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
