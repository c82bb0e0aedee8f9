"""What a run would take, before anything is loaded: problems, steps, memory, cost."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

from egca.credit import find_strategy, options_from
from egca.errors import EgcaError
from egca.training import tiny
from egca.training.config import TrainConfig
from egca.training.data import load_problems
from egca.training.debugging import questions_of
from egca.training.evaluation import held_out
from egca.training.policy import NO_FLASH_ATTENTION, has_flash_attention
from egca.training.sections import n_learned

_BYTES = {"float32": 4, "bfloat16": 2}
# Hidden size, layers and vocabulary of the presets' models, for where their weights are not here.
SHAPES: dict[str, tuple[int, int, int]] = {
    "Qwen/Qwen2.5-Coder-0.5B-Instruct": (896, 24, 151_936),
    "deepseek-ai/deepseek-coder-6.7b-instruct": (4_096, 32, 32_256),
}
# Numbers kept for the gradient for each token and layer, in units of the hidden size: attention,
# the feed-forward part at about three times the hidden size, two norms and the residual stream.
_ACTIVATIONS = 34


@dataclass(frozen=True, slots=True)
class Plan:
    """Lines to read, and what stands in the way. memory_gb: None where the model is not here."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    memory_gb: float | None = None


def plan_of(config: TrainConfig) -> Plan:
    """The plan of a run. Raises: InputError for what can never run, as an unknown strategy."""
    plan_lines: list[tuple[str, str]] = []
    missing: list[str] = []
    strategy = find_strategy(config.credit.strategy)
    options_from(config.credit.options)
    n = None
    try:
        n = len(load_problems(config.data))
        plan_lines.append(("problems", f"{n} of {config.data.dataset}"))
    except EgcaError as error:
        missing.append(str(error))
        plan_lines.append(("problems", f"{config.data.dataset}: not here"))
    try:
        held_out(config)
    except EgcaError as error:
        missing.append(str(error))
    if config.model.attention == "flash_attention_2" and not has_flash_attention():
        missing.append(NO_FLASH_ATTENTION)
    rollout = config.rollout
    n_each = rollout.prompts_per_step
    group = f"{n_each} prompts x {rollout.num_generations} completions"
    is_taught = config.objective.name == "sft"
    if is_taught:
        n_each = n_learned(config.supervised, rollout.prompts_per_step, rollout.num_generations)
        group = f"{n_each} programs"
    plan_lines.append(("steps", f"{_steps(config, n, n_each)}, each {group}"))
    memory, said = _memory(config, missing)
    plan_lines += [("model", said), ("device", _device(memory, missing))]
    if not is_taught:
        plan_lines.append(("rollouts", _rollouts(rollout.engine, missing)))
        own = ", ours and not published" if strategy.ours else ""
        plan_lines.append(("credit", f"{config.credit.strategy}: {strategy.label}{own}"))
        plan_lines.append(("debugger", _debugger(config, missing)))
    plan_lines.append(("objective", _objective(config)))
    for logger in config.loggers:
        if find_spec(logger) is None:
            missing.append(f"loggers: {logger} is not installed: pip install {logger}")
    return Plan(plan_lines, missing, memory)


def _steps(config: TrainConfig, n: int | None, n_each: int) -> str:
    if config.objective.name == "sft" and config.supervised.tokens is not None:
        return f"as many as make {config.supervised.tokens} completion tokens"
    if config.steps is not None:
        return str(config.steps)
    if n is None:
        return f"{config.epochs:g} epochs"
    return f"{ceil(n * config.epochs / n_each)} ({config.epochs:g} epochs)"


def _memory(config: TrainConfig, missing: list[str]) -> tuple[float | None, str]:
    """GB that training takes at its highest, estimated for all devices together, and a line."""
    name = config.model.name
    if name.startswith(tiny.PREFIX):
        student = tiny.student_named(name.removeprefix(tiny.PREFIX))
        is_here = (tiny.cache_folder() / "students" / student.digest).exists()
        when = "in the cache" if is_here else "trained on the first run, some minutes on one core"
    elif _shape(name) is not None:
        when = "in a folder here"
    else:
        free = shutil.disk_usage(Path.home()).free / 1e9
        when = f"downloaded from the hub on the first run ({free:.0f} GB free)"
    shape, n = shape_of(name), _size(name)
    if shape is None or n is None:
        return None, f"{name}: {when}"
    hidden, layers, vocabulary = shape
    width, is_adapted = _BYTES[config.model.dtype], config.model.lora is not None
    # For each trained number in float32 its gradient and two moments, and itself where the model
    # has no float32 of it: masters of bfloat16 weights, and adapters.
    trained = 12 if width == 4 and not is_adapted else 16
    states = n * (width + (0.01 if is_adapted else 1.0) * trained)
    if config.objective.has_critic:
        states *= 2
    copies = n * width if config.objective.has_reference and not is_adapted else 0
    if config.reward.critique and config.teacher.model is not None:
        copies += (_size(config.teacher.model) or 0) * width
    per_token = hidden * width * (_ACTIVATIONS if not config.model.gradient_checkpointing else 2)
    activations = config.micro_batch_tokens * layers * per_token
    logits = min(config.chunk_tokens, config.micro_batch_tokens) * vocabulary * 4 * 3
    total = (states + copies + activations + logits) / 1e9
    size = f"{n / 1e9:.2g}B" if n >= 1e9 else f"{n / 1e6:.3g}M"
    return total, f"{name}: about {size} parameters, {when}; about {total:.2g} GB to train"


