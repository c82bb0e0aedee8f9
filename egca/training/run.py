"""A run from its configuration: the parts put together, its folder, and how it begins and ends."""

from __future__ import annotations

import json
import platform
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import yaml

from egca.credit import find_strategy, options_from
from egca.errors import InputError
from egca.files import make_folder, save_text
from egca.problems import Problem
from egca.structure import ConstraintSet
from egca.training.assessment import Bench, Rules
from egca.training.config import Debugger, TrainConfig, read_config
from egca.training.crediting import Crediting
from egca.training.critic import Critic, CriticUpdater
from egca.training.data import SetAside, load_problems, prompts_of
from egca.training.debugging import LOG, served_debugger, shared_out
from egca.training.demands import demands_of
from egca.training.distributed import Replica, World
from egca.training.evaluation import Evaluator, held_out, prompts_held_out
from egca.training.loggers import Loggers, check_installed
from egca.training.loop import Listener, Stopped, Trainer, steps_of
from egca.training.methods import Parts, open_method
from egca.training.opening import open_policy
from egca.training.policy import Policy, Reference, Scorer
from egca.training.records import SampleLog
from egca.training.references import sound_of_run
from egca.training.sampling import PolicySampler, Sampler
from egca.training.update import Updater

CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
PACKAGES = ("egca", "torch", "transformers", "accelerate", "peft", "numpy", "vllm")


@dataclass
class Report:
    """What a run leaves to say. stopped: by a signal, before its last step."""

    n_steps: int = 0
    stopped: bool = False
    resumed_at: int = 0
    aside: list[SetAside] = field(default_factory=list)
    final: dict[str, Any] = field(default_factory=dict)


