"""Fine-grained feedback by the kind of the error (RLTF)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.rules.uniform import evenly
from egca.credit.strategy import Context
from egca.types import Cause


class Kind(StrEnum):
    """Which tokens RLTF blames for an error."""

    LINE = "U_line"  # those of the line that the error names
    GLOBAL = "U_global"  # all
    IGNORE = "U_ignore"  # none


# By exception class; every other one that is raised or found by the compiler names its line.
KINDS = {
    "RecursionError": Kind.GLOBAL,
    "TabError": Kind.IGNORE,
    "RuntimeError": Kind.IGNORE,
}
_CAUSES = {
    Cause.TIMEOUT: Kind.GLOBAL,
    Cause.COMPILE: Kind.LINE,
    Cause.EXCEPTION: Kind.LINE,
}


def error_kind(cause: Cause, exception: str) -> Kind:
    """The kind of a failure; wrong output, an exit and a crash are ignored, as in the source.

    >>> [error_kind(Cause.EXCEPTION, name).value for name in ("KeyError", "RecursionError")]
    ['U_line', 'U_global']
    >>> error_kind(Cause.WRONG_OUTPUT, "").value
    'U_ignore'
    """
    kind = _CAUSES.get(cause, Kind.IGNORE)
    return KINDS.get(exception, kind) if kind is Kind.LINE else kind


def rltf(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = (A_i + f_{i,t}) / T_i with f = -0.3 on the tokens that the error's kind blames.

    Coarse and adaptive feedback are rewards (`graded_and_adaptive` in egca/credit/rewards.py) and
    come in A_i; the fine one adds `fine_reward` on the line that the error names (U_line kinds,
    the located tokens), on every token (U_global kinds) or nowhere (U_ignore kinds), so the sum is
    not A_i.
    Source: RLTF (arXiv 2307.04349), section on multi-granularity feedback. Inferred: the kinds
    follow the exception class alone, where the released code also reads the message of a
    SyntaxError; the rewards are group-relative here; no buffer. The supervised loss
    is the trainer's (`supervised.weight`).

    >>> group = [Evidence([5, 6], -0.6, -1.0, "syntax", Cause.EXCEPTION, "KeyError", [1])]
    >>> rltf(group, Context())
    [array([-0.5 , -0.65])]
    """
    rows = []
    for evidence in group:
        credit = evenly(evidence)
        kind = error_kind(evidence.cause, evidence.exception)
        blamed = np.zeros(evidence.n_tokens, dtype=bool)
        blamed[list(evidence.located)] = kind is Kind.LINE
        if kind is Kind.GLOBAL:
            blamed[:] = True
        credit[blamed] += context.options.fine_reward / evidence.n_tokens
        rows.append(credit)
    return rows
