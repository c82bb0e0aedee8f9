"""Which credit rule learns fastest on preset tiny: every rule from every warm start.

    python -m harness.studies.rules --students medium-30 --seeds 10

Each rule's learning rate is chosen on tuning seeds that are not reported, from the same grid for
all. Compared are, paired by seed: the mean over the learning curve, the steps to a target, and
pass@1 on test compositions. Writes results/measured/rules.json. Seeds, rates and warm starts that
the file already has are not measured again, wherever they were; to doubt them, give another
`--output`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from egca.errors import InputError
from egca.files import save_text
from egca.training import tiny
from harness.provenance import ROOT, provenance
from harness.studies import tuning
from harness.studies.curves import SMOOTH, TARGET
from harness.studies.rule_rows import BASELINE, Seeds, rows_of
from harness.studies.runs import VERSION, Run, results, run_of

OUTPUT = ROOT / "results/measured/rules.json"
CHOICE = tuning.Grid().words
RULES = (
    "uniform", "egca", "egca-cap", "egca-mask", "survival", "egca-contrast",
    "random-span", "late-span",
)  # fmt: skip


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
    student: str,
    rules: Sequence[str],
    n_seeds: int,
    folder: Path,
    n_workers: int,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The table of one warm start.

    Args:
        before: the table as it was measured so far. Its rates, target and seeds stand; rules that
            are not asked for stay as they are.
    Raises: InputError for a rule that the table lacks, where its rates were not chosen as those of
        other rules would be now.
    """
    had = {row["rule"]: Seeds.of_row(row) for row in before["rows"]} if before else {}
    missing = {
        rule: range(had[rule].n if rule in had else 0, n_seeds)
        for rule in dict.fromkeys((BASELINE, *rules))
    }
    if before and not any(missing.values()):
        return dict(before)
    tuned = dict(before["tuning"]) if before else {}
    untuned = [rule for rule in missing if rule not in tuned]
    if before and untuned and before["tuned_by"] != CHOICE:
        raise InputError(
            f"{', '.join(untuned)}: the table of {student} has rates that were chosen otherwise "
            f"({before['tuned_by']}); give another --output, or only rules that it has"
        )
    tiny.student_folder(tiny.student_named(student))  # once, before runs want it side by side
    tuned |= chosen_rates(student, untuned, folder, n_workers)
    runs = {
        rule: [run_for(student, rule, tuned[rule]["rate"], seed) for seed in seeds]
        for rule, seeds in missing.items()
    }
    by_seed = sorted((run for group in runs.values() for run in group), key=lambda run: run["seed"])
    lefts = results(by_seed, folder, n_workers, _say)
    target = before["target"] if before else _target([lefts[run] for run in runs[BASELINE]])
    found = dict(had)
    for rule, group in runs.items():
        if group:
            more = Seeds.of_runs([lefts[run] for run in group], target)
            found[rule] = had[rule].with_more(more) if rule in had else more
    tuned_by = before["tuned_by"] if before else CHOICE
    return {"target": target, "tuned_by": tuned_by, "tuning": tuned, "rows": rows_of(found)}


def _target(lefts: Sequence[Mapping[str, Any]]) -> float:
    begin = float(np.mean([left["curves"]["pass_rate"][:SMOOTH] for left in lefts]))
    return round(begin + TARGET, 3)


def main(
    students: Annotated[str, typer.Option(help="With commas.")] = ",".join(tiny.STUDENTS),
    rules: Annotated[str, typer.Option(help="With commas.")] = ",".join(RULES),
    seeds: Annotated[int, typer.Option(min=2, help="0 to N - 1 are reported.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Runs at once, a core each.")] = 2,
    folder: Annotated[Path | None, typer.Option(help="Of the runs.  [default: cache]")] = None,
    output: Annotated[Path, typer.Option(help="Where the table goes, or goes on.")] = OUTPUT,
) -> None:
    """Run the study, or what is missing of it, and write its table."""
    where = folder or tiny.cache_folder() / f"studies-{VERSION}"
    before = json.loads(output.read_text("utf-8")) if output.exists() else {}
    tables = dict(before.get("students", {}))
    for student in students.split(","):
        tables[student] = study(
            student, rules.split(","), seeds, where, workers, tables.get(student)
        )
    command = f"python -m harness.studies.rules --students {students} --rules {rules}"
    head = provenance(
        f"{command} --seeds {seeds}",
        paths=("egca", "harness/studies"),
        packages=("torch", "transformers", "numpy"),
    )
    earlier = [*before.get("earlier", []), before["provenance"]] if before else []
    protocol = {
        "target": f"{TARGET} above the first {SMOOTH} steps of {BASELINE}",
        "p": "exact sign-flip test over seeds; p_holm: Holm's correction over the rules",
        "ci95": "bootstrap over seeds",
    }
    found = {"provenance": head, "earlier": earlier, "protocol": protocol, "students": tables}
    save_text(output, json.dumps(found, indent=1) + "\n")
    print(output)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
