"""The table of overhead: what credit adds to a step, by group size, length of programs and tests.

Each pair of runs (harness/benchmarks/credit_overhead.py) is made in a process of its own and kept,
one at a time whatever --workers says: two at once would time each other."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.files import make_folder, save_text
from egca.problems import load_dataset, row_of
from egca.training.config import load_config
from harness.studies.runs import VERSION, alone
from harness.tables.compare import rows_of
from harness.tables.document import head
from harness.tables.learning import STUDENT
from harness.tables.methods import BASELINE, METHODS
from harness.tables.request import Request

N_STEPS = 20
PHASES = ("judge", "localize", "credit")


@dataclass(frozen=True, slots=True)
class Level:
    """What one level changes over the preset.

    n_tests: of every problem, its own ones over and over; None: its own, about ten.
    """

    student: str = STUDENT
    options: dict[str, Any] = field(default_factory=dict)
    n_tests: int | None = None


LEVELS: dict[str, Level] = {
    "G = 4": Level(options={"rollout.num_generations": 4, "rollout.prompts_per_step": 16}),
    "G = 8": Level(),
    "G = 16": Level(options={"rollout.num_generations": 16, "rollout.prompts_per_step": 4}),
    "programs of 3 to 4 decisions": Level("easy-15", {"data.dataset": "tiny-easy"}),
    "programs of 7 to 9 decisions": Level("hard-15", {"data.dataset": "tiny-hard"}),
    "3 tests": Level(n_tests=3),
    "30 tests": Level(n_tests=30),
}
CHANGES = frozenset({"steps", "debugger.name"})
Pair = dict[str, dict[str, float]]  # seconds of a step by phase, of the rule and of GRPO


def measure(table: str, request: Request) -> dict[str, Any]:
    """The table's file. A seed is one pair of runs, which share what they sample.

    The metric `added LEVEL` is what the rule adds to GRPO's step, in %; `PHASE LEVEL` the share of
    the rule's own step that goes into a phase, in %.

    Raises: InputError for changes of anything but the number of steps and the debugger.
    """
    for name in sorted(set(request.changes) - CHANGES):
        free = " and ".join(sorted(CHANGES))
        raise InputError(f"--set {name}: {table} changes the options that it compares; only {free}")
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
            "debugger": _debugger(request),
            "tests": "about ten a problem; 3 and 30: the same ones, fewer, or over and over",
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


def _debugger(request: Request) -> str:
    return str(request.changes.get("debugger.name", "trace"))


def _pair(request: Request, name: str, level: str, n_steps: int, seed: int) -> Pair:
    """One pair, made now if it was not kept."""
    at = LEVELS[level]
    more = {**at.options, "debugger.name": _debugger(request), "seed": seed}
    options = {**more, **METHODS[name].all_options}
    key = json.dumps([VERSION, at.student, at.n_tests, n_steps, options], sort_keys=True)
    file = request.folder / f"overhead-{hashlib.sha256(key.encode()).hexdigest()[:20]}.json"
    if not file.is_file():
        make_folder(request.folder)
        if at.n_tests is not None:
            more["data.dataset"] = str(file_with_tests(request.folder, at.n_tests, n_steps))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=alone) as pool:
            pool.submit(_time_pair, name, at.student, n_steps, more, file).result()
        request.say(f"{name}, {level}, pair {seed + 1} of {request.n_seeds}")
    found: Pair = json.loads(file.read_text("utf-8"))
    return found


def file_with_tests(folder: Path, n_tests: int, n_steps: int) -> Path:
    """A file of the preset's problems with so many tests each, enough of them for a run."""
    config = load_config("tiny")
    n_problems = config.rollout.prompts_per_step * (n_steps + 1)
    rows = []
    for problem in islice(load_dataset(config.data.dataset), n_problems):
        tests = tuple(islice(cycle(problem.tests), n_tests))
        rows.append(json.dumps(row_of(replace(problem, tests=tests))) + "\n")
    path = folder / f"overhead-{n_problems}-problems-{n_tests}-tests.jsonl"
    save_text(path, "".join(rows))
    return path


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
