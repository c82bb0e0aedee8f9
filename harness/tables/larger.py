"""A table of training runs at presets small and paper: its commands, in order.

`--dry-run` prints them as a script (estimate.py) and the command carries them out (carry_out.py),
so that both do the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egca.credit import find_strategy
from egca.errors import InputError
from egca.training.config import TrainConfig, load_config
from egca.training.data import load_problems
from harness.tables.methods import BASE, BASELINE, METHODS, label_of, trainable
from harness.tables.request import Request

N_GPUS = {"small": 1, "paper": 8}
FACTORS = (0.5, 1.0, 2.0)  # the grid of learning rates, over the preset's own
TUNING_SEED = 1_000
TRAINING, VALIDATION = (601, 974), (511, 600)  # MBPP's splits, by task number
N_TRAINED = 266  # tasks of the training split that MBPP+ (v0.2.0) does not have
TEST_SETS = ("HumanEval+", "MBPP+")
ENGINES = ("native", "evalplus")
RATE = "$RATE"  # stands in a command for the rate that tuning chose
SERVED = {
    "qwen-1.5b": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
    "qwen-7b": "Qwen/Qwen2.5-Coder-7B-Instruct",
}  # debuggers by the model that vLLM serves for them
_N_EVALUATIONS = 4  # of a run on held-out problems; the presets' are rarer than a run is long


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    words: as typed; RATE may stand in them. heading: whose it is. shown: how a script has words
    that are long; "": as they are. tuned: folder of the runs whose best rate RATE is. model: that
    has to be served meanwhile. tests: folder and stem of the verdicts that are compared after it.
    """

    words: tuple[str, ...]
    heading: str
    shown: str = ""
    tuned: Path | None = None
    model: str = ""
    tests: tuple[Path, str] | None = None


def config_for(preset: str, request: Request) -> TrainConfig:
    """The preset's options with those that the request changes.

    Raises: InputError for changes that leave no held-out problems.
    """
    data = {"data.dataset", "evaluation.dataset"} & set(request.changes)
    if len(data) == 1:
        raise InputError(
            "--set data.dataset and --set evaluation.dataset go together: learning rates are "
            "chosen on problems that are not trained on"
        )
    return load_config(preset, changes=request.changes)


def folder_of(name: str, preset: str) -> Path:
    """Where a table's runs go, below the folder one is in."""
    return Path("runs") / f"{name}-{preset}"


def folders(name: str, preset: str, request: Request) -> list[Path]:
    """Folders that the commands do not make themselves."""
    folder = folder_of(name, preset)
    return [folder, folder / BASE] if BASE in request.methods else [folder]


def methods_of(request: Request, preset: str) -> list[str]:
    """GRPO, and the methods that are trained beside it."""
    return [BASELINE, *trainable(request.methods, preset)]


def n_steps(config: TrainConfig, request: Request) -> int:
    """Steps of every run of a table, those of a method that samples: sft learns as many programs.

    Raises: InputError for a data set that cannot be read.
    """
    if config.steps is not None:
        return config.steps
    n = len(load_problems(config.data)) if "data.dataset" in request.changes else N_TRAINED
    return max(math.ceil(config.epochs * n / config.rollout.prompts_per_step), 1)


