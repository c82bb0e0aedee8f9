"""Ours: credit as the change of the chance to pass, estimated from the group by survival analysis.

A completion is followed through the steps of the reference, to which its statements are aligned: a
failing one dies at the step where it diverges, a passing one, whatever its form, survives all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray, advantage_scale
from egca.credit.evidence import Evidence
from egca.credit.rules.spans import published
from egca.credit.rules.uniform import evenly
from egca.credit.strategy import Context

# Where a failing completion dies that no step is known for: it never came to the first one.
_AT_THE_START = -1


def survival(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """V_{k+1} - V_k on step k while a completion survives, -V_k where it dies, 0 after.

    h_k = deaths at k / completions that reached k, and V_k = prod_{j >= k} (1 - h_j), the chance to
    pass for one that has come to k (Kaplan and Meier, 1958; Greenwood's variance is not used). The
    sum over a completion telescopes to r_i - mean r for rewards 1 and 0, so a right decision where
    siblings died is rewarded. All is scaled by the group's A_i / (r_i - mean r), so that the sum is
    A_i however the trainer normalises; with the scale "none" it is r_i - mean r itself.

    The credit of a step lies evenly on the tokens of the statements aligned with it, that of a
    death on the published place if there is one. A step without tokens in a completion spreads over
    all of them; so does what rewards between 0 and 1 leave over. A failing completion with no known
    step dies before the first. One with A_i = 0 gets nothing and, not being asked for, does not
    count.
    Source: ours.

    >>> right, wrong = [0, 1], [None, None]
    >>> group = [
    ...     Evidence([5, 6], 1.0, 0.5, "correct", statements=[[0], [1]], steps=[0, 1]),
    ...     Evidence([5, 7], 0.0, -0.5, "logic", statements=[[0], [1]], steps=[0, 1], dies_at=1),
    ... ]
    >>> survival(group, Context())
    [array([0. , 0.5]), array([ 0. , -0.5])]
    """
    scale = advantage_scale([e.reward for e in group], [e.advantage for e in group])
    counted = [evidence for evidence in group if evidence.advantage]
    values = chances([_death(evidence) for evidence in counted], _n_steps(counted))
    return [
        _telescoped(evidence, values, scale) if evidence.advantage else evenly(evidence)
        for evidence in group
    ]


def chances(deaths: Sequence[int | None], n_steps: int) -> FloatArray:
    """V_k for k = -1, 0, ..., n_steps; V_{n_steps} = 1.

    Args:
        deaths: for each completion the step it dies at, None if it survives; -1 is before the
            first.

    >>> chances([None, 1, 0, None], 2)  # h_0 = 1/4, h_1 = 1/3
    array([0.5       , 0.5       , 0.66666667, 1.        ])
    """
    values = np.ones(n_steps + 2)
    for k in range(n_steps - 1, _AT_THE_START - 1, -1):
        reached = sum(death is None or death >= k for death in deaths)
        died = sum(death == k for death in deaths)
        hazard = died / reached if reached else 0.0
        values[k + 1] = (1.0 - hazard) * values[k + 2]
    return values


def _death(evidence: Evidence) -> int | None:
    if evidence.has_passed:
        return None
    return _AT_THE_START if evidence.dies_at is None else evidence.dies_at


def _n_steps(group: Sequence[Evidence]) -> int:
    steps = [step for e in group for step in (*(e.steps or ()), e.dies_at) if step is not None]
    return max(steps, default=-1) + 1


def _telescoped(evidence: Evidence, values: FloatArray, scale: float) -> FloatArray:
    death = _death(evidence)
    tokens: dict[int, list[int]] = {}
    for members, step in zip(evidence.statements, evidence.steps or (), strict=False):
        if step is not None:
            tokens.setdefault(step, []).extend(members)
    place = published(evidence) if evidence.advantage < 0 else None
    if death is not None and place:
        tokens[death] = list(place)
    credit = np.zeros(evidence.n_tokens)
    last = values.size - 3 if death is None else death
    for k in range(_AT_THE_START, last + 1):
        before, behind = values[k + 1], 0.0 if k == death else values[k + 2]
        change = behind - before
        held = list(dict.fromkeys(tokens.get(k, ()))) or list(range(evidence.n_tokens))
        credit[held] += scale * change / len(held)
    rest = evidence.advantage - float(credit.sum())
    # What rounding leaves would put a trace of credit on every token.
    return credit + evenly(evidence, rest) if abs(rest) > 1e-9 * abs(scale) else credit
