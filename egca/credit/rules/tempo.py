"""Credit at the tokens where the completions of a group part (TEMPO, prefix to tree)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from egca.credit.advantages import FloatArray, advantage_scale
from egca.credit.evidence import Evidence
from egca.credit.rules.uniform import evenly
from egca.credit.strategy import Context


def tempo(group: Sequence[Evidence], context: Context) -> list[FloatArray]:
    """a_{i,t} = (A_i + c (V(s_{t+1}) - V(s_t))) / T_i on the prefix tree of the group's tokens.

    V(s) is the mean reward of the completions that pass through the prefix s, s_t the prefix before
    token t, and c = A_i / (r_i - mean r) the 1 / std of the group. Where the tree does not branch
    V(s_{t+1}) = V(s_t), and GRPO is left. The differences of a completion add up to V at its end,
    which is r_i, minus mean r: the sum is A_i (1 + 1 / T_i), not A_i.
    Source: TEMPO (arXiv 2509.18314): A = (r_i - mean r + V(s') - V(s)) / std. A completion that
    ends where others go on branches off there (inferred).

    >>> group = [Evidence([5, 6], 1.0, 0.5, "correct"), Evidence([5, 7], 0.0, -0.5, "logic")]
    >>> tempo(group, Context())
    [array([0.25, 0.5 ]), array([-0.25, -0.5 ])]
    """
    scale = advantage_scale([e.reward for e in group], [e.advantage for e in group])
    return [
        evenly(evidence) + scale * np.diff(values) / evidence.n_tokens
        for evidence, values in zip(group, prefix_values(group), strict=True)
    ]


def prefix_values(group: Sequence[Evidence]) -> list[FloatArray]:
    """V(s_0), ..., V(s_T) of each completion, shape (T_i + 1,); s_T is the whole of it and its end.

    >>> group = [Evidence([5, 6], 1.0, 0.5, "correct"), Evidence([5, 7], 0.0, -0.5, "logic")]
    >>> prefix_values(group)
    [array([0.5, 0.5, 1. ]), array([0.5, 0.5, 0. ])]
    """
    values = [np.empty(evidence.n_tokens + 1) for evidence in group]
    # Level by level: completions with the same prefix stay together.
    nodes = [list(range(len(group)))]
    depth = 0
    while nodes:
        deeper: list[list[int]] = []
        for members in nodes:
            if len(members) == 1:  # from where a completion is alone its value is its reward
                values[members[0]][depth:] = group[members[0]].reward
                continue
            mean = sum(group[i].reward for i in members) / len(members)
            children: dict[object, list[int]] = defaultdict(list)
            for i in members:
                values[i][depth] = mean
                ids = group[i].token_ids
                # The last token brings its end along: who stops here parts from who goes on.
                if depth < len(ids):
                    children[(ids[depth], depth + 1 == len(ids))].append(i)
            deeper += children.values()
        nodes, depth = deeper, depth + 1
    return values
