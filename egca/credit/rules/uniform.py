"""Every token the same: GRPO, what every other rule is held against and falls back to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.strategy import Context


def uniform(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = A_i / T_i, whatever the mode and the place.

    Source: GRPO (DeepSeekMath, arXiv 2402.03300): A_i on every token of a loss that divides by T_i.

    >>> uniform([Evidence([5, 6, 7, 8], 0.0, -1.0, "logic", located=[2])], Context())
    [array([-0.25, -0.25, -0.25, -0.25])]
    """
    return [evenly(evidence) for evidence in group]


def evenly(evidence: Evidence, amount: float | None = None) -> FloatArray:
    """`amount` (A_i unless given) spread over all tokens."""
    total = evidence.advantage if amount is None else amount
    return np.full(evidence.n_tokens, total / evidence.n_tokens)


def spread_over(evidence: Evidence, tokens: Sequence[int]) -> FloatArray:
    """A_i spread over some tokens, 0 elsewhere; repeats count once. At least one token."""
    credit = np.zeros(evidence.n_tokens)
    credit[list(tokens)] = evidence.advantage / len(set(tokens))
    return credit
