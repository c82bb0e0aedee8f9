"""Tables of training runs: every method tuned with the same budget, run with the same seeds.

Runs are made by harness/studies/runs.py, one process each, and kept by their configuration: a run
that a study or another table has made is not made again, and a command that is killed goes on with
the runs that are missing. What is compared, and how, is compare.py's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from egca.errors import InputError
from harness.studies.curves import SMOOTH, TARGET, area, smoothed, steps_to_target
from harness.studies.runs import N_TEST, TESTS, Run, results, run_of, untrained
from harness.studies.tuning import chosen_rates
from harness.tables.compare import band, rows_of
from harness.tables.document import head
from harness.tables.methods import BASELINE, METHODS, UNTRAINED
from harness.tables.request import Request

STUDENT = "medium-15"
Left = dict[str, Any]  # what a run left
# What the protocol says where it is known which tasks each run solved.
OVER_TASKS = {
    "delta_ci95_tasks": "two-way (pigeonhole) bootstrap of the mean difference, seeds and tasks "
    "both drawn again",
    "p_tasks": "sign flips over tasks of the mean difference over seeds, exact up to 14 tasks that "
    "differ, else 20,000 flips; Holm's correction as for p. It takes the trained models as given: "
    "whether they differ on other tasks like these, not whether other seeds would",
}


@dataclass(frozen=True, slots=True)
class Learned:
    """What the runs of a table left.

    runs: of each trained method, by seed. plain: tests of models that are not trained, where they
    are asked for. tuning: rates tried and chosen. missing: methods that cannot be trained, and why.
    """

    runs: dict[str, list[Left]]
    plain: dict[str, Left]
    tuning: dict[str, dict[str, Any]]
    missing: dict[str, str]


def measure(table: str, request: Request) -> dict[str, Any]:
    """The table's file: its provenance, protocol, rows and curves."""
    return compared(request, learn(request))


def compared(request: Request, learned: Learned) -> dict[str, Any]:
    """The content of a table's file, of runs that are there."""
    target = _target(learned)
    rows = _rows(learned, target)
    over_tasks = OVER_TASKS if any("delta_ci95_tasks" in row for row in rows) else {}
    return {
        **head(request, [run for runs in learned.runs.values() for run in runs]),
        "protocol": {**protocol(request, target), **over_tasks},
        "unavailable": learned.missing,
        "tuning": learned.tuning,
        "rows": rows,
        "steps_to_target": {
            method: [steps_to_target(left, target) for left in runs]
            for method, runs in learned.runs.items()
            if METHODS[method].has_curve
        },
        "curves": {
            method: band([smoothed(left["curves"]["pass_rate"]).tolist() for left in runs])
            for method, runs in learned.runs.items()
            if METHODS[method].has_curve
        },
    }


def learn(request: Request) -> Learned:
    """Tune, train and test the methods of a request, or read what is there.

    GRPO is always among them, since it is what they are compared with.
    """
    wanted = dict.fromkeys((BASELINE, *request.methods))
    missing = {name: METHODS[name].missing() for name in wanted if METHODS[name].missing()}
    trained = [name for name in wanted if name not in UNTRAINED and name not in missing]
    tuned = dict.fromkeys(METHODS[name].rate_of or name for name in trained)
    at = partial(run_for, request)
    rates = chosen_rates(
        list(tuned), at, request.grid, request.folder, request.n_workers, request.say
    )
    runs = {
        name: [at(name, rates[METHODS[name].rate_of or name]["rate"], seed)
               for seed in range(request.n_seeds)]
        for name in trained
    }  # fmt: skip
    # Seeds before methods: what is cut short has whole seeds.
    by_seed = [run for group in zip(*runs.values(), strict=True) for run in group]
    found = results(by_seed, request.folder, request.n_workers, request.say)
    plain = {
        name: untrained(_beginning(model, runs[BASELINE][0]), request.folder)
        for name, model in UNTRAINED.items()
        if name in wanted and name not in missing
    }
    lefts = {name: [found[run] for run in listed] for name, listed in runs.items()}
    return Learned(lefts, plain, rates, missing)


def _beginning(model: str, run: Run) -> Run:
    """The run with another model to begin with, if one is named."""
    return run_of({**dict(run.options), "model.name": model}) if model else run


def run_for(request: Request, name: str, rate: float, seed: int) -> Run:
    """One run of a method. Raises: InputError for one that cannot be trained."""
    method = METHODS[name]
    if method.missing():
        raise InputError(f"{name}: {method.missing()}")
    return run_of(
        {
            "model.name": f"tiny:{STUDENT}",
            **request.changes,
            **method.all_options,
            "optimizer.learning_rate": rate,
            "seed": seed,
        }
    )


def protocol(request: Request, target: float) -> dict[str, Any]:
    """What a reader has to know to read the numbers, in words of one line each."""
    return {
        "student": f"tiny:{STUDENT}",
        "tuning": request.grid.words,
        "sampled": f"pass@1 of {N_TEST} test compositions, {TESTS['sampled'][0]} samples each",
        "greedy": f"pass@1 of {N_TEST} test compositions, greedy",
        "area": "mean pass rate of the rollouts over all steps",
        "steps_to_target": f"first step at which the mean of {SMOOTH} steps is {target:.3f}, "
        f"{TARGET:g} above where GRPO begins; null: not reached",
        "ci95": "bootstrap over seeds",
        "p": "sign flips over seeds, exact up to 14; Holm's correction over a metric's methods",
        **({"changes": dict(request.changes)} if request.changes else {}),
    }  # fmt: skip


def _target(learned: Learned) -> float:
    begins = [left["curves"]["pass_rate"][:SMOOTH] for left in learned.runs[BASELINE]]
    return float(np.mean(begins)) + TARGET


def _rows(learned: Learned, target: float) -> list[dict[str, Any]]:
    """Rows of all metrics. A target that is not reached counts as the run's last step."""
    n_seeds = len(learned.runs[BASELINE])
    rows: list[dict[str, Any]] = []
    for metric in TESTS:
        tests = {
            **{
                name: [left["final"][metric] for left in runs]
                for name, runs in learned.runs.items()
            },
            **{name: [plain[metric]] * n_seeds for name, plain in learned.plain.items()},
        }
        values = {name: [one["pass_at_1"] for one in listed] for name, listed in tests.items()}
        rows += rows_of(metric, values, _solved(tests))
    curved = {name: runs for name, runs in learned.runs.items() if METHODS[name].has_curve}
    rows += rows_of("area", {name: [area(left) for left in runs] for name, runs in curved.items()})
    steps = {name: [_steps(left, target) for left in runs] for name, runs in curved.items()}
    return rows + rows_of("steps_to_target", steps)


def _solved(tests: Mapping[str, Sequence[Left]]) -> dict[str, npt.NDArray[np.float64]]:
    """Shares that pass, (seeds, tasks), of the methods whose tests know GRPO's tasks and no other.

    Runs of earlier versions do not say which tasks they solved.
    """
    tasks = sorted(tests[BASELINE][0].get("solved", ()))
    return {
        name: np.array([[one["solved"][task] for task in tasks] for one in listed])
        for name, listed in tests.items()
        if tasks and all(sorted(one.get("solved", ())) == tasks for one in listed)
    }


def _steps(left: Left, target: float) -> float:
    reached = steps_to_target(left, target)
    return float(len(left["curves"]["pass_rate"]) if reached is None else reached)