def parameters_of(shape: tuple[int, int, int]) -> int:
    """About how many parameters a model of this hidden size, depth and vocabulary has.

    >>> round(parameters_of(SHAPES["deepseek-ai/deepseek-coder-6.7b-instruct"]) / 1e9, 1)
    6.7
    """
    hidden, layers, vocabulary = shape
    return layers * 12 * hidden**2 + 2 * vocabulary * hidden


def shape_of(name: str) -> tuple[int, int, int] | None:
    """Hidden size, layers and vocabulary of a model in a folder, of a preset's, or of a student."""
    if name.startswith(tiny.PREFIX):
        student = tiny.student_named(name.removeprefix(tiny.PREFIX))
        return student.hidden, student.layers, student.vocabulary
    return _shape(name) or SHAPES.get(name)


def _size(name: str) -> int | None:
    """About how many parameters; None where the model is not here."""
    shape = shape_of(name)
    if shape is None:
        return None
    tied = shape[0] * shape[2] if name.startswith(tiny.PREFIX) else 0  # one layer for both ends
    return parameters_of(shape) - tied


def _shape(name: str) -> tuple[int, int, int] | None:
    try:
        config: dict[str, Any] = json.loads((Path(name) / "config.json").read_text("utf-8"))
        return config["hidden_size"], config["num_hidden_layers"], config["vocab_size"]
    except (OSError, ValueError, KeyError):
        return None


def _device(memory: float | None, missing: list[str]) -> str:
    import torch

    if not torch.cuda.is_available():
        return f"the CPU, {torch.get_num_threads()} threads"
    n, total = torch.cuda.device_count(), torch.cuda.get_device_properties(0).total_memory / 1e9
    said = f"{n} x {torch.cuda.get_device_name()}, {total:.0f} GB each"
    if memory is None or memory <= total:
        return said
    if memory <= n * total:
        return f"{said}; too little for one, so train in shards: accelerate launch --use_fsdp"
    has = f"the GPU has {total:.0f}" if n == 1 else f"{n} GPUs have {n * total:.0f}"
    missing.append(
        f"about {memory:.0f} GB are needed and {has}: lower micro_batch_tokens, set "
        "model.gradient_checkpointing=true or model.lora.r=16"
    )
    return said


def _rollouts(engine: str, missing: list[str]) -> str:
    if engine == "transformers":
        return "by the model itself, in this process"
    from egca.providers.needs import NEEDS, is_installed

    is_server = engine != "vllm"
    provider = "openai" if is_server else "vllm"
    if not is_installed(provider):
        extra = NEEDS[provider].extra
        missing.append(f'rollout.engine {engine} needs the extra "{extra}": '
                       f'pip install "egca[{extra}]"')  # fmt: skip
    return f"by the vLLM server at {engine}" if is_server else "by vLLM, in this process"


def _debugger(config: TrainConfig, missing: list[str]) -> str:
    from egca.debuggers.registry import DEBUGGERS, check_name
    from egca.providers.needs import is_installed, lacks_of
    from egca.providers.registry import meant

    options = config.debugger
    questions = questions_of(config)
    if not questions:
        return f"not asked: {config.credit.strategy} needs neither places nor constraints"
    try:
        form, named = check_name(options.name)
        if form == "trace":
            return "trace: no model, no cost"
        provider, model = meant(named) if form in DEBUGGERS else (form, named)
    except EgcaError as error:
        missing.append(str(error))
        return options.name
    if provider == "vllm" and not is_installed("openai"):
        missing.append(f'debugger {options.name}: it is asked as a server, by the extra "llm"')
    if form in DEBUGGERS:
        missing += [f"debugger {options.name}: it lacks {what}" for what in lacks_of(provider)]
    cost = "unbounded" if options.max_cost is None else f"at most ${options.max_cost:g}"
    return f"{options.name} ({provider}:{model}): asked for {' and '.join(questions)}; cost {cost}"


def _objective(config: TrainConfig) -> str:
    options = config.objective
    said: list[str] = [options.name]
    if options.name != "sft":
        high = "" if options.epsilon_high is None else f" and {options.epsilon_high:g}"
        how = options.kl_estimator if options.is_credited else "k1, in the reward"
        said.append(f"clip {options.epsilon:g}{high}")
        said.append(f"KL {options.beta:g} ({how})" if options.has_reference else "no KL term")
    said.append(f"loss by {options.loss_normalisation}")
    return ", ".join([*said, f"learning rate {config.optimizer.learning_rate:g}"])
