"""Token weights: which tokens of a completion carry its advantage.

Pure functions on numpy arrays: no torch, files, clock or model here. A new rule is a function below
and a line in STRATEGIES; what a trainer does with weights is decided in egca/training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np

from egca.credit.advantages import FloatArray
from egca.errors import CreditError
from egca.types import Mode

CreditStrategy = Callable[[Mode, float, int, Sequence[int]], FloatArray]

# Modes whose error has a place, found by compiler, traceback or localization.
LOCATED_MODES = frozenset({Mode.SYNTAX, Mode.LOGIC})


def uniform(mode: Mode, advantage: float, n_tokens: int, located: Sequence[int] = ()) -> FloatArray:
    """Every token carries the same: plain GRPO, whatever the mode and the place.

    >>> uniform(Mode.LOGIC, -1.0, 4, located=[2])
    array([0.25, 0.25, 0.25, 0.25])
    """
    _check(n_tokens, located)
    return np.full(n_tokens, 1.0 / n_tokens)


def concentrated(
    mode: Mode, advantage: float, n_tokens: int, located: Sequence[int] = ()
) -> FloatArray:
    """Put a completion's whole credit on the tokens where it went wrong.

    Args:
        mode, advantage: outcome of the gate; A_i of the group, unitless, only its sign is read.
        n_tokens: T_i, completion tokens without prompt and padding, at least 1.
        located: token indices of T_err or T_k* in [0, T_i), repeats count once; empty when nothing
            was found.
    Returns: w of shape (T_i,), w >= 0, sum(w) = 1, hence sum_t A_i w_t = A_i.
    Raises: CreditError if an index lies outside the completion. An empty `located` is no error.
    Source: EGCA, token-advantage equation. Uniform for A_i > 0 is ours: it would reinforce the bug.

    >>> concentrated(Mode.LOGIC, -1.0, 4, located=[2])
    array([0., 0., 1., 0.])
    >>> concentrated(Mode.LOGIC, 1.0, 4, located=[2])
    array([0.25, 0.25, 0.25, 0.25])
    """
    _check(n_tokens, located)
    if mode not in LOCATED_MODES or fallback(mode, advantage, located):
        return uniform(mode, advantage, n_tokens)
    weights = np.zeros(n_tokens)
    weights[list(located)] = 1.0
    weights /= weights.sum()
    return weights


STRATEGIES: dict[str, CreditStrategy] = {"egca": concentrated, "uniform": uniform}


class Fallback(StrEnum):
    """Why a completion with a located mode got uniform weights all the same."""

    POSITIVE_ADVANTAGE = "positive_advantage"  # concentrating would reinforce the bug
    ZERO_ADVANTAGE = "zero_advantage"  # nothing to distribute, and nothing was localized
    NOTHING_LOCATED = "nothing_located"  # no span, or a span outside the completion


@dataclass(frozen=True, slots=True, eq=False)
class TokenCredit:
    """Where the advantage of one completion goes.

    weights has shape (T_i,), is >= 0 and sums to 1. max_multiplier is max_t T_i w_t, how much more
    than under plain GRPO the strongest token gets (1 when uniform): log it, it drives the gradient
    norm. fallback is None where the strategy was applied as it is.
    """

    weights: FloatArray
    mode: Mode
    max_multiplier: float
    fallback: Fallback | None = None


def needs_localization(mode: Mode, advantage: float) -> bool:
    """Whether a place would change the weights: only for a located mode with A_i < 0.

    A_i = 0 (all of a group failed or passed) moves nothing, A_i > 0 falls back to uniform.

    >>> [needs_localization(Mode.LOGIC, a) for a in (-0.5, 0.0, 0.5)]
    [True, False, False]
    >>> needs_localization(Mode.CONSTRAINT, -0.5)
    False
    """
    return mode in LOCATED_MODES and advantage < 0


def fallback(mode: Mode, advantage: float, located: Sequence[int]) -> Fallback | None:
    """Why a located mode is treated uniformly, or None; None for the other modes."""
    if mode not in LOCATED_MODES:
        return None
    if advantage > 0:
        return Fallback.POSITIVE_ADVANTAGE
    if advantage == 0:
        return Fallback.ZERO_ADVANTAGE
    return None if located else Fallback.NOTHING_LOCATED


def assign(
    mode: Mode,
    advantage: float,
    n_tokens: int,
    located: Sequence[int] = (),
    *,
    strategy: str | CreditStrategy = "egca",
    cap: float | None = None,
) -> TokenCredit:
    """Weights of one completion under a strategy, checked, with what a log wants to know.

    Args:
        strategy: a name in STRATEGIES, or a function like those.
        cap: bound on the multiplier T_i w_t, at least 1; None leaves it unbounded, as published.
    Raises: CreditError for an unknown strategy, indices outside the completion, or weights of a
        strategy that are negative or do not sum to 1.

    >>> assign(Mode.LOGIC, -1.0, 8, [3], cap=4.0).max_multiplier
    4.0
    >>> assign(Mode.SYNTAX, -1.0, 8).fallback
    <Fallback.NOTHING_LOCATED: 'nothing_located'>
    """
    mode = Mode(mode)
    if isinstance(strategy, str):
        if strategy not in STRATEGIES:
            raise CreditError(f"no credit strategy {strategy!r}; there are {', '.join(STRATEGIES)}")
        rule = STRATEGIES[strategy]
    else:
        rule = strategy
    if not np.isfinite(advantage):
        raise CreditError(f"the advantage must be finite, got {advantage}")
    weights = np.asarray(rule(mode, advantage, n_tokens, located), dtype=np.float64)
    if weights.shape != (n_tokens,) or not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-6:
        raise CreditError(
            f"strategy {strategy!r} must give {n_tokens} weights >= 0 that sum to 1, "
            f"got shape {weights.shape} with sum {weights.sum():.6g}"
        )
    if cap is not None:
        weights = capped(weights, cap)
    reason = None if rule is uniform else fallback(mode, advantage, located)
    return TokenCredit(weights, mode, float(weights.max() * n_tokens), reason)


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


def per_token_advantages(
    advantage: float, weights: FloatArray, *, loss: Literal["sum", "sequence_mean"] = "sum"
) -> FloatArray:
    """a_t for a loss that adds a completion's tokens up, or one that divides them by T_i.

    "sum" gives A_i w_t, which sums to A_i; "sequence_mean" A_i T_i w_t, whose mean is A_i, so that
    uniform weights are plain GRPO's A_i on every token.

    >>> per_token_advantages(-2.0, np.array([0.0, 0.5, 0.5, 0.0]), loss="sequence_mean")
    array([-0., -4., -4., -0.])
    """
    return advantage * weights * (weights.size if loss == "sequence_mean" else 1)


def pad(
    rows: Sequence[FloatArray],
    n_columns: int | None = None,
    *,
    side: Literal["left", "right"] = "right",
) -> FloatArray:
    """Stack rows of different length into (B, T), zeros where a row has no token.

    Args:
        rows: arrays of shape (T_i,).
        n_columns: T; the longest row when None.
        side: where the zeros go; completions are padded on the right by every trainer we serve.
    Raises: CreditError if a row is longer than n_columns.

    >>> pad([np.array([1.0]), np.array([0.5, 0.5])])
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    width = max((row.size for row in rows), default=0) if n_columns is None else n_columns
    batch = np.zeros((len(rows), width))
    for i, row in enumerate(rows):
        if row.size > width:
            raise CreditError(f"row {i} has {row.size} tokens, more than {width} columns")
        if side == "right":
            batch[i, : row.size] = row
        else:
            batch[i, width - row.size :] = row
    return batch


def _check(n_tokens: int, located: Sequence[int]) -> None:
    if n_tokens < 1:
        raise CreditError(f"a completion has at least one token, got {n_tokens}")
    for index in located:
        if not 0 <= index < n_tokens:
            raise CreditError(f"token {index} lies outside a completion of {n_tokens} tokens")
