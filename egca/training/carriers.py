"""Sequences that begin others, which a causal model need not read again.

The turns of a dialogue are rows of their own, and each is where the next one begins: one pass over
the last turn has the hidden states of all, with the same gradients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def carriers_of(sequences: Sequence[list[int]]) -> list[int]:
    """For each sequence the index of one that begins with it; its own where no other does.

    A carrier carries itself.

    >>> carriers_of([[1], [1, 2, 3], [1, 2], [4]])
    [1, 1, 1, 3]
    """
    order = sorted(range(len(sequences)), key=lambda i: sequences[i])
    found = list(range(len(sequences)))
    # Whatever begins with a sequence follows it in this order without a gap.
    for at, after in reversed(list(pairwise(order))):
        if sequences[after][: len(sequences[at])] == sequences[at]:
            found[at] = found[after]
    return found
