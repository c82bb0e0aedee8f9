"""`egca bench TABLE --dry-run`: what would be run, for how long, in how much memory.

For preset tiny: how many runs there are and how many are kept already, at the seconds that kept
runs took. For small and paper: a script for bash with every command, estimates as its comments."""

from __future__ import annotations

import shlex
from pathlib import Path
from statistics import median
from typing import Any

from egca.credit import find_strategy
from egca.errors import InputError
from egca.training.config import TrainConfig, load_config
from egca.training.plan import SHAPES, parameters_of, plan_of
from harness.studies.curves import score
from harness.studies.runs import Run, is_known, known
from harness.studies.tuning import best
from harness.tables.learning import run_for
from harness.tables.methods import BASE, BASELINE, METHODS, label_of, trainable
from harness.tables.registry import TABLES
from harness.tables.request import Request

_MBPP = 374  # problems of MBPP's training split, a little more than are trained on
_GPUS = {"small": 1, "paper": 8}
_PEAK = 312e12  # operations a second of an A100 in bfloat16
_TRAINING = 0.35  # share of it that training reaches, assumed
_LAYER_S = 1e-3  # of one layer for one token of a batch while sampling with transformers, assumed
_FACTORS = (0.5, 1.0, 2.0)  # the grid of learning rates, over the preset's own
_TUNING_SEED = 1_000
_SERVED = {
    "qwen-1.5b": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "qwen-7b": "Qwen/Qwen2.5-Coder-7B-Instruct",
}  # debuggers by the model that vLLM serves for them
_EVALUATION = ("HumanEval+", "MBPP+")


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
    trained = _trained(request)
    tuned = dict.fromkeys(METHODS[one].rate_of or one for one in trained)
    n = len(tuned) * len(request.grid.rates) + len(trained) * request.n_seeds
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


def _trained(request: Request, preset: str = "tiny") -> list[str]:
    return [BASELINE, *trainable(request.methods, preset)]


def _untrained(request: Request, preset: str) -> list[str]:
    """Methods that are asked for and cannot be trained, with the reasons."""
    reasons = {name: METHODS[name].missing(preset) for name in request.methods}
    return [f"{label_of(name)} ({reason})" for name, reason in reasons.items() if reason]


def _tiny(name: str, request: Request) -> list[str]:
    if not TABLES[name].trains and name != "modes":
        return [request.command, f"cost      {cost(name, request)}"]
    trained = _trained(request)
    tuned = list(dict.fromkeys(METHODS[one].rate_of or one for one in trained))
    tuning = {one: [run_for(request, one, rate, seed) for rate in request.grid.rates
                    for seed in request.grid.seeds] for one in tuned}  # fmt: skip
    reported = [run for one in trained for run in _reported(request, one, tuning)]
    wanted = [*(run for runs in tuning.values() for run in runs), *reported]
    n_open = len(trained) * request.n_seeds - len(reported)  # their rate is not chosen yet
    missing = sum(not is_known(request.folder, run) for run in wanted) + n_open
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
        f"runs      {len(wanted) + n_open}, {missing} of them to be made (more where the best rate "
        "is at an end of the grid)",
        f"hours     {took}",
        f"memory    about {plan_of(config).memory_gb or 0:.1f} GB for the model of a run, a run a "
        "worker",
    ]
    missed = _untrained(request, "tiny")
    return lines + ([f"missing   {', '.join(missed)}"] if missed else [])


def _reported(request: Request, name: str, tuning: dict[str, list[Run]]) -> list[Run]:
    """The reported runs of a method, where its tuning is all there; else none are known."""
    runs = tuning[METHODS[name].rate_of or name]
    if not all(is_known(request.folder, run) for run in runs):
        return []
    rate = "optimizer.learning_rate"
    means = {float(run[rate]): score(known(request.folder, run)) for run in runs}
    return [run_for(request, name, best(means), seed) for seed in range(request.n_seeds)]


def _script(name: str, preset: str, request: Request) -> list[str]:
    """A bash script: for each method its tuning runs, its reported runs, and their evaluation."""
    config = load_config(preset)
    trained = _trained(request, preset)
    n_gpus = _GPUS[preset]
    hours, assumed = _gpu_hours(config, n_gpus)
    n_runs = len(trained) * (len(_FACTORS) + request.n_seeds)
    memory = plan_of(config).memory_gb
    folder = f"runs/{name}-{preset}"
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
        *_split(folder),
        "# The learning rate whose tuning run passes most on held-out problems.",
        'best() { for f in "$1"/rate-*/evaluations.jsonl; do echo "$(tail -n 1 "$f" | sed '
        '-E \'s/.*"pass_at_1": ([0-9.eE+-]+).*/\\1/\') $(basename "$(dirname "$f")")"; done '
        "| sort -g | tail -n 1 | sed 's/.*rate-//'; }",
    ]
    if BASE in request.methods:
        tests = _tests(config.model.name, f"{folder}/{BASE}")
        lines += ["", f"# {label_of(BASE)}", f"mkdir -p {folder}/{BASE}", *tests]
    served = ""
    for method in trained:
        model = _server(method, config)
        if model and model != served:
            lines += ["", *(["kill $SERVER; wait $SERVER || true"] if served else [])]
            lines += _serving(model)
            served = model
        lines += ["", f"# {label_of(method)}", *_commands(folder, preset, method, config, request)]
    return lines


