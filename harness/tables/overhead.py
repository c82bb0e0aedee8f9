"""The table of overhead: what credit adds to a step, by group size and by length of the programs.

Each pair of runs (harness/benchmarks/credit_overhead.py) is made in a process of its own and kept,
one at a time whatever --workers says: two at once would time each other."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.files import make_folder, save_text
from harness.studies.runs import VERSION, alone
from harness.tables.compare import rows_of
from harness.tables.document import head
from harness.tables.learning import STUDENT
from harness.tables.methods import BASELINE, METHODS
from harness.tables.request import Request

N_STEPS = 20
PHASES = ("judge", "localize", "credit")
# What one level changes over the preset, as (student, dotted options).
LEVELS: dict[str, tuple[str, dict[str, Any]]] = {
    "G = 4": (STUDENT, {"rollout.num_generations": 4, "rollout.prompts_per_step": 16}),
    "G = 8": (STUDENT, {}),
    "G = 16": (STUDENT, {"rollout.num_generations": 16, "rollout.prompts_per_step": 4}),
    "programs of 3 to 4 decisions": ("easy-15", {"data.dataset": "tiny-easy"}),
    "programs of 7 to 9 decisions": ("hard-15", {"data.dataset": "tiny-hard"}),
}
Pair = dict[str, dict[str, float]]  # seconds of a step by phase, of the rule and of GRPO


def measure(table: str, request: Request) -> dict[str, Any]:
    """The table's file. A seed is one pair of runs, which share what they sample.

    The metric `added LEVEL` is what the rule adds to GRPO's step, in %; `PHASE LEVEL` the share of
    the rule's own step that goes into a phase, in %.

    Raises: InputError for changes of anything but the number of steps.
    """
    for name in set(request.changes) - {"steps"}:
        raise InputError(f"--set {name}: {table} changes the options that it compares; only steps")
    n_steps = int(request.changes.get("steps", N_STEPS))
    rows: list[dict[str, Any]] = []
    kept: list[Pair] = []
    for level in LEVELS:
        pairs = {name: [_pair(request, name, level, n_steps, seed)
                        for seed in range(request.n_seeds)]
                 for name in request.methods}  # fmt: skip
        kept += [pair for listed in pairs.values() for pair in listed]
        rows += rows_of(f"added {level}", {n: [_added(p) for p in ps] for n, ps in pairs.items()})
        for phase in PHASES:
            values = {n: [_share(pair, phase) for pair in ps] for n, ps in pairs.items()}
            rows += rows_of(f"{phase} {level}", values)
    lefts = [
        {"options": {}, "seconds": {"total": (n_steps + 1) * pair[side]["total"]}}
        for pair in kept
        for side in pair
    ]
    return {
        **head(request, lefts),
        "protocol": {
            "student": f"tiny:{STUDENT}, and easy-15 and hard-15 for the length of programs",
            "steps": f"{n_steps} after one that warms up, at a learning rate near 0",
            "added": "seconds of a step beside those of the same step under GRPO, in %",
            "phases": f"{', '.join(PHASES)}: share of the step's seconds, in %",
            "per_seed": "pairs of runs that take turns on one core",
            "ci95": "bootstrap over pairs",
            **({"changes": dict(request.changes)} if request.changes else {}),
        },
        "unavailable": {},
        "rows": rows,
    }


def _pair(request: Request, name: str, level: str, n_steps: int, seed: int) -> Pair:
    """One pair, made now if it was not kept."""
    student, more = LEVELS[level]
    options = {**more, **METHODS[name].all_options, "seed": seed}
    key = json.dumps([VERSION, student, n_steps, options], sort_keys=True)
    file = request.folder / f"overhead-{hashlib.sha256(key.encode()).hexdigest()[:20]}.json"
    if not file.is_file():
        make_folder(request.folder)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=alone) as pool:
            pool.submit(_time_pair, name, student, n_steps, {**more, "seed": seed}, file).result()
        request.say(f"{name}, {level}, pair {seed + 1} of {request.n_seeds}")
    found: Pair = json.loads(file.read_text("utf-8"))
    return found


def _time_pair(name: str, student: str, n_steps: int, more: dict[str, Any], file: Path) -> None:
    from harness.benchmarks.credit_overhead import seconds_of

    timed = {
        key: seconds_of(METHODS[key].options["credit.strategy"], student, n_steps, more)
        for key in (BASELINE, name)
    }
    save_text(file, json.dumps(timed))


def _added(pair: Pair) -> float:
    ours = next(side for name, side in pair.items() if name != BASELINE)
    return 100 * (ours["total"] / pair[BASELINE]["total"] - 1)


def _share(pair: Pair, phase: str) -> float:
    ours = next(side for name, side in pair.items() if name != BASELINE)
    return 100 * ours.get(phase, 0.0) / ours["total"]
