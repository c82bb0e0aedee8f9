"""Credit by what the tests executed (StepCoder)."""

from __future__ import annotations

from collections.abc import Sequence

from egca.credit.advantages import FloatArray
from egca.credit.evidence import Evidence
from egca.credit.rules.uniform import evenly, spread_over
from egca.credit.strategy import Context


def stepcoder(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = A_i / |E| on the tokens E that the tests executed, 0 on the others.

    Uniform where nothing was executed or coverage is unknown (it does not compile).
    Source: StepCoder, fine-grained optimisation (arXiv 2402.01391), the mask without its
    curriculum. That A_i is shared by the rest, so that the sum stays, is inferred.

    >>> stepcoder([Evidence([5, 6, 7, 8], 0.0, -1.0, "logic", executed=[0, 1])], Context())
    [array([-0.5, -0.5,  0. ,  0. ])]
    """
    return [
        spread_over(evidence, evidence.executed) if evidence.executed else evenly(evidence)
        for evidence in group
    ]
