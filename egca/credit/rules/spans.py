"""Concentrated credit: the published rule, and the ablations that put its A_i somewhere else.

All share `on_place` and differ in the place: a function from a completion's evidence to the tokens
that went wrong, empty where nothing was found, None where the mode has no place."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.rules.uniform import evenly, spread_over
from egca.credit.strategy import Context, Place, Rule
from egca.types import Mode


def on_place(place: Place) -> Rule:
    """The rule that puts A_i < 0 on a place, and else is uniform."""

    def rule(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
        return [concentrated(evidence, place(evidence)) for evidence in group]

    return rule


def concentrated(evidence: Evidence, tokens: Sequence[int] | None) -> FloatArray:
    """a_{i,t} = A_i / |S| for t in S, 0 elsewhere; A_i / T_i where S is empty or A_i >= 0.

    Source: EGCA, token-advantage equation, with S = T_err in syntax mode and T_k* in logic mode.
    Uniform for A_i > 0 is ours: concentrating would reinforce the bug.

    >>> concentrated(Evidence([5, 6, 7, 8], 0.0, -1.0, "logic"), [2])
    array([ 0.,  0., -1.,  0.])
    >>> concentrated(Evidence([5, 6, 7, 8], 0.5, 1.0, "logic"), [2])
    array([0.25, 0.25, 0.25, 0.25])
    """
    if not tokens or evidence.advantage >= 0:
        return evenly(evidence)
    return spread_over(evidence, tokens)


def published(evidence: Evidence) -> Sequence[int] | None:
    """T_err or T_k*: syntax errors by compiler and traceback, logic errors by localization.

    >>> published(Evidence([5, 6], 0.0, -1.0, "constraint", located=[1])) is None
    True
    """
    return evidence.located if evidence.mode in (Mode.SYNTAX, Mode.LOGIC) else None


def exception_by_trace(evidence: Evidence) -> Sequence[int] | None:
    """As published, but a raised exception sits where trace puts it, which may be earlier.

    >>> exception_by_trace(
    ...     Evidence([5, 6], 0.0, -1.0, "syntax", located=[1], exception_located=[0])
    ... )
    [0]
    """
    if evidence.mode is Mode.SYNTAX and evidence.exception_located:
        return evidence.exception_located
    return published(evidence)


def without_gate(evidence: Evidence) -> Sequence[int] | None:
    """Everything that fails has a place: constraint mode too, and exceptions by trace.

    >>> without_gate(Evidence([5, 6], 0.0, -1.0, "constraint", located=[1]))
    [1]
    """
    if evidence.mode is Mode.CONSTRAINT:
        return evidence.located
    return exception_by_trace(evidence)


def unconfirmed(evidence: Evidence) -> Sequence[int] | None:
    """Logic mode: the first aligned state that differs, without the intervention that proves it.

    >>> unconfirmed(Evidence([5, 6], 0.0, -1.0, "logic", located=[1], unconfirmed=[0]))
    [0]
    """
    return evidence.unconfirmed if evidence.mode is Mode.LOGIC else published(evidence)


def late(evidence: Evidence) -> Sequence[int] | None:
    """Logic mode: the last aligned state that differs in place of the first.

    >>> late(Evidence([5, 6, 7], 0.0, -1.0, "logic", located=[0], late=[2]))
    [2]
    """
    return evidence.late if evidence.mode is Mode.LOGIC else published(evidence)


def random_span(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """A_i / |S| on as many tokens as the located ones, from the start of a statement at random.

    The control for the place (EGCA, ablation): the published rule with S moved. The window begins
    with a statement drawn evenly, the right one too, and is shifted back where it would leave the
    completion. A program without statements (it does not compile) has it anywhere.

    >>> group = [Evidence([5, 6, 7, 8], 0.0, -1.0, "logic", located=[3], statements=[[1]])]
    >>> random_span(group, Context(seed=7))
    [array([ 0., -1.,  0.,  0.])]
    """
    return [
        concentrated(evidence, _moved(evidence, published(evidence), context.seed))
        for evidence in group
    ]


def _moved(evidence: Evidence, tokens: Sequence[int] | None, seed: int) -> Sequence[int] | None:
    if not tokens:
        return tokens
    # Drawn by the completion's own ids: the place in the group must not matter.
    key = zlib.crc32(np.asarray(evidence.token_ids, dtype=np.int64).tobytes())
    rng = np.random.default_rng([seed % 2**64, key])
    starts = [min(statement) for statement in evidence.statements if len(statement)]
    start = int(rng.choice(starts or evidence.n_tokens))
    width = len(set(tokens))
    start = min(start, evidence.n_tokens - width)
    return range(start, start + width)
