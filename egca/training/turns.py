"""What is said of dialogues: who solves how many at which turn, how programs fail, how much they
change, and what the same number of programs would have given without feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

_ORDERS = 6  # chrF: n-grams of characters up to this length
_BETA = 2.0  # and recall weighs so much more than precision


def n_at_k(outcomes: Sequence[tuple[bool, bool]], n: int, k: int) -> float:
    """Chance that one of n answers is right, picked from k programs by their public tests.

    Args:
        outcomes: (passes the public tests, is right) of each program; who is right passes them.
        n, k: answers handed in, programs drawn without putting back; k <= len(outcomes).
    Returns: the exact mean over all draws; where more than n programs pass the public tests, n of
        them are picked at random.
    Source: AlphaCode (arXiv 2203.07814), n@k; RLEF (arXiv 2410.02089) compares by it.

    >>> n_at_k([(True, True), (False, False)], 1, 1), n_at_k([(True, True), (False, False)], 1, 2)
    (0.5, 1.0)
    >>> n_at_k([(True, True), (True, False)], 1, 2)
    0.5
    """
    if not 1 <= n <= k <= len(outcomes):
        raise ValueError(f"n@k needs 1 <= n <= k <= {len(outcomes)}, got {n}@{k}")
    n_right = sum(is_right for _, is_right in outcomes)
    n_passing = sum(passes and not is_right for passes, is_right in outcomes)
    n_other = len(outcomes) - n_right - n_passing
    total = 0.0
    for right in range(1, min(n_right, k) + 1):
        for passing in range(min(n_passing, k - right) + 1):
            ways = comb(n_right, right) * comb(n_passing, passing)
            ways *= comb(n_other, k - right - passing)
            missed = comb(passing, n) / comb(right + passing, n) if right + passing > n else 0.0
            total += ways * (1.0 - missed)
    return total / comb(len(outcomes), k)


def chrf(text: str, reference: str) -> float:
    """chrF2 of two texts, in [0, 1]; 1 where they are equal but for whitespace.

    Source: Popovic, chrF (WMT 2015): the F-score, beta 2, of the mean precision and the mean recall
    over n-grams of 1 to 6 characters, blanks left out. Orders for which one of the texts is too
    short do not count, as in sacreBLEU.

    >>> chrf("abc d", "abcd"), chrf("abc", "xyz"), round(chrf("abcdef", "abcxef"), 3)
    (1.0, 0.0, 0.281)
    """
    mine, theirs = "".join(text.split()), "".join(reference.split())
    precisions, recalls = [], []
    for order in range(1, _ORDERS + 1):
        a, b = _grams(mine, order), _grams(theirs, order)
        if not a or not b:
            continue
        n_same = (a & b).total()
        precisions.append(n_same / a.total())
        recalls.append(n_same / b.total())
    if not precisions:
        return float(mine == theirs)
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    weight = _BETA**2
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else 0.0


def _grams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))
