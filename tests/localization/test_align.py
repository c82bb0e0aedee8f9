"""Two runs side by side where they are too long to be shown whole."""

from __future__ import annotations

import pytest

from egca.localization import localize
from egca.localization.alignment import MAX_STEPS
from egca.problems import Example, Problem

CANDIDATE = """\
def f(values):
    total = 0
    for x in values:
        y = x * 2
        if y > 52:
            total += y
        else:
            total -= 1
    return total
"""
OTHER = """\
def f(values):
    total = 0
    for x in values:
        total += 2 * x if x > 25 else -1
    return total
"""


@pytest.mark.parametrize(
    "reference", [CANDIDATE.replace("52", "50"), OTHER], ids=["alike", "other"]
)
def test_of_long_runs_the_same_part_is_shown(reference: str) -> None:
    values = [*[1] * 900, 26, 1, 1]
    test = Example("late", (values,), expected=52 - 902)
    found = localize(CANDIDATE, None, Problem("t/0", "f", (test,), reference=reference))
    assert len(found.traces) >= MAX_STEPS
    (at,) = [i for i, row in enumerate(found.traces) if row.is_divergence]
    assert found.traces[at].candidate is not None
    assert found.traces[at].candidate.iteration == 901
    before = [row for row in found.traces[:at] if row.candidate and row.candidate.kind == "item"]
    assert len(before) > 50
    for row in before:
        assert row.is_equal
        assert row.reference is not None
        assert row.reference.iteration == row.candidate.iteration  # type: ignore[union-attr]
