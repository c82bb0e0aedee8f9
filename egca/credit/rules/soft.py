"""Credit that fades with the distance from the place, from binary to uniform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.rules.spans import published
from egca.credit.rules.uniform import evenly
from egca.credit.strategy import Context


def soft(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = A_i exp(-d_t / tau) / sum_u exp(-d_u / tau), d in statements from the place.

    d_t counts the statements between that of token t and the nearest one with a located token. A
    token of no statement (indentation, a comment) has the d of the nearest token of one, the
    earlier of two. In a program without statements (it does not compile) the located tokens are
    one, with d = 1 all around. tau = 0 leaves the statements at the place, inf is uniform. Where
    the published rule is uniform so is this.
    Source: EGCA, ablation of the mask; the distance is inferred.

    >>> group = [Evidence([5, 6, 7], 0.0, -1.0, "logic", located=[1], statements=[[0], [1], [2]])]
    >>> [credit.round(3) for credit in soft(group, Context())]
    [array([-0.212, -0.576, -0.212])]
    """
    return [_faded(evidence, context.options.temperature) for evidence in group]


def _faded(evidence: Evidence, temperature: float) -> FloatArray:
    located = published(evidence)
    if not located or evidence.advantage >= 0:
        return evenly(evidence)
    distance = distances(evidence, located)
    if temperature == 0:
        weights = (distance == 0).astype(np.float64)
    else:
        weights = np.exp(-distance / temperature)
    credit: FloatArray = evidence.advantage * weights / weights.sum()
    return credit


def distances(evidence: Evidence, tokens: Sequence[int]) -> FloatArray:
    """d of each token, shape (T_i,), as `soft` counts it.

    >>> distances(Evidence(range(6), 0.0, -1.0, "logic", statements=[[1], [3], [4, 5]]), [5])
    array([2., 2., 2., 1., 0., 0.])
    """
    statement = np.full(evidence.n_tokens, -1)
    for index, members in enumerate(evidence.statements):
        statement[list(members)] = index
    inside = np.flatnonzero(statement >= 0)
    if not inside.size:
        around = np.ones(evidence.n_tokens)
        around[list(tokens)] = 0.0
        return around
    every = np.arange(evidence.n_tokens)
    behind = np.searchsorted(inside, every)  # of two neighbours the earlier wins a tie
    left, right = inside[np.maximum(behind - 1, 0)], inside[np.minimum(behind, inside.size - 1)]
    statement = statement[np.where(abs(every - left) <= abs(right - every), left, right)]
    places = np.unique(statement[list(tokens)])
    nearest = np.abs(statement[:, None] - places[None, :]).min(axis=1)
    return np.asarray(nearest, dtype=np.float64)
