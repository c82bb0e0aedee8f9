"""Eligibility traces over tokens (GRPO-lambda)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.rules.uniform import evenly
from egca.credit.strategy import Context


def grpo_lambda(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = max(A_i, -0.1) / T_i times the trace that token t leaves on all tokens from it on.

    The source puts the trace into the ratio: rho_{i,u} = exp(sum_{l <= u} w_{u,l} (log pi - log
    pi_old)(o_{u-l})), with w = (gamma lambda)^l ("recent") or max((gamma lambda)^l, (gamma
    lambda)^(u-l)) ("both", for long sequences), and clamps negative advantages, since traces make
    them destructive. At rho = 1 its gradient is A_i sum_t e_t grad log pi(o_t) with
    e_t = sum_{u >= t} w_{u,u-t}, which is what this rule gives; "recent" is
    e_t = (1 - (gamma lambda)^(T-t)) / (1 - gamma lambda), t from 0. The sum is not A_i.
    Source: GRPO-lambda (arXiv 2510.00194), the traced ratio. Taken from accounts of the paper, not
    checked against its text: the bound -0.1, lambda = 0.99 with gamma = 1, and "recent" as the
    default. Inferred: once the policy has moved, the clip acts on the ratio of each token and not
    on the traced one.

    >>> from egca.credit.options import Options
    >>> group = [Evidence([5, 6, 7], 1.0, 3.0, "correct")]
    >>> grpo_lambda(group, Context(Options(trace_decay=0.5)))
    [array([1.75, 1.5 , 1.  ])]
    """
    options = context.options
    return [
        evenly(evidence, max(evidence.advantage, options.lowest_advantage))
        * traces(evidence.n_tokens, options.trace_decay, options.trace)
        for evidence in group
    ]


def traces(n_tokens: int, decay: float, style: str) -> FloatArray:
    """e_t = sum_{u >= t} w_{u,u-t} of shape (T,).

    >>> traces(3, 0.5, "both")  # w_{2,0..2} = 1, 1/2, 1 and w_{1,0..1} = 1, 1
    array([3. , 1.5, 1. ])
    """
    powers = decay ** np.arange(n_tokens, dtype=np.float64)
    if style == "recent":
        recent: FloatArray = np.cumsum(powers)[::-1]
        return recent
    # max((gl)^(u-t), (gl)^t): for t <= u the lag is u - t and what lies before it is t.
    return np.array([np.maximum(powers[: n_tokens - t], powers[t]).sum() for t in range(n_tokens)])
