"""From the credit of single completions to what the loss of a trainer multiplies with.

Pure functions on numpy arrays; the losses themselves live with the trainers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from egca.credit.advantages import FloatArray
from egca.errors import CreditError

Loss = Literal["sum", "sequence", "token", "constant"]


def for_loss(
    advantages: FloatArray, loss: Loss = "sequence", *, n_tokens: int | None = None
) -> FloatArray:
    """a_t as the loss of a trainer wants it, so that uniform credit is that trainer's plain A_i.

    Args:
        advantages: a of shape (T,), from TokenCredit or Contrast.
        loss: what the trainer does with the terms of a sequence:
            "sum": adds them up; a as it is.
            "sequence": divides each sequence by its own length (GRPO): T a.
            "token": divides all by the number of tokens in the batch (DAPO): T_i a. A long
                completion then weighs more, under uniform credit and any other alike.
            "constant": divides all by a constant length (Dr. GRPO): T_i a, likewise.
        n_tokens: T_i of the completion that the credit comes from, for a Contrast, which is
            shorter: it has to weigh as much as the tokens it is held against. Default T.

    >>> for_loss(np.array([0.0, -1.0, -1.0, 0.0]), "sequence")
    array([ 0., -4., -4.,  0.])
    >>> for_loss(np.array([1.0]), "token", n_tokens=4)
    array([4.])
    """
    own = advantages.size
    factors = {"sum": 1, "sequence": own, "token": n_tokens or own, "constant": n_tokens or own}
    return advantages * factors[loss]


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