def train(
    config: TrainConfig,
    folder: Path,
    *,
    resume: bool = False,
    policy: Policy | None = None,
    world: World | None = None,
    listeners: Sequence[Listener] = (),
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Train as configured, in a folder of the run.

    Args:
        folder: new or empty, unless `resume` goes on with the run that it holds.
        policy: a loaded one; None loads `config.model`.
        world: the processes that train together, each of which calls this; None: this one alone.
        listeners: called after each step with its number, metrics and groups, in each process.
        say: called with a line where something takes long or is worth knowing.
    Raises: InputError and the other errors of egca for what a user can mend.
    """
    world = world or World()
    find_strategy(config.credit.strategy)  # what is wrong is said before a server starts
    options_from(config.credit.options)
    check_installed(config.loggers)
    _check_share(config, world)
    if world.is_main:
        _open_folder(config, folder, resume)
    problems = load_problems(config.data)
    others = held_out(config)
    with served_debugger(config, folder, world, say) as debugger:
        return _train(
            config, debugger, problems, others, folder, resume, policy, world, listeners, say
        )


def _train(
    config: TrainConfig,
    debugger: Debugger,
    problems: list[Problem],
    others: list[Problem],
    folder: Path,
    resume: bool,
    policy: Policy | None,
    world: World,
    listeners: Sequence[Listener],
    say: Callable[[str], None],
) -> Report:
    """As train. debugger: its options, with the name that processes open it by; others: problems
    held out."""
    strategy = find_strategy(config.credit.strategy)
    options = options_from(config.credit.options)
    debugger = shared_out(debugger, config, world)
    with world.main_first():
        place = "auto" if world.device is None else str(world.device)
        policy = policy or open_policy(config.model, say, place, config.seed)
    torch.manual_seed(config.seed + world.rank)  # of dropout
    demands: list[ConstraintSet | None] = [None] * len(problems)
    if strategy.constraints:
        with world.main_first():
            file = folder / "constraints.json"
            demands, n_fallen = demands_of(problems, debugger, file)
        if n_fallen:
            say(f"{config.debugger.name} gave no constraints for {n_fallen} problems: theirs are "
                "what their references show")  # fmt: skip
    prompts, aside = prompts_of(
        problems, demands, policy, config.data.prompt, config.rollout.max_prompt_length
    )
    held_prompts = prompts_held_out(config, others, policy)
    report = Report(aside=aside)
    crediting = Crediting(
        strategy, options, config.credit.scale, config.credit.span, config.reward.kind
    )
    memory = None if config.reward.memory is None else Path(config.reward.memory).expanduser()
    with (
        Bench(_rules(config, debugger, crediting), config.reward.workers, memory) as bench,
        _signals() as is_asked,
    ):

        def check() -> None:
            if is_asked():
                raise Stopped

        def check_together() -> None:
            if world.most(is_asked()):
                raise Stopped

        prompts, broken = sound_of_run(folder, config.data.dataset, prompts, bench, world)
        aside += broken
        parts = Parts(
            policy,
            open_sampler(config, policy, folder, world),
            bench,
            crediting,
            check if world.n == 1 else lambda: None,  # the others would wait for ever
            world,
            debugger,
        )
        method = open_method(config, parts, prompts, folder, say)
        aside += method.aside
        loggers = Loggers(config.loggers if world.is_main else [], config, folder, say)
        samples = SampleLog(folder / "samples", config.samples_every, policy, world)
        n_steps = steps_of(method.config, len(method.prompts))
        evaluator = Evaluator(
            config, policy, bench, folder, world, held_prompts, n_steps, method.assess
        )
        critic = _critic(config, policy, world)  # before the policy is wrapped
        trainer = Trainer(
            method.config,
            method.prompts,
            method.source,
            _updater(config, policy, world),
            folder,
            check_together,
            [samples.write, evaluator.after_step, loggers.after_step, *listeners],
            critic,
        )
        if resume:
            trainer.resume()
            report.resumed_at = trainer.step
            evaluator.resume(trainer.step)
        try:
            trainer.run()
        except Stopped:
            report.stopped = True
        report.n_steps = trainer.step
        loggers.close()
        if not report.stopped:
            if world.is_main:
                _save_model(policy, folder / "model")
            report.final = evaluator.last
    return report


def _rules(config: TrainConfig, debugger: Debugger, crediting: Crediting) -> Rules:
    return Rules(
        debugger.name,
        config.reward.call_s,
        debugger.budget_s,
        debugger.max_cost,
        crediting.wants_share,
    )


def _save_model(policy: Policy, folder: Path) -> None:
    try:
        policy.save(folder)
    except Exception as error:  # safetensors has errors of its own for a full disk
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder}: the model cannot be written: {reason}; --resume tries again"
        ) from None


def _check_share(config: TrainConfig, world: World) -> None:
    n = config.rollout.prompts_per_step
    if n < world.n:
        raise InputError(
            f"rollout.prompts_per_step is {n}, fewer than the {world.n} processes that share them"
        )
    engine = config.rollout.engine
    if engine != "transformers" and config.model.lora is not None:
        raise InputError(
            f"rollout.engine {engine} and model.lora do not go together: vLLM takes over whole "
            "weights"
        )
    if world.is_sharded and config.model.lora is not None:
        raise InputError("model.lora and FSDP: adapters leave nothing to shard; train without FSDP")


def open_sampler(
    config: TrainConfig, policy: Policy, folder: Path, world: World | None = None
) -> Sampler:
    """Where completions come from; each process has draws of its own.

    Args: folder: of the run.
    """
    world = world or World()
    options, seed = config.rollout, config.seed + 1_000_003 * world.rank
    if options.engine.startswith("http"):
        from egca.training.vllm_server import ServerSampler

        where = folder / "handover"
        return ServerSampler(policy, options, config.max_length, seed, where, world)
    if options.engine == "vllm":
        from egca.training.vllm_sampling import VllmSampler

        return VllmSampler(policy, options, config.max_length, seed)
    return PolicySampler(
        policy,
        max_tokens=options.max_completion_length,
        temperature=options.temperature,
        top_p=options.top_p,
        batch_size=options.batch_size,
        seed=seed,
    )


def _updater(config: TrainConfig, policy: Policy, world: World) -> Updater:
    temperature = config.rollout.temperature
    reference = None
    if config.objective.has_reference:
        reference = Reference(policy, temperature, config.chunk_tokens)
    scorer = Scorer(
        policy.model, temperature, config.chunk_tokens, shares_prompts=not world.is_sharded
    )
    return Updater(
        policy,
        Replica(scorer, world),
        reference,
        config.objective,
        micro_batch_tokens=config.micro_batch_tokens,
        importance_bound=config.rollout.importance_bound,
    )


def _critic(config: TrainConfig, policy: Policy, world: World) -> CriticUpdater | None:
    if not config.objective.has_critic:
        return None
    return CriticUpdater(
        policy,
        Replica(Critic(policy), world),
        config.objective,
        config.optimizer,
        micro_batch_tokens=config.micro_batch_tokens,
    )


def _open_folder(config: TrainConfig, folder: Path, resume: bool) -> None:
    """Make the folder of a run, or check that it holds the run to go on with."""
    file = folder / CONFIG
    if resume:
        if not file.is_file():
            raise InputError(f"{folder}: there is no run to resume: it has no {CONFIG}")
        if read_config(file).digest() != config.digest():
            raise InputError(f"{folder}: its {CONFIG} has other options than asked for; resume it "
                             "with `--resume` and the same options")  # fmt: skip
        return
    begun = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if begun - {CONFIG, ENVIRONMENT, LOG}:  # these alone: it ended before it could begin
        raise InputError(
            f"{folder}: not empty; --resume goes on with a run, or give another folder"
        )
    make_folder(folder)
    save_text(file, yaml.safe_dump(config.model_dump(), sort_keys=False))
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    _write(folder / ENVIRONMENT, {
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "versions": versions,
    })  # fmt: skip


def _write(file: Path, data: Any) -> None:
    save_text(file, json.dumps(data, indent=1))


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Tells whether SIGINT or SIGTERM has come; the same one again ends at once.

    A launcher answers the SIGINT of a terminal with a SIGTERM to processes that have both.
    """
    asked: set[int] = set()

    def ask(number: int, frame: FrameType | None) -> None:
        if number in asked:
            raise KeyboardInterrupt
        asked.add(number)

    names = (signal.SIGINT, signal.SIGTERM)
    old = [signal.signal(name, ask) for name in names]
    try:
        yield lambda: bool(asked)
    finally:
        for name, handler in zip(names, old, strict=True):
            signal.signal(name, handler)
