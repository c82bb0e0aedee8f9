"""Intervals and paired tests over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

_N_BOOTSTRAP = 10_000
_EXACT = 14  # differences whose signs are all tried; of more, a sample


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of the mean (percentiles, fixed seed).

    >>> interval([1.0, 1.0])
    (1.0, 1.0)
    """
    data = np.asarray(values)
    draws = np.random.default_rng(0).integers(0, data.size, (_N_BOOTSTRAP, data.size))
    low, high = np.quantile(data[draws].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_p(differences: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Two-sided p that the mean of paired differences is 0, by flipping signs (Fisher).

    Exact up to 14 differences, else over 20,000 random flips. With n pairs it is at least 2^(1-n).

    >>> paired_p([1.0, 2.0, 3.0])
    0.25
    """
    data = np.asarray(differences, dtype=np.float64)
    if data.size <= _EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=data.size)))
    else:
        signs = np.random.default_rng(0).choice([1.0, -1.0], (20_000, data.size))
    means = np.abs(signs @ data)
    return float(np.mean(means >= abs(data.sum()) - 1e-12))


def lowest_p(n_pairs: int) -> float:
    """What `paired_p` cannot fall below with so many pairs: 2^(1-n).

    >>> lowest_p(5)
    0.0625
    """
    return 2.0 ** (1 - n_pairs)


def holm(ps: Sequence[float]) -> list[float]:
    """p values after Holm's correction for that many tests, in the given order.

    Source: Holm (1979), a simple sequentially rejective multiple test procedure.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(ps)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = highest
    return corrected


def effect_size(differences: Sequence[float] | npt.NDArray[np.float64]) -> float | None:
    """Mean of paired differences in units of their standard deviation (Cohen's d_z).

    None for fewer than two, or where all are equal: the spread is not known then.

    >>> effect_size([1.0, 2.0, 3.0])
    2.0
    """
    data = np.asarray(differences, dtype=np.float64)
    spread = float(data.std(ddof=1)) if data.size > 1 else 0.0
    return float(data.mean()) / spread if spread > 1e-12 else None
