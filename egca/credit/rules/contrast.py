"""Ours: lower the wrong span and raise its verified repair, in the same context.

The published rule says only what was wrong. Where the localizer found a small edit that makes every
input right, the tokens of that edit are what should have stood there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from egca.credit.evidence import Evidence, TokenRepair
from egca.credit.offsets import tokens_in_span
from egca.credit.rules.spans import published
from egca.credit.strategy import Contrast
from egca.types import Mode


def repaired_place(evidence: Evidence) -> Sequence[int] | None:
    """The tokens that a verified repair replaces, else the published place.

    >>> repair = TokenRepair(1, 2, (9,))
    >>> repaired_place(Evidence([5, 6, 7], 0.0, -1.0, "logic", located=[0, 1], repair=repair))
    range(1, 2)
    """
    if evidence.mode is Mode.LOGIC and evidence.repair:
        return range(evidence.repair.start, evidence.repair.end)
    return published(evidence)


def contrast(evidence: Evidence) -> Contrast | None:
    """+|A_i| on the tokens of the repair, behind the prefix that the wrong span has.

    The sampled completion has A_i on the tokens that the repair replaces and 0 on every other, this
    item |A_i| / n on its n tokens: together they sum to 0. None unless A_i < 0 and there is a
    repair.
    Source: ours.

    >>> repair = TokenRepair(1, 2, (9, 8))
    >>> contrast(Evidence([5, 6, 7], 0.0, -1.0, "logic", repair=repair))
    Contrast(prefix_length=1, token_ids=(9, 8), advantages=array([0.5, 0.5]))
    """
    repair = evidence.repair
    if repair is None or evidence.mode is not Mode.LOGIC or evidence.advantage >= 0:
        return None
    n = len(repair.token_ids)
    return Contrast(repair.start, repair.token_ids, np.full(n, -evidence.advantage / n))


def token_repair(
    token_ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    text: str,
    completion_range: tuple[int, int],
    replacement: str,
    encode: Callable[[str], Sequence[int]],
) -> TokenRepair | None:
    """A repair of characters as one of tokens, as short as the tokens allow.

    The characters of the touched tokens are encoded with the edit made. What both sides share in
    front moves into the context, what they share behind is left out, so that the first tokens are
    two continuations of the same prefix.

    Args:
        token_ids: the sampled ids, T_i of them.
        offsets: their characters, from `token_offsets`.
        text: the completion.
        completion_range: characters [start, end) of it that the repair replaces.
        replacement: what takes their place; empty where something is removed.
        encode: text to ids, without special tokens.
    Returns: None where no token stands behind a removal at the end, or none is touched.

    >>> pieces = {1: "return", 2: " x", 3: " -", 4: " +", 5: " 1"}
    >>> offsets = [(0, 6), (6, 8), (8, 10), (10, 12)]
    >>> encode = lambda text: [i for i, piece in pieces.items() if piece == text]
    >>> token_repair([1, 2, 3, 5], offsets, "return x - 1", (9, 10), "+", encode)
    TokenRepair(start=2, end=3, token_ids=(4,))
    """
    touched = tokens_in_span(offsets, completion_range)
    if not touched:
        return None
    start, end = touched[0], touched[-1] + 1
    before = text[offsets[start][0] : completion_range[0]]
    after = text[completion_range[1] : offsets[end - 1][1]]
    right = list(encode(before + replacement + after))
    wrong = list(token_ids[start:end])
    while wrong and right and wrong[0] == right[0]:
        wrong, right, start = wrong[1:], right[1:], start + 1
    if not wrong or not right:  # one side only adds or removes: hold it against what comes next
        if end == len(token_ids):
            return None
        wrong, right = [*wrong, token_ids[end]], [*right, token_ids[end]]
    while len(wrong) > 1 and len(right) > 1 and wrong[-1] == right[-1]:
        wrong, right = wrong[:-1], right[:-1]
    if wrong == right:
        return None
    return TokenRepair(start, start + len(wrong), tuple(right))
