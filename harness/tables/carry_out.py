"""A table of training runs at presets small and paper: its commands carried out, its file made.

Commands that are done are not run again; a training that was cut goes on. Both engines judge every
test, and a verdict in which they differ ends the command, unless the official package fails the
task's own reference as well."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from egca.errors import InputError
from egca.files import make_folder, read_whole
from egca.providers.serving import served
from egca.training.config import TrainConfig
from egca.training.metrics import append_line, read_metrics
from egca.training.plan import plan_of
from harness.evaluation import Plan, Sample, default_cache, evaluate
from harness.evaluation.journal import journal_of
from harness.evaluation.run import problems_of
from harness.provenance import provenance
from harness.tables import larger
from harness.tables.compare import rows_of
from harness.tables.larger import ENGINES, RATE, TEST_SETS, Step, stem_of, verdicts
from harness.tables.methods import BASE, METHODS
from harness.tables.request import Request

_STOP_S = 120.0  # a training saves itself when it is told to end
_DONE = "done.jsonl"
_INTERRUPTED = 130


def measure(name: str, preset: str, request: Request) -> dict[str, Any]:
    """Run what is missing of a table, and give its file.

    Raises: InputError for what is missing on this machine, for a command that fails, for verdicts
        in which the engines differ; KeyboardInterrupt.
    """
    config = larger.config_for(preset, request)
    missing = plan_of(config).missing
    if missing:
        raise InputError(
            f"preset {preset} cannot run here: {'; '.join(missing)}. egca bench {name} --preset "
            f"{preset} --dry-run prints its commands"
        )
    folder = larger.folder_of(name, preset)
    for one in larger.folders(name, preset, request):
        make_folder(one)
    runner = _Runner(folder, request.say)
    with runner:
        for step in larger.steps(name, preset, request):
            runner.do(step)
            if step.tests is not None:
                compare_engines(*step.tests)
    return _document(folder, preset, config, request)


@dataclass
class _Runner:
    """Carries out steps one after the other, with the server that they need."""

    folder: Path
    say: Callable[[str], None]
    _serves: str = ""
    _address: dict[str, str] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self._done = {line["step"] for line in read_metrics(self.folder / _DONE)}

    def __enter__(self) -> _Runner:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def do(self, step: Step) -> None:
        """Run a step that is not done yet."""
        words = step.words
        if step.tuned is not None:
            rate = best_rate(step.tuned)
            words = tuple(word.replace(RATE, rate) for word in words)
        key = hashlib.sha256("\0".join(words).encode()).hexdigest()[:20]
        if key in self._done:
            return
        if step.model and step.model != self._serves:
            self._open.close()
            log = self.folder / f"serve-{step.model.rpartition('/')[2]}.log"
            self._address = self._open.enter_context(served(step.model, log))
            self._serves = step.model
        shown = step.shown or shlex.join(words)
        self.say(shown)
        status = _run([*_program(words), *_going_on(words)], {**os.environ, **self._address})
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        if status:
            raise InputError(f"a command of the table ended with status {status}: {shown}")
        append_line(self.folder / _DONE, json.dumps({"step": key, "command": shown}))
        self._done.add(key)


def _program(words: tuple[str, ...]) -> list[str]:
    """The same command with the interpreter that runs this one."""
    module = {"egca": "egca", "accelerate": "accelerate.commands.accelerate_cli"}[words[0]]
    return [sys.executable, "-m", module, *words[1:]]


def _going_on(words: tuple[str, ...]) -> list[str]:
    """--resume where a training or a judging left a run that was cut."""
    left = None
    if "train" in words:
        left = Path(words[words.index("--output") + 1]) / "config.yaml"
    elif "eval" in words:
        left = journal_of(Path(words[words.index("--json") + 1]))
    return ["--resume"] if left is not None and left.is_file() else []


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    """The status of a command. It is told to end where this one is, and waited for."""
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except BaseException:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def tuning(folder: Path) -> dict[str, float]:
    """For each rate that was tried, pass@1 at the last evaluation on held-out problems.

    Raises: InputError where a run has none.
    """
    found = {}
    for run in sorted(folder.glob("rate-*")):
        lines = read_metrics(run / "evaluations.jsonl")
        if not lines:
            raise InputError(f"{run}: it was never evaluated, so its learning rate is not known to "
                             "be good or bad; set evaluation.every lower")  # fmt: skip
        found[run.name.removeprefix("rate-")] = float(lines[-1]["pass_at_1"])
    return found


def best_rate(folder: Path) -> str:
    """The rate whose tuning run passes most, as its folder writes it."""
    found = tuning(folder)
    return max(found, key=lambda rate: (found[rate], rate))


def compare_engines(folder: Path, dataset: str) -> list[str]:
    """Tasks whose verdicts differ because the official package fails their reference too.

    Raises: InputError naming tasks whose verdicts differ for no such reason.
    """
    stem = stem_of(dataset)
    ours, theirs = (_by_task(verdicts(folder, stem, engine)) for engine in ENGINES)
    differing = sorted(task for task in ours if ours[task] != theirs.get(task))
    unsound = unsound_tasks(dataset, [task for task in differing if all(ours[task])])
    open_ones = [task for task in differing if task not in unsound]
    if open_ones:
        files = " and ".join(str(verdicts(folder, stem, engine)) for engine in ENGINES)
        raise InputError(
            f"the engines differ on {len(open_ones)} programs of {dataset} "
            f"({', '.join(open_ones[:5])}): see {files}"
        )
    return [task for task in differing if task in unsound]


def _by_task(path: Path) -> dict[str, tuple[bool, bool]]:
    """(passed base tests, passed all tests) of each task of an evaluation."""
    rows = json.loads(read_whole(path))["results"]
    return {row["task_id"]: (row["passed_base"], bool(row["passed_plus"])) for row in rows}


def unsound_tasks(dataset: str, tasks: Iterable[str]) -> set[str]:
    """Those of the tasks whose own reference the official package fails."""
    asked = [Sample(index, dataset, task_id=task) for index, task in enumerate(tasks)]
    if not asked:
        return set()
    plan = Plan(dataset, tuple(asked), engine="evalplus", cache=default_cache())
    problems, _ = problems_of(plan)
    samples = tuple(
        Sample(one.index, dataset, one.task_id, problems[one.task_id].reference or "")
        for one in asked
    )
    plan = Plan(dataset, samples, os.cpu_count() or 1, "evalplus", cache=default_cache())
    results = evaluate(plan, problems)
    return {one.task_id for one in results if not (one.passed_base and one.passed_plus)}


def _document(folder: Path, preset: str, config: TrainConfig, request: Request) -> dict[str, Any]:
    """The table's file: provenance, protocol, tuning and rows."""
    trained = larger.methods_of(request, preset)
    seeds = range(request.n_seeds)
    runs = {name: [folder / name / f"seed-{seed}" for seed in seeds] for name in trained}
    if BASE in request.methods:
        runs = {BASE: [folder / BASE] * len(seeds), **runs}
    every = [run for name in trained for run in (folder / name).iterdir() if run.is_dir()]
    configurations = sorted((run / "config.yaml").read_text("utf-8") for run in every)
    reported = [run for run in every if run.name.startswith("seed-")]
    tuned = {name: tuning(folder / name) for name in trained}
    excused = {
        f"{run.parent.name}/{run.name}, {dataset}": tasks
        for run in {one for listed in runs.values() for one in listed}
        for dataset in TEST_SETS
        if (tasks := compare_engines(run, dataset))
    }
    missing = {name: METHODS[name].missing(preset) for name in request.methods}
    return {
        "provenance": {
            **provenance(
                request.command,
                paths=("egca", "harness"),
                packages=("torch", "transformers", "evalplus", "numpy"),
            ),
            "configuration": hashlib.sha256("\n".join(configurations).encode()).hexdigest(),
            "seeds": list(seeds),
            "wall_clock_s": seconds_of(reported),
        },
        "preset": preset,
        "protocol": {
            "model": config.model.name,
            "tuning": f"rates {', '.join(tuned[trained[0]])} for every method, by pass@1 on "
            f"held-out problems with seed {larger.TUNING_SEED}, which is not reported",
            "tests": f"greedy pass@1 of {' and '.join(TEST_SETS)} by EvalPlus; egca's own engine "
            "has to agree on every program",
            "ci95": "bootstrap over seeds; of differences also over seeds and tasks",
            "p": "sign flips over seeds, exact up to 14; Holm's correction over a metric's methods",
            **({"changes": dict(request.changes)} if request.changes else {}),
        },
        "unavailable": {name: reason for name, reason in missing.items() if reason},
        "engines_differ": excused,
        "tuning": {
            name: {
                "rate": float(best_rate(folder / name)),
                "scores": {rate: [score] for rate, score in scores.items()},
                "seconds": seconds_of((folder / name).glob("rate-*")),
            }
            for name, scores in tuned.items()
        },
        "rows": _rows(runs),
    }  # fmt: skip


def seconds_of(runs: Iterable[Path]) -> float:
    """What the steps of runs took, one after the other."""
    lines = [line for run in runs for line in read_metrics(run / "metrics.jsonl")]
    return round(sum(float(line["seconds"]["total"]) for line in lines), 1)


def _rows(runs: Mapping[str, list[Path]]) -> list[dict[str, Any]]:
    """A row for each method and test set, on its base tests and on all."""
    rows: list[dict[str, Any]] = []
    for dataset in TEST_SETS:
        stem = stem_of(dataset)
        found = {
            name: [_by_task(verdicts(run, stem, ENGINES[-1])) for run in listed]
            for name, listed in runs.items()
        }
        tasks = sorted(next(iter(found.values()))[0])
        for level, metric in enumerate((stem, f"{stem}+")):
            solved = {
                name: np.array([[one[task][level] for task in tasks] for one in listed], float)
                for name, listed in found.items()
            }
            values = {name: array.mean(1).tolist() for name, array in solved.items()}
            rows += rows_of(metric, values, solved)
    return rows
