"""Group-relative advantages: how much better a completion did than its siblings.

Pure functions on numpy arrays. What a reward is, and how an advantage spreads over the tokens of
its completion, is decided elsewhere (egca/training, rules/)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from egca.errors import CreditError

FloatArray = npt.NDArray[np.float64]
Scale = Literal["sample", "population", "none"]


def group_advantages(
    rewards: npt.ArrayLike,
    groups: int | npt.ArrayLike,
    *,
    scale: Scale = "sample",
    eps: float = 1e-4,
) -> FloatArray:
    """A_i = (r_i - mean r) / (std r + eps), mean and std over the group of i.

    Args:
        rewards: r of shape (N,), finite, any unit.
        groups: the group size G, where siblings are consecutive (N divisible by G), or a label of
            shape (N,) for each completion, in any order.
        scale: "sample" divides by G - 1 within std, as TRL and verl do (torch.std); "population" by
            G; "none" leaves r_i - mean r as it is (Dr. GRPO).
        eps: keeps a group that hardly differs from blowing up; not used by "none".
    Returns: A of shape (N,). It is exactly 0, whatever the rounding of the mean, where all rewards
        of a group are equal, hence also in a group of one: `A_i == 0` is a safe test.
    Raises: CreditError for rewards that are not finite, groups that do not fit, a scale unknown.

    >>> group_advantages([1, 0, 0, 1, 1, 1], 3, scale="none").round(2)
    array([ 0.67, -0.33, -0.33,  0.  ,  0.  ,  0.  ])
    >>> group_advantages([1, 0, 0, 0], ["a", "b", "a", "b"], scale="population", eps=0.0)
    array([ 1.,  0., -1.,  0.])
    """
    values = np.asarray(rewards, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise CreditError(f"rewards must be finite and one row, got shape {values.shape}")
    if scale not in ("sample", "population", "none"):
        raise CreditError(f'scale is "sample", "population" or "none", not {scale!r}')
    index, n_groups = _group_index(groups, values.size)
    sizes = np.bincount(index, minlength=n_groups).astype(np.float64)
    highest, lowest = np.full(n_groups, -np.inf), np.full(n_groups, np.inf)
    np.maximum.at(highest, index, values)
    np.minimum.at(lowest, index, values)
    mean = np.bincount(index, values, n_groups) / sizes
    centred = np.where((highest == lowest)[index], 0.0, values - mean[index])
    if scale == "none":
        return centred
    freedom = np.maximum(sizes - (scale == "sample"), 1.0)
    std = np.sqrt(np.bincount(index, centred**2, n_groups) / freedom)
    divisor = std[index] + eps
    advantages: FloatArray = np.divide(
        centred, divisor, out=np.zeros_like(centred), where=divisor > 0
    )
    return advantages


def advantage_scale(rewards: npt.ArrayLike, advantages: npt.ArrayLike) -> float:
    """c of A_i = c (r_i - mean r), read off the group: 1 / std, or 1, as the trainer normalises.

    Rules that give values to prefixes need it, since a value is in the unit of r. Read where
    |r_i - mean r| is largest; 0 for a group whose rewards are all equal.

    >>> advantage_scale([1, 0, 0, 0], group_advantages([1, 0, 0, 0], 4, eps=0.0))
    2.0
    """
    values = np.asarray(rewards, dtype=np.float64)
    if values.max() == values.min():
        return 0.0
    centred = values - values.mean()
    strongest = int(np.argmax(np.abs(centred)))
    return float(np.asarray(advantages, dtype=np.float64)[strongest] / centred[strongest])


def advantage_part(
    part: npt.ArrayLike, rewards: npt.ArrayLike, advantages: npt.ArrayLike, group_size: int
) -> FloatArray:
    """What one of several added rewards contributes to each A_i: c (p_i - mean p).

    A_i = c (r_i - mean r) is linear in r_i, so with r_i = p_i + q_i it is the sum of what p and q
    contribute, and only what the tests contribute is a matter of where a program goes wrong. Where
    p and q nearly cancel, both are far larger than A_i; so c is lowered until no part exceeds the
    largest |A_i| of its group.

    Args:
        part: p of shape (N,), the weighted reward asked about.
        rewards: r of shape (N,), the sum of all weighted rewards.
        advantages: A of shape (N,), however they were scaled.
        group_size: G; siblings are consecutive.
    Returns: shape (N,); 0 in groups whose r_i are all equal, where A_i = 0.
    Raises: CreditError for shapes that do not fit.

    >>> advantages = group_advantages([1, 0, 0.5, 0.5], 4, scale="none")
    >>> advantage_part([0.5, 0, 0, 0], [1, 0, 0.5, 0.5], advantages, 4)
    array([ 0.375, -0.125, -0.125, -0.125])
    >>> advantage_part([1, 0], [0.1, 0], [0.05, -0.05], 2)  # q is [-0.9, 0]
    array([ 0.05, -0.05])
    """
    shares, sums, found = (np.asarray(v, dtype=np.float64) for v in (part, rewards, advantages))
    if not shares.shape == sums.shape == found.shape or shares.ndim != 1:
        raise CreditError(
            f"rewards and advantages differ in shape: {shares.shape}, {sums.shape}, {found.shape}"
        )
    index, n_groups = _group_index(group_size, sums.size)
    parts = np.zeros_like(sums)
    for group in (index == k for k in range(n_groups)):
        centred = shares[group] - shares[group].mean()
        widest = np.abs(centred).max()
        if widest > 0:
            # Advantages made in float32 may disagree in sign where rewards differ by rounding.
            scale = max(advantage_scale(sums[group], found[group]), 0.0)
            parts[group] = centred * min(scale, np.abs(found[group]).max() / widest)
    return parts


def _group_index(groups: int | npt.ArrayLike, n: int) -> tuple[npt.NDArray[np.intp], int]:
    """Group number of each of n completions, and how many groups there are."""
    if isinstance(groups, int | np.integer):
        if groups < 1 or n % groups:
            raise CreditError(f"{n} rewards are no whole groups of {groups}")
        return np.arange(n) // groups, int(n // groups)
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise CreditError(f"one group label per reward: {n} rewards, labels {labels.shape}")
    names, index = np.unique(labels, return_inverse=True)
    return index, names.size
