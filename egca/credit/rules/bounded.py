"""Ours: the place of the published rule, with less than all of A_i on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.rules.spans import concentrated, published
from egca.credit.rules.uniform import evenly
from egca.credit.strategy import Context
from egca.errors import CreditError


def egca_cap(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """The published credit with its multiplier T_i / |S| bounded by `cap`, the rest spread evenly.

    a_{i,t} = A_i cap / T_i on S where T_i / |S| > cap, and A_i (1 - cap |S| / T_i) shared by the
    other tokens.
    Source: ours.

    >>> from egca.credit.options import Options
    >>> group = [Evidence([5, 6, 7, 8], 0.0, -1.0, "logic", located=[1])]
    >>> [credit.round(3) for credit in egca_cap(group, Context(Options(cap=2.0)))]
    [array([-0.167, -0.5  , -0.167, -0.167])]
    """
    rows = []
    for evidence in group:
        credit = concentrated(evidence, published(evidence))
        if evidence.advantage:
            weights = capped(credit / evidence.advantage, context.options.cap)
            credit = evidence.advantage * weights
        rows.append(credit)
    return rows


def egca_mask(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = A_i / T_i on S and 0 elsewhere: what is not at fault is left alone.

    With V(prefix) the chance to pass, credit is V after minus V before: 0 on a prefix that is still
    right, and 0 after the error, where r = V = 0. The sum is A_i |S| / T_i, not A_i. Uniform where
    the published rule is.
    Source: ours.

    >>> egca_mask([Evidence([5, 6, 7, 8], 0.0, -1.0, "logic", located=[1])], Context())
    [array([ 0.  , -0.25,  0.  ,  0.  ])]
    """
    rows = []
    for evidence in group:
        located = published(evidence)
        credit = evenly(evidence)
        if located and evidence.advantage < 0:
            outside = np.ones(evidence.n_tokens, dtype=bool)
            outside[list(located)] = False
            credit[outside] = 0.0
        rows.append(credit)
    return rows


def capped(weights: FloatArray, cap: float) -> FloatArray:
    """Bound T w_t by `cap`, and spread what exceeds it evenly over the tokens below the bound.

    Args:
        weights: w of shape (T,), w >= 0, sum(w) = 1.
        cap: at least 1, since the multipliers average 1; 1 gives uniform weights.
    Returns: min(w + level, cap / T) with the one level >= 0 that keeps the sum at 1; the order of
        tokens by weight is kept, and weights within the bound stay as they are.
    Raises: CreditError for a cap under 1.

    >>> capped(np.array([0.0, 1.0, 0.0, 0.0]), 2.0).round(3)
    array([0.167, 0.5  , 0.167, 0.167])
    """
    if not cap >= 1:
        raise CreditError(f"a cap is at least 1, got {cap}")
    n_tokens = weights.size
    bound = cap / n_tokens
    if weights.max() <= bound:
        return weights
    falling = np.sort(weights)[::-1]
    n_bound = np.arange(n_tokens)  # the n strongest at the bound, the others raised to the level
    below = 1.0 - np.concatenate([[0.0], np.cumsum(falling)[:-1]])
    levels = (1.0 - n_bound * bound - below) / (n_tokens - n_bound)
    # The right n is the first whose next strongest stays within the bound; at a cap of 1 rounding
    # may hide it, and all are at the bound.
    fits = falling + levels <= bound * (1 + 1e-12)
    if not fits.any():
        return np.full(n_tokens, 1.0 / n_tokens)
    limited: FloatArray = np.minimum(weights + levels[int(np.argmax(fits))], bound)
    return limited
