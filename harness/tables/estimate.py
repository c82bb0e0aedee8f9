"""`egca bench TABLE --dry-run`: what would be run, for how long, in how much memory.

For preset tiny: how many runs there are and how many are kept already, at the seconds that kept
runs took. For small and paper: a script for bash with every command, estimates as its comments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from egca.errors import InputError
from egca.providers import serving
from egca.training.config import TrainConfig, load_config
from egca.training.plan import parameters_of, plan_of, shape_of
from harness.studies.curves import validated
from harness.studies.runs import Run, is_known, known
from harness.studies.tuning import Grid, Scores, best, for_tuning, wanted
from harness.tables import larger
from harness.tables.learning import run_for
from harness.tables.methods import METHODS, label_of
from harness.tables.registry import TABLES
from harness.tables.request import Request

_PEAK = 312e12  # operations a second of an A100 in bfloat16
_TRAINING = 0.35  # share of it that training reaches, assumed
_LAYER_S = 1e-3  # of one layer for one token of a batch while sampling with transformers, assumed
_RATE = f"optimizer.learning_rate={larger.RATE}"


def plan(name: str, preset: str, request: Request) -> list[str]:
    """Lines to print. Raises: InputError for a table that has no runs at the preset."""
    if preset == "tiny":
        return _tiny(name, request)
    if not TABLES[name].trains:
        raise InputError(f"{name} is measured on preset tiny only")
    return _script(name, preset, request)


def cost(name: str, request: Request) -> str:
    """What measuring a table from nothing takes, for `egca bench --list`."""
    table = TABLES[name]
    if not table.measure:
        return "minutes"
    if not table.trains:
        return "nothing beside main" if name == "modes" else "minutes, one run at a time"
    trained = larger.methods_of(request, "tiny")
    tuned = dict.fromkeys(METHODS[one].rate_of or one for one in trained)
    n_tuning = len(request.grid.rates) + request.grid.n_finals
    n = len(tuned) * n_tuning + len(trained) * request.n_seeds
    seconds = run_seconds(request.folder)
    took = f", about {_hours(n * seconds / request.n_workers)}" if seconds else ""
    return f"{n} runs{took} with {request.n_workers} workers"


def run_seconds(folder: Path) -> float | None:
    """The median seconds of kept runs; None where none is kept."""
    took = [found["seconds"]["total"] for found in map(_kept, sorted(folder.glob("*.json")))
            if found and len(found["curves"]["pass_rate"]) >= 100]  # fmt: skip
    return median(took) if took else None


def _kept(path: Path) -> dict[str, Any] | None:
    from json import loads

    found = loads(path.read_text("utf-8"))
    return found if isinstance(found, dict) and "curves" in found else None


def _untrained(request: Request, preset: str) -> list[str]:
    """Methods that are asked for and cannot be trained, with the reasons."""
    reasons = {name: METHODS[name].missing(preset) for name in request.methods}
    return [f"{label_of(name)} ({reason})" for name, reason in reasons.items() if reason]


def _tiny(name: str, request: Request) -> list[str]:
    if not TABLES[name].trains and name != "modes":
        return [request.command, f"cost      {cost(name, request)}"]
    trained = larger.methods_of(request, "tiny")
    tuned = list(dict.fromkeys(METHODS[one].rate_of or one for one in trained))
    tuning = {one: _tuned(request, one) for one in tuned}
    reported = [run for one in trained for run in _reported(request, one, tuning)]
    n_tuning = sum(len(by_seed) for scores in tuning.values() for by_seed in scores.values())
    to_tune = sum(_n_open(request.grid, scores) for scores in tuning.values())
    n_open = len(trained) * request.n_seeds - len(reported)  # their rate is not chosen yet
    missing = to_tune + n_open + sum(not is_known(request.folder, run) for run in reported)
    n_runs = n_tuning + to_tune + len(trained) * request.n_seeds
    seconds = run_seconds(request.folder)
    took = (
        f"about {_hours(missing * seconds / request.n_workers)} with {request.n_workers} workers: "
        f"{seconds:.0f} s a run is the median of those that are kept"
        if seconds
        else "unknown: no run is kept yet whose time could be taken"
    )
    config = load_config("tiny")
    lines = [
        request.command,
        f"methods   {', '.join(trained)}",
        f"runs      {n_runs}, {missing} of them to be made (more where the best rate "
        "is at an end of the grid)",
        f"hours     {took}",
        f"memory    about {plan_of(config).memory_gb or 0:.1f} GB for the model of a run, a run a "
        "worker",
    ]
    missed = _untrained(request, "tiny")
    return lines + ([f"missing   {', '.join(missed)}"] if missed else [])


def _tuned(request: Request, name: str) -> dict[float, dict[int, float]]:
    """What the tuning runs that are kept say of a method, as far as the search got."""
    scores: dict[float, dict[int, float]] = {}
    while todo := wanted(scores, request.grid):
        runs = {one: for_tuning(run_for(request, name, *one)) for one in todo}
        there = {one: run for one, run in runs.items() if is_known(request.folder, run)}
        for (rate, seed), run in there.items():
            scores.setdefault(rate, {})[seed] = validated(known(request.folder, run))
        if len(there) < len(runs):
            break
    return scores


def _n_open(grid: Grid, scores: Scores) -> int:
    """How many tuning runs a method wants still, if its best rate is inside the grid."""
    todo = wanted(scores, grid)
    is_looking = any(seed == grid.seeds[0] for _, seed in todo)
    return len(todo) + (grid.n_finals if is_looking else 0)


def _reported(
    request: Request, name: str, tuning: Mapping[str, dict[float, dict[int, float]]]
) -> list[Run]:
    """The reported runs of a method, where its tuning is all there; else none are known."""
    scores = tuning[METHODS[name].rate_of or name]
    if wanted(scores, request.grid):
        return []
    return [run_for(request, name, best(scores), seed) for seed in range(request.n_seeds)]


def _script(name: str, preset: str, request: Request) -> list[str]:
    """A bash script: for each method its tuning runs, its reported runs, and their evaluation."""
    config = larger.config_for(preset, request)
    n_gpus = larger.N_GPUS[preset]
    hours, assumed = _gpu_hours(config, n_gpus, larger.n_steps(config, request))
    n_runs = len(larger.methods_of(request, preset)) * (len(larger.FACTORS) + request.n_seeds)
    memory = plan_of(config).memory_gb
    lines = [
        "#!/usr/bin/env bash",
        f"# {request.command}, as commands: bash can run this text.",
        f"# {n_runs} runs of about {_hours(3600 * hours)} on {n_gpus} x A100 80 GB, "
        f"{_hours(3600 * n_runs * hours)} together. "
        f"Estimated from operation counts, not measured: {assumed}.",
        f"# Memory: about {memory or 0:.0f} GB of weights, gradients, optimizer state and "
        f"activations, {'on the GPU' if n_gpus == 1 else f'over {n_gpus} GPUs (--use_fsdp)'}; "
        "estimated.",
        *_missing(config, preset, request),
        "set -euo pipefail",
        f"mkdir -p {' '.join(map(str, larger.folders(name, preset, request)))}",
        "# The learning rate whose tuning run passes most on held-out problems.",
        'best() { for f in "$1"/rate-*/evaluations.jsonl; do echo "$(tail -n 1 "$f" | sed '
        '-E \'s/.*"pass_at_1": ([0-9.eE+-]+).*/\\1/\') $(basename "$(dirname "$f")")"; done '
        "| sort -g | tail -n 1 | sed 's/.*rate-//'; }",
    ]
    heading, served, tuned = "", "", None
    for step in larger.steps(name, preset, request):
        if step.heading != heading:
            heading = step.heading
            lines += ["", f"# {heading}"]
        if step.model and step.model != served:
            lines += ["kill $SERVER; wait $SERVER || true"] if served else []
            lines += _serving(step.model)
            served = step.model
        if step.tuned != tuned and step.tuned is not None:
            tuned = step.tuned
            lines.append(f'RATE="$(best {tuned})"')
        lines.append(step.shown or shlex.join(step.words).replace(f"'{_RATE}'", f'"{_RATE}"'))
    return lines


def _serving(model: str) -> list[str]:
    """Commands that serve a debugger's model, and stop it when the script ends."""
    return [
        f"{shlex.join(serving.command(model, serving.PORT))} &",
        "SERVER=$!; trap 'kill $SERVER' EXIT",
        f"export EGCA_BASE_URL=http://localhost:{serving.PORT}/v1",
        'until curl -sf "$EGCA_BASE_URL/models" >/dev/null; do sleep 5; done',
    ]


