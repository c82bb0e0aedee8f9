"""Metrics for others to draw: TensorBoard, trackio and wandb, through the trackers of accelerate.

metrics.jsonl is written whatever happens here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.training.config import TrainConfig

_PROJECT = "egca"


class Loggers:
    """Sends a run's metrics to loggers.

    Args:
        names: of the loggers. config: of the run, sent along.
        folder: of the run; its name is the run's, and TensorBoard's files go to its `tensorboard`.
        say: called with a line where a logger fails; the run goes on without it.
    Raises: InputError for one that does not start.
    """

    def __init__(
        self, names: Sequence[str], config: TrainConfig, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._say = say
        self._open: dict[str, Any] = {}
        for name in names:
            try:
                self._open[name] = _started(name, config, folder)
            except Exception as error:  # whatever a service of others makes of our request
                raise InputError(f"loggers: {name} does not start: {_one_line(error)}") from None

    def after_step(self, step: int, metrics: dict[str, Any], groups: Sequence[Any]) -> None:
        """A listener of the trainer."""
        self._each("log", flat(metrics), step=step)

    def close(self) -> None:
        """Send what is left."""
        self._each("finish")

    def _each(self, method: str, *args: Any, **more: Any) -> None:
        for name, tracker in list(self._open.items()):
            try:
                getattr(tracker, method)(*args, **more)
            except Exception as error:  # a service that is gone is no reason to stop training
                del self._open[name]
                self._say(f"loggers: {name} failed and is left out: {_one_line(error)}")


def check_installed(names: Sequence[str]) -> None:
    """Raises: InputError for the first logger that is not there."""
    for name in names:
        if find_spec(name) is None:
            raise InputError(f"loggers: {name} is not installed: pip install {name}")


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Numbers by path, without those that are not finite.

    >>> flat({"reward": 0.5, "modes": {"logic": 1.0}, "kl": math.nan})
    {'reward': 0.5, 'modes/logic': 1.0}
    """
    found: dict[str, float] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and math.isfinite(value):
            found[prefix + name] = value
    return found


def _started(name: str, config: TrainConfig, folder: Path) -> Any:
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # accelerate's own log asks it who is the main process
    kind: Any = LOGGER_TYPE_TO_CLASS[name]
    tracker = kind(name, folder) if name == "tensorboard" else kind(_PROJECT, name=folder.name)
    tracker.start()
    tracker.store_init_configuration(_texts(config.model_dump()))
    return tracker


def _texts(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Options by path, as trackers take them: numbers and texts."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= _texts(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value if isinstance(value, int | float | str) else str(value)
    return found


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
