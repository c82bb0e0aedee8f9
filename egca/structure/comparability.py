"""When a program is near enough to its reference that the two can be compared step by step.

One number against one threshold; the number is made in similarity.py, the threshold is calibrated
by harness/calibration/comparability.py."""

from __future__ import annotations

from egca.structure.similarity import similarity

# results/measured/comparability.json: the largest threshold that keeps 98 % of other correct
# programs in each group of them; a test holds the two together.
THRESHOLD = 0.21


def is_comparable(
    program: str, reference: str, entry_point: str = "", threshold: float = THRESHOLD
) -> bool:
    """I_cmp: whether two programs' control flow is at least `threshold` (in [0, 1]) alike.

    >>> is_comparable("def f(n):\\n    return n + 1", "def f(n):\\n    return n - 1", "f")
    True
    """
    return similarity(program, reference, entry_point) >= threshold
