"""What a learning curve says in one number, of what a run left (runs.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SMOOTH = 10  # steps over which a pass rate is averaged before it is compared with a target
TARGET = 0.2  # above where the curve begins
# What a page says beside `bounded`.
BOUNDED = (
    "Where only some seeds reach the target, the mean takes the last step for the others, so the "
    "true one is higher: > mean (how many reach it); a dash where none does."
)


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


def bounded(steps: Sequence[int | None], n_steps: int) -> str:
    """The mean of steps to a target as far as it is known, where not all runs reach it.

    Args:
        steps: None for a run that does not. n_steps: of a run.

    >>> bounded([144, None, 139, None], 150), bounded([None, None], 150), bounded([40, 41], 150)
    ('> 146 (2 of 4)', '- (0 of 2)', '40')
    """
    n_reached = sum(step is not None for step in steps)
    mean = np.mean([n_steps if step is None else step for step in steps])
    if n_reached == len(steps):
        return f"{mean:.0f}"
    return f"{f'> {mean:.0f}' if n_reached else '-'} ({n_reached} of {len(steps)})"
