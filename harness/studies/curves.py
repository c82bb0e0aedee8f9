"""What a learning curve says in one number, of what a run left (runs.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SMOOTH = 10  # steps over which a pass rate is averaged before it is compared with a target
TARGET = 0.2  # above where the curve begins


def area(left: dict[str, Any]) -> float:
    """Mean pass rate over the steps of a run."""
    return float(np.mean(left["curves"]["pass_rate"]))


def validated(left: dict[str, Any]) -> float:
    """What learning rates are chosen by: sampled pass@1 of a tuning run on held-out problems."""
    return float(left["final"]["sampled"]["pass_at_1"])


def smoothed(curve: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Means over SMOOTH steps, or over all where there are fewer; SMOOTH - 1 shorter.

    >>> smoothed([0.0, 1.0]).tolist()
    [0.5]
    """
    values = np.asarray(curve, dtype=np.float64)
    n = min(SMOOTH, values.size)
    return np.convolve(values, np.ones(n) / n, "valid")


def steps_to_target(left: dict[str, Any], target: float) -> int | None:
    """The first step at whose end the mean of the last few pass rates reaches a target."""
    curve = left["curves"]["pass_rate"]
    reached = np.nonzero(smoothed(curve) >= target)[0]
    return int(reached[0]) + min(SMOOTH, len(curve)) if reached.size else None
