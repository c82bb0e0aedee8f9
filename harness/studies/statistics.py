"""Intervals and paired tests over seeds, and over seeds and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

_N_BOOTSTRAP = 10_000
_EXACT = 14  # differences whose signs are all tried; of more, a sample
_N_FLIPS = 20_000


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of the mean (percentiles, fixed seed).

    Of few values it is too narrow: at level 0.95 it covered the mean of 5 normal values in 83 % of
    4,000 simulated cases, of 10 in 91 %, of 30 in 94 %.

    >>> interval([1.0, 1.0])
    (1.0, 1.0)
    """
    data = np.asarray(values)
    draws = np.random.default_rng(0).integers(0, data.size, (_N_BOOTSTRAP, data.size))
    return _percentiles(data[draws].mean(1), level)


def two_way_interval(values: npt.NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of the mean of a (seeds, tasks) array, rows and columns both drawn again.

    A value counts as often as its seed and its task are drawn, so that the interval speaks of other
    seeds and other tasks than these. Percentiles, fixed seed.

    Source: Owen (2007), The pigeonhole bootstrap; no bootstrap of crossed data is exact, this one
    errs on the wide side (Owen and Eckles 2012, arXiv 1106.2125).

    >>> two_way_interval(np.array([[0.0, 1.0], [0.0, 1.0]]))
    (0.0, 1.0)
    """
    n_seeds, n_tasks = values.shape
    random = np.random.default_rng(0)
    seeds = random.integers(0, n_seeds, (_N_BOOTSTRAP, n_seeds))
    tasks = random.integers(0, n_tasks, (_N_BOOTSTRAP, n_tasks))
    over_tasks = (_counts(seeds, n_seeds) @ values) / n_seeds  # of each draw, (draws, tasks)
    return _percentiles((over_tasks * _counts(tasks, n_tasks)).mean(1), level)


def _counts(draws: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.float64]:
    """How often each of n things stands in each row of draws: shape (rows, n)."""
    rows = np.arange(len(draws))[:, None] * n
    counts = np.bincount((draws + rows).ravel(), minlength=len(draws) * n)
    return counts.reshape(-1, n).astype(np.float64)


def _percentiles(means: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_p(differences: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Two-sided p that the mean of paired differences is 0, by flipping signs (Fisher).

    Exact up to 14 differences that are not 0, else over 20,000 random flips and the signs as they
    are, which keeps it valid (Phipson and Smyth 2010). With n pairs it is at least 2^(1-n).

    >>> paired_p([1.0, 2.0, 3.0])
    0.25
    """
    data = np.asarray(differences, dtype=np.float64)
    data = data[data != 0.0]  # their signs change nothing
    if data.size <= _EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=data.size)))
    else:
        signs = np.random.default_rng(0).choice([1.0, -1.0], (_N_FLIPS + 1, data.size))
        signs[0] = 1.0
    sums = np.abs(signs @ data)
    return float(np.mean(sums >= abs(data.sum()) - 1e-12))


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