def _missing(config: TrainConfig, preset: str, request: Request) -> list[str]:
    """What stands in the way on this machine, as comments."""
    found = list(plan_of(config).missing)
    found += _untrained(request, preset)
    return [f"# Missing here: {' '.join(text.split())}" for text in found]


def _gpu_hours(config: TrainConfig, n_gpus: int, n_steps: int) -> tuple[float, str]:
    """Hours of one run, and what is assumed.

    Training takes 6 operations a parameter and token, 2 more for the ref_policy. Sampling goes
    token by token, so it takes what a batch's longest completion takes, however small the model.
    """
    shape = shape_of(config.model.name)
    if shape is None:
        raise InputError(f"model.name {config.model.name}: neither a folder of a model nor known")
    rollout = config.rollout
    completions = n_steps * rollout.prompts_per_step * rollout.num_generations
    tokens = completions * (rollout.max_completion_length / 2 + rollout.max_prompt_length / 4)
    batches = completions / rollout.batch_size
    sampling = batches * rollout.max_completion_length * shape[1] * _LAYER_S
    operations = (6 + (2 if config.objective.beta > 0 else 0)) * parameters_of(shape) * tokens
    hours = (sampling + operations / (_PEAK * _TRAINING)) / n_gpus / 3600
    assumed = (
        f"{n_steps} steps, {completions} completions, "
        f"{100 * _TRAINING:.0f} % of the peak in training and {1e3 * _LAYER_S:g} ms a layer and "
        "token in sampling; evaluation, and judging and debuggers where they are waited for, on top"
    )
    return hours, assumed


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 600 else f"{seconds / 60:.0f} min"
