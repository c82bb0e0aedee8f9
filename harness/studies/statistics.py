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
