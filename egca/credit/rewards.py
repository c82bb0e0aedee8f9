"""What a completion is worth before the group is compared: 1 or 0, or graded by its failure."""

from __future__ import annotations

from collections.abc import Callable

from egca.errors import CreditError
from egca.types import Cause

Reward = Callable[[Cause, float], float]

_COMPILE = (Cause.COMPILE, Cause.MISSING_ENTRY_POINT)


def binary(cause: Cause, share_passed: float) -> float:
    """r = 1 if every test passes, else 0 (GRPO, EGCA).

    >>> binary(Cause.NONE, 1.0), binary(Cause.WRONG_OUTPUT, 0.9)
    (1.0, 0.0)
    """
    return float(_share(share_passed) == 1.0)


def graded(cause: Cause, share_passed: float) -> float:
    """+1 passes, -0.3 wrong output, -0.6 an error while it runs, -1 does not compile.

    Source: CodeRL, taken over by RLTF (coarse feedback) and StepCoder. A timeout counts as an
    error while it runs.

    >>> [graded(c, 0.5) for c in (Cause.WRONG_OUTPUT, Cause.EXCEPTION, Cause.COMPILE)]
    [-0.3, -0.6, -1.0]
    """
    if _share(share_passed) == 1.0:
        return 1.0
    if cause in _COMPILE:
        return -1.0
    return -0.3 if cause is Cause.WRONG_OUTPUT else -0.6


def graded_and_adaptive(cause: Cause, share_passed: float) -> float:
    """The graded reward plus -0.3 + 1.3 x share of the tests passed.

    Source: RLTF adds a coarse and an adaptive policy loss, which is one with the sum of the two
    rewards.

    >>> graded_and_adaptive(Cause.WRONG_OUTPUT, 0.5)
    0.05
    """
    return round(graded(cause, share_passed) - 0.3 + 1.3 * share_passed, 12)


REWARDS: dict[str, Reward] = {
    "binary": binary,
    "graded": graded,
    "graded_and_adaptive": graded_and_adaptive,
}


def _share(share_passed: float) -> float:
    if not 0.0 <= share_passed <= 1.0:
        raise CreditError(f"the share of tests passed lies between 0 and 1, got {share_passed}")
    return share_passed