def _commands(
    parent: str, preset: str, method: str, config: TrainConfig, request: Request
) -> list[str]:
    folder = f"{parent}/{method}"
    launch = "egca train"
    if _GPUS[preset] > 1:
        launch = f"accelerate launch --num_processes {_GPUS[preset]} --use_fsdp -m egca train"
    options = METHODS[method].options
    settings = " ".join(f"--set {shlex.quote(f'{k}={v}')}" for k, v in options.items())
    data = f"--set data.dataset={parent}/train.jsonl"
    data += f" --set evaluation.dataset={parent}/validation.jsonl"
    n_steps = int(config.epochs * _MBPP / config.rollout.prompts_per_step)
    data += f" --set evaluation.every={max(1, n_steps // 4)}"  # the presets' is rarer than a run
    base = f"{launch} --preset {preset} {data} {settings}"
    rate = config.optimizer.learning_rate
    lines = [
        f"{base} --set optimizer.learning_rate={factor * rate:g} --set seed={_TUNING_SEED} "
        f"--output {folder}/rate-{factor * rate:g}"
        for factor in _FACTORS
    ]
    lines.append(f'RATE="$(best {folder})"')
    for seed in range(request.n_seeds):
        run = f"{folder}/seed-{seed}"
        lines.append(
            f'{base} --set optimizer.learning_rate="$RATE" --set seed={seed} --output {run}'
        )
        lines += _tests(f"{run}/model", run)
    return lines


def _tests(model: str, folder: str) -> list[str]:
    """Commands that sample a model greedily on the test sets and have EvalPlus judge it."""
    lines = []
    for dataset in _EVALUATION:
        stem = f"{folder}/{dataset.rstrip('+').lower()}"
        lines += [
            f"egca generate --model transformers:{model} --dataset {dataset} --output {stem}.jsonl",
            f"egca eval --samples {stem}.jsonl --dataset {dataset.lower()} --engine evalplus "
            f"--json {stem}.json",
        ]
    return lines


def _split(folder: str) -> list[str]:
    """MBPP's training and validation splits, without the problems that MBPP+ has of them."""
    return [
        f"mkdir -p {folder}",
        f"egca data convert MBPP+ {folder}/held-out.jsonl --force",
        f"HELD=\" $(grep -oE '\"Mbpp/[0-9]+' {folder}/held-out.jsonl | grep -oE '[0-9]+' "
        "| tr '\\n' ' ')\"",
        'ids() { for i in $(seq "$1" "$2"); do case "$HELD" in *" $i "*) ;; '
        '*) echo "--ids MBPP/$i";; esac; done; }',
        f"egca data convert MBPP {folder}/train.jsonl $(ids 601 974) --force",
        f"egca data convert MBPP {folder}/validation.jsonl $(ids 511 600) --force",
    ]


def _serving(model: str) -> list[str]:
    """Commands that serve a debugger's model, and stop it when the script ends."""
    return [
        f"vllm serve {model} --port 8000 --gpu-memory-utilization 0.3 &",
        "SERVER=$!; trap 'kill $SERVER' EXIT",
        "export EGCA_BASE_URL=http://localhost:8000/v1",
        'until curl -sf "$EGCA_BASE_URL/models" >/dev/null; do sleep 5; done',
    ]


def _server(method: str, config: TrainConfig) -> str:
    """The model that has to be served for a method: where it localizes by one that runs here."""
    options = METHODS[method].options
    asks = find_strategy(str(options["credit.strategy"])).needs or "reward.critique" in options
    if not asks:
        return ""
    return _SERVED.get(str(options.get("debugger.name", config.debugger.name)), "")


def _missing(config: TrainConfig, preset: str, request: Request) -> list[str]:
    """What stands in the way on this machine, as comments."""
    found = list(plan_of(config).missing)
    found += _untrained(request, preset)
    return [f"# Missing here: {' '.join(text.split())}" for text in found]


def _gpu_hours(config: TrainConfig, n_gpus: int) -> tuple[float, str]:
    """Hours of one run, and what is assumed.

    Training takes 6 operations a parameter and token, 2 more for the ref_policy. Sampling goes
    token by token, so it takes what a batch's longest completion takes, however small the model.
    """
    shape = SHAPES[config.model.name]
    rollout = config.rollout
    completions = config.epochs * _MBPP * rollout.num_generations
    tokens = completions * (rollout.max_completion_length / 2 + rollout.max_prompt_length / 4)
    batches = completions / rollout.batch_size
    sampling = batches * rollout.max_completion_length * shape[1] * _LAYER_S
    operations = (6 + (2 if config.objective.beta > 0 else 0)) * parameters_of(shape) * tokens
    hours = (sampling + operations / (_PEAK * _TRAINING)) / n_gpus / 3600
    assumed = (
        f"{_MBPP} problems, {config.epochs:g} epochs, {completions:.0f} completions, "
        f"{100 * _TRAINING:.0f} % of the peak in training and {1e3 * _LAYER_S:g} ms a layer and "
        "token in sampling; evaluation, and judging and debuggers where they are waited for, on top"
    )
    return hours, assumed


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 600 else f"{seconds / 60:.0f} min"
