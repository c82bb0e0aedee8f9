"""The debugger of a run, where it is a local model: one vLLM server for all processes of the run.

Without it each process that judges, on each GPU, would load an engine of its own, whose default is
most of the GPU's memory, and the trainer has the rest of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from egca.credit import find_strategy
from egca.debuggers.registry import DEBUGGERS, check_name
from egca.errors import MissingExtraError
from egca.providers.needs import is_installed
from egca.providers.registry import meant
from egca.providers.serving import ADDRESS, served
from egca.training.config import Debugger, TrainConfig
from egca.training.distributed import World
from egca.training.places import TRACED_NEEDS

LOG = "debugger.log"  # what the server says, in the run's folder


@contextmanager
def served_debugger(
    config: TrainConfig, folder: Path, world: World, say: Callable[[str], None]
) -> Iterator[Debugger]:
    """The run's options of its debugger, with the name that its processes open it by.

    A server that EGCA_BASE_URL names is taken; else, where the model is one for vLLM and the run
    asks it anything, the main process starts one, and stops it behind the block.

    Raises: MissingExtraError without vLLM; InputError naming the log where it does not come up, or
        an unknown debugger; ProviderError for an unknown model.
    """
    options = config.debugger
    form, name = check_name(options.name)
    is_model = form in DEBUGGERS and form != "trace"
    provider, model = meant(name) if is_model else ("", "")
    if provider != "vllm" or not questions_of(config):
        yield options
        return
    if not is_installed("openai"):
        raise MissingExtraError(f"debugger {options.name}, which is asked as a server,", "llm")
    with ExitStack() as stack:
        given: dict[str, str] = {}
        if world.is_main:
            if not os.environ.get(ADDRESS):
                say(f"starting a server of {model}; what it says stands in {folder / LOG}")
            given = stack.enter_context(served(model, folder / LOG))
        mine = given.get(ADDRESS) or os.environ.get(ADDRESS, "")
        stack.enter_context(_at(world.gather(mine)[0]))
        yield options.model_copy(update={"name": f"{form}:openai:{model}"})


def questions_of(config: TrainConfig) -> list[str]:
    """What a run asks its debugger, in words; nothing where it has no question."""
    questions = {
        "places in failing completions in logic mode with A < 0": _asks_places(config),
        "constraints of every problem, once": _asks_constraints(config),
        "a score of every completion": _asks_scores(config),
    }
    return [question for question, is_asked in questions.items() if is_asked]


def shared_out(options: Debugger, config: TrainConfig, world: World) -> Debugger:
    """The debugger's options with an even part of the run's ceiling for each process that asks.

    A ceiling is kept by the process that pays, and no process knows what the others have paid: one
    for constraints, each that judges for places, each that trains for scores.
    """
    if options.max_cost is None:
        return options
    n = world.n * (config.reward.workers * _asks_places(config) + _asks_scores(config))
    n += _asks_constraints(config)
    return options.model_copy(update={"max_cost": options.max_cost / max(n, 1)})


def _asks_places(config: TrainConfig) -> bool:
    return bool(find_strategy(config.credit.strategy).needs.keys() - TRACED_NEEDS)


def _asks_constraints(config: TrainConfig) -> bool:
    return find_strategy(config.credit.strategy).constraints


def _asks_scores(config: TrainConfig) -> bool:
    return config.reward.critique > 0 and config.teacher.model is None


@contextmanager
def _at(address: str) -> Iterator[None]:
    """The server's address where debuggers look for it."""
    before = os.environ.get(ADDRESS)
    os.environ[ADDRESS] = address
    try:
        yield
    finally:
        if before is None:
            del os.environ[ADDRESS]
        else:
            os.environ[ADDRESS] = before
