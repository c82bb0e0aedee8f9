"""When concentrated credit pays: the area under the learning curve against one factor at a time.

    python -m harness.studies.pays --factors accuracy,group --seeds 10

Each factor changes one thing about preset tiny's `medium-15` and compares a rule with `uniform`,
paired by seed, both at the rates that harness/studies/rules.py chose there. Writes
results/measured/pays.json. What that study or the file already has is not measured again, wherever
it was; to doubt it, give another `--output`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from egca.errors import InputError
from egca.files import save_text
from egca.training import tiny
from harness.provenance import ROOT, provenance
from harness.studies.curves import area
from harness.studies.rules import OUTPUT as RULES
from harness.studies.rules import run_for
from harness.studies.runs import VERSION, Run, results, run_of
from harness.studies.statistics import interval, paired_p

OUTPUT = ROOT / "results/measured/pays.json"
STUDENT = "medium-15"
NOISE = "harness.studies.noisy:"

# Options of each level over those of the study; of a credit rule's own place "{rule}" stands.
FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "decisions": {
        "3 to 4": {"model.name": "tiny:easy-15", "data.dataset": "tiny-easy"},
        "5 to 6": {},
        "7 to 9": {"model.name": "tiny:hard-15", "data.dataset": "tiny-hard"},
    },
    "freedom": {"0": {}, "0.4": {"model.name": "tiny:medium-15-free"}},
    "warm start": {
        "15": {},
        "30": {"model.name": "tiny:medium-30"},
        "50": {"model.name": "tiny:medium-50"},
    },
    "group": {
        "4": {"rollout.num_generations": 4, "rollout.prompts_per_step": 16},
        "8": {},
        "16": {"rollout.num_generations": 16, "rollout.prompts_per_step": 4},
    },
    "normalisation": {
        name: {"objective.loss_normalisation": name} for name in ("sequence", "token", "constant")
    },
    "span": {"statement": {}, "expression": {"credit.span": "expression"}},
    "accuracy": {"0": {}, "0.1": {}, "0.25": {}, "0.5": {}, "1": {}},
}
_WRONG = {"0.1": "WRONG_10", "0.25": "WRONG_25", "0.5": "WRONG_50", "1": "WRONG_100"}


def strategy_of(rule: str, factor: str, level: str) -> str:
    """The strategy of a rule at a level: with places that are wrong, under "accuracy"."""
    if factor != "accuracy" or level == "0" or rule == "uniform":
        return rule
    names = {"egca": "", "egca-mask": "MASK_"}
    if rule not in names:
        raise InputError(f"--rule {rule}: accuracy is studied for {' and '.join(names)}")
    return f"{NOISE}{names[rule]}{_WRONG[level]}"


def runs_of(rule: str, rate: float, factor: str, level: str, n_seeds: int) -> list[Run]:
    """The runs of a rule at one level of a factor."""
    options = {
        "model.name": f"tiny:{STUDENT}",
        **FACTORS[factor][level],
        "credit.strategy": strategy_of(rule, factor, level),
        "optimizer.learning_rate": rate,
    }
    return [run_of({**options, "seed": seed}) for seed in range(n_seeds)]


def study(
    factor: str,
    rule: str,
    n_seeds: int,
    folder: Path,
    n_workers: int,
    known: Mapping[Run, float],
) -> dict[str, Any]:
    """The table of a factor: for each level both areas and their paired difference.

    Args:
        known: areas of runs that were measured before.
    """
    rates = rates_of(rule)
    runs = {
        (level, name): runs_of(name, rates[name], factor, level, n_seeds)
        for level in FACTORS[factor]
        for name in ("uniform", rule)
    }
    wanted = {run for group in runs.values() for run in group if run not in known}
    by_seed = sorted(wanted, key=lambda run: (run["seed"], run.options))
    areas = {
        **known,
        **{run: area(left) for run, left in results(by_seed, folder, n_workers, _say).items()},
    }
    return {
        level: _compared(
            [areas[run] for run in runs[level, rule]],
            [areas[run] for run in runs[level, "uniform"]],
        )
        for level in FACTORS[factor]
    }


def rates_of(rule: str) -> dict[str, float]:
    """The learning rates that the study of rules chose."""
    tuning = _rules_study()["tuning"]
    return {name: tuning[name]["rate"] for name in ("uniform", rule)}


def known_areas(before: Mapping[str, Any]) -> dict[Run, float]:
    """The area of every run that the study of rules or this one has measured.

    Args:
        before: tables by rule and factor, as this study left them.
    """
    known: dict[Run, float] = {}
    study = _rules_study()
    for row in study["rows"]:
        rate = study["tuning"][row["rule"]]["rate"]
        for seed, value in enumerate(row["area"]["per_seed"]):
            known[run_for(STUDENT, row["rule"], rate, seed)] = value
    for rule, factors in before.items():
        for name, rate in rates_of(rule).items():
            side = "uniform" if name == "uniform" else "rule"
            for factor, levels in factors.items():
                for level, found in levels.items():
                    values = found["per_seed"][side]
                    runs = runs_of(name, rate, factor, level, len(values))
                    known |= dict(zip(runs, values, strict=True))
    return known


def _n_seeds(before: Mapping[str, Any], rule: str, factor: str) -> int:
    """How many seeds a table has; it does not shrink."""
    levels = before.get(rule, {}).get(factor, {})
    return max((len(level["per_seed"]["rule"]) for level in levels.values()), default=0)


def _rules_study() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RULES.read_text("utf-8"))["students"][STUDENT]
    return found


def _compared(ours: list[float], base: list[float]) -> dict[str, Any]:
    differences = np.asarray(ours) - np.asarray(base)
    return {
        "uniform": round(float(np.mean(base)), 4),
        "rule": round(float(np.mean(ours)), 4),
        "difference": round(float(differences.mean()), 4),
        "ci95": [round(x, 4) for x in interval(differences.tolist())],
        "p": round(paired_p(differences), 4),
        "per_seed": {
            "uniform": [round(x, 4) for x in base],
            "rule": [round(x, 4) for x in ours],
        },
    }


def main(
    factors: Annotated[str, typer.Option(help="With commas.")] = ",".join(FACTORS),
    rule: Annotated[str, typer.Option(help="Compared with uniform.")] = "egca-mask",
    seeds: Annotated[int, typer.Option(min=2, help="0 to N - 1.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Runs at once, a core each.")] = 2,
    folder: Annotated[Path | None, typer.Option(help="Of the runs.  [default: cache]")] = None,
    output: Annotated[Path, typer.Option(help="Where the tables go, or go on.")] = OUTPUT,
) -> None:
    """Run the study, or what is missing of it, and write its tables."""
    wanted = factors.split(",")
    for name in wanted:
        if name not in FACTORS:
            raise InputError(f"--factors {name}: there are {', '.join(FACTORS)}")
    where = folder or tiny.cache_folder() / f"studies-{VERSION}"
    before = json.loads(output.read_text("utf-8")) if output.exists() else {}
    tables = dict(before.get("rules", {}))
    known = known_areas(tables)
    made = {
        name: study(name, rule, max(seeds, _n_seeds(tables, rule, name)), where, workers, known)
        for name in wanted
    }
    head = provenance(
        f'python -m harness.studies.pays --factors "{factors}" --rule {rule} --seeds {seeds}',
        paths=("egca", "harness/studies"),
        packages=("torch", "transformers", "numpy"),
    )
    found = {
        "provenance": head,
        "earlier": [*before.get("earlier", []), before["provenance"]] if before else [],
        "rules": {**tables, rule: {**tables.get(rule, {}), **made}},
    }
    save_text(output, json.dumps(found, indent=1) + "\n")
    print(output)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
