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
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from egca.files import save_text
from egca.training import tiny
from harness.provenance import ROOT, provenance
from harness.studies.runs import VERSION, Run, results, run_of
from harness.studies.statistics import interval, paired_p

OUTPUT = ROOT / "results/measured/rules.json"
RULES = (
    "uniform", "egca", "egca-cap", "egca-mask", "survival", "egca-contrast",
    "random-span", "late-span",
)  # fmt: skip
RATES = (1.5e-4, 3e-4, 6e-4)  # by twos; goes on while the best is at an end
LIMITS = (1e-5, 5e-3)
TUNING_SEEDS = (1_000,)
TARGET = 0.2  # above where the curve begins
SMOOTH = 10  # steps whose mean has to reach it
BASELINE = "uniform"


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
    """For each rule the mean over the curve at every rate that was tried, and the best rate.

    The grid is the same for all rules to begin with, and goes on where the best is at its end.
    """
    tried: dict[str, dict[float, float]] = {rule: {} for rule in rules}
    todo = {rule: list(RATES) for rule in rules}
    while any(todo.values()):
        grid = {
            (rule, rate): [run_for(student, rule, rate, seed) for seed in TUNING_SEEDS]
            for rule, rates in todo.items()
            for rate in rates
        }
        found = results([run for runs in grid.values() for run in runs], folder, n_workers, _say)
        for (rule, rate), runs in grid.items():
            tried[rule][rate] = float(np.mean([area(found[run]) for run in runs]))
        todo = {rule: _next_rates(means) for rule, means in tried.items()}
    return {
        rule: {
            "rate": _best(means),
            "means": {f"{rate:g}": round(means[rate], 4) for rate in sorted(means)},
        }
        for rule, means in tried.items()
    }


def _best(means: dict[float, float]) -> float:
    return max(means, key=lambda rate: means[rate])


def _next_rates(means: dict[float, float]) -> list[float]:
    """The next rate outwards where the best is at an end of those tried.

    >>> _next_rates({1.0: 0.1, 2.0: 0.3, 4.0: 0.2}), _next_rates({0.001: 0.1, 0.002: 0.3})
    ([], [0.004])
    """
    best = _best(means)
    low, high = LIMITS
    if best == max(means) and 2 * best <= high:
        return [2 * best]
    return [best / 2] if best == min(means) and best / 2 >= low else []


def area(left: dict[str, Any]) -> float:
    """Mean pass rate over the steps of a run."""
    return float(np.mean(left["curves"]["pass_rate"]))


def steps_to_target(left: dict[str, Any], target: float) -> int | None:
    """The first step at whose end the mean of the last few pass rates reaches a target."""
    curve = np.asarray(left["curves"]["pass_rate"])
    means = np.convolve(curve, np.ones(SMOOTH) / SMOOTH, "valid")
    reached = np.nonzero(means >= target)[0]
    return int(reached[0]) + SMOOTH if reached.size else None


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
    """What rules are compared by, for each run."""
    return {
        "area": [area(left) for left in lefts],
        "sampled": [left["final"]["sampled"]["pass_at_1"] for left in lefts],
        "greedy": [left["final"]["greedy"]["pass_at_1"] for left in lefts],
    }


def _rows(found: dict[str, list[dict[str, Any]]], target: float) -> list[dict[str, Any]]:
    base = found.get(BASELINE)
    return [_row(rule, lefts, base, target) for rule, lefts in found.items()]


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
        "tuning_seeds": TUNING_SEEDS,
        "rates": RATES,
        "target": f"{TARGET} above the first {SMOOTH} steps of {BASELINE}",
        "p": "exact sign-flip test over seeds",
        "ci95": "bootstrap over seeds",
    }
    text = json.dumps({"provenance": head, "protocol": protocol, "students": tables}, indent=1)
    save_text(output, text + "\n")
    print(output)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