def steps(name: str, preset: str, request: Request) -> Iterator[Step]:
    """Everything that a table takes. Raises: InputError as config_for."""
    config = config_for(preset, request)
    folder = folder_of(name, preset)
    changes = {**request.changes, "steps": n_steps(config, request)}
    if "data.dataset" not in changes:
        yield from _splits(folder)
        changes["data.dataset"] = folder / "train.jsonl"
        changes["evaluation.dataset"] = folder / "validation.jsonl"
    if "evaluation.every" not in changes:
        changes["evaluation.every"] = max(1, changes["steps"] // _N_EVALUATIONS)
    if BASE in request.methods:
        yield from _tests(config.model.name, folder / BASE, label_of(BASE), config)
    for method in methods_of(request, preset):
        yield from _runs(folder / method, preset, method, config, changes, request.n_seeds)


def _splits(folder: Path) -> Iterator[Step]:
    """MBPP's training and validation splits, without the tasks that MBPP+ has of them."""
    for name, (first, last) in (("train", TRAINING), ("validation", VALIDATION)):
        ids = ",".join(f"MBPP/{n}" for n in range(first, last + 1))
        words = ("egca", "data", "convert", "MBPP", f"{folder / name}.jsonl", "--exclude", "MBPP+",
                 "--force", "--ids")  # fmt: skip
        shown = " ".join([*words, f'"$(seq -s, -f MBPP/%g {first} {last})"'])
        yield Step((*words, ids), "the data", shown)


def _runs(
    folder: Path,
    preset: str,
    method: str,
    config: TrainConfig,
    changes: Mapping[str, Any],
    n_seeds: int,
) -> Iterator[Step]:
    """Tuning runs, reported runs, and the tests of these."""
    heading, model = label_of(method), _server(method, config)
    train: tuple[str, ...] = ("egca", "train")
    if N_GPUS[preset] > 1:
        train = ("accelerate", "launch", "--num_processes", str(N_GPUS[preset]), "--use_fsdp",
                 "-m", "egca", "train")  # fmt: skip
    options = {**changes, **METHODS[method].options}
    base = (*train, "--preset", preset, *_settings(options))
    for factor in FACTORS:
        rate = f"{factor * config.optimizer.learning_rate:g}"
        own = _settings({"optimizer.learning_rate": rate, "seed": TUNING_SEED})
        output = folder / f"rate-{rate}"
        yield Step((*base, *own, "--output", str(output)), heading, model=model)
    for seed in range(n_seeds):
        own = _settings({"optimizer.learning_rate": RATE, "seed": seed})
        output = folder / f"seed-{seed}"
        yield Step((*base, *own, "--output", str(output)), heading, tuned=folder, model=model)
        yield from _tests(str(output / "model"), output, heading, config, model)


def _tests(
    model: str, folder: Path, heading: str, config: TrainConfig, served: str = ""
) -> Iterator[Step]:
    """Commands that sample a model greedily on the test sets, and judge it with both engines."""
    for dataset in TEST_SETS:
        stem = stem_of(dataset)
        samples = folder / f"{stem}.jsonl"
        yield Step(
            ("egca", "generate", "--model", f"transformers:{model}", "--dataset", dataset,
             "--max-tokens", str(config.rollout.max_completion_length),
             "--batch-size", str(config.rollout.batch_size), "--dtype", config.model.dtype,
             "--output", str(samples)),
            heading, model=served,
        )  # fmt: skip
        for engine in ENGINES:
            yield Step(
                ("egca", "eval", "--samples", str(samples), "--dataset", dataset.lower(),
                 "--engine", engine, "--json", str(verdicts(folder, stem, engine))),
                heading, model=served, tests=(folder, dataset) if engine == ENGINES[-1] else None,
            )  # fmt: skip


def stem_of(dataset: str) -> str:
    """How files of a test set begin."""
    return dataset.rstrip("+").lower()


def verdicts(folder: Path, stem: str, engine: str) -> Path:
    """The file of an engine's verdicts on the samples of a test set."""
    return folder / f"{stem}.{engine}.json"


def _settings(options: Mapping[str, Any]) -> tuple[str, ...]:
    texts = {
        name: str(value) if isinstance(value, str | Path) else json.dumps(value)
        for name, value in options.items()
    }
    return tuple(word for name, text in texts.items() for word in ("--set", f"{name}={text}"))


def _server(method: str, config: TrainConfig) -> str:
    """The model that has to be served for a method: where it localizes by one that runs here."""
    options = METHODS[method].options
    asks = find_strategy(str(options["credit.strategy"])).needs or "reward.critique" in options
    if not asks:
        return ""
    return SERVED.get(str(options.get("debugger.name", config.debugger.name)), "")
