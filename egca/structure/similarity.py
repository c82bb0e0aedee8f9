"""How near two programs are in what they do, in [0, 1], whatever they call things.

The measure is the Weisfeiler-Lehman optimal assignment kernel on the normalised control-flow graph.
What counts as near enough is decided in comparability.py; what the graph is, in cfg.py."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import sqrt
from zlib import crc32

from egca.structure.cfg import Graph, control_flow

# How much a paired block, or operation, counts in each round of refinement: a label of round r
# speaks of all within r steps. Calibrated with the threshold
# (harness/calibration/comparability.py).
BLOCK_WEIGHTS = (4, 2, 1)
OPERATION_WEIGHTS = (8, 2, 1)  # by itself; beside the kind of its block; beside its block's round 1

_LOOP, _END, _ENTRY = 64, 32, 16


def similarity(a: str | Graph, b: str | Graph, entry_point: str = "") -> float:
    """Similarity of two programs' control flow, in [0, 1].

    Symmetric; 1 for a program and itself; unchanged by renaming, layout, comments, docstrings, dead
    code and the spellings that normalise.py removes. The Weisfeiler-Lehman optimal assignment
    kernel (Kriege, Giscard, Wilson: On Valid Optimal Assignment Kernels and Applications to Graph
    Classification, NeurIPS 2016), cosine-normalised: labels are refined as in the subtree kernel
    (Shervashidze et al., JMLR 12, 2011), and the kernel is the largest number of labels of the two
    graphs that can be paired. Labels start from the kind of a block (end, branch, loop head); each
    operation hangs at its block as a leaf and takes part by its own label refined by the block's.

    Args:
        a, b: programs, or their graphs from `control_flow`; a graph saves nothing over the source
            of a program seen lately.
        entry_point: what is called in both; see `control_flow`.
    Returns: a program that does not parse is 1 to its own text and 0 to anything else.

    >>> similarity("def f(n):\\n    return n + 1", "def g(x):\\n    y = x + 1\\n    return y")
    1.0
    >>> similarity("def f(:", "def f(): pass")
    0.0
    """
    if isinstance(a, str) and isinstance(b, str) and a == b:
        return 1.0
    first = control_flow(a, entry_point) if isinstance(a, str) else a
    second = control_flow(b, entry_point) if isinstance(b, str) else b
    return graph_similarity(first, second)


def graph_similarity(
    a: Graph,
    b: Graph,
    block_weights: tuple[int, ...] = BLOCK_WEIGHTS,
    operation_weights: tuple[int, ...] = OPERATION_WEIGHTS,
) -> float:
    """`similarity` of two graphs; 0 if one has no blocks, for nothing is known of it.

    Other weights are for calibration; there is one of block_weights for each round, and
    operation_weights has one more at most.
    """
    if not a.n_blocks or not b.n_blocks:
        return 0.0
    first, n_first = _features(a, block_weights, operation_weights)
    second, n_second = _features(b, block_weights, operation_weights)
    if len(first) > len(second):
        first, second = second, first
    paired = sum(min(count, second[label]) for label, count in first.items() if label in second)
    if paired == n_first == n_second:
        return 1.0
    return min(1.0, paired / sqrt(n_first * n_second))


@lru_cache(maxsize=1024)
def _features(
    graph: Graph, block_weights: tuple[int, ...], operation_weights: tuple[int, ...]
) -> tuple[Counter[int], int]:
    """Labels of all rounds with how often each occurs, and their number.

    Labels are hashes of integers only, so they are the same in every process.
    """
    found: Counter[int] = Counter()
    labels = [_first_label(graph, i) for i in range(graph.n_blocks)]
    predecessors: list[list[int]] = [[] for _ in labels]
    for i, successors in enumerate(graph.successors):
        for j in successors:
            predecessors[j].append(i)
    words = [[crc32(word.encode()) for word in block] for block in graph.operations]
    for block in words:
        for word in block:
            found[hash((1, word))] += operation_weights[0]
    for iteration, weight in enumerate(block_weights):
        for label in labels:
            found[hash((2, iteration, label))] += weight
        if iteration + 1 < len(operation_weights):
            for label, block in zip(labels, words, strict=True):
                for word in block:
                    found[hash((3, iteration, label, word))] += operation_weights[iteration + 1]
        labels = [
            hash(
                (
                    label,
                    tuple(sorted(labels[j] for j in graph.successors[i])),
                    tuple(sorted(labels[j] for j in predecessors[i])),
                )
            )
            for i, label in enumerate(labels)
        ]
    return found, found.total()


def _first_label(graph: Graph, i: int) -> int:
    """Kind of a block: number of ways out (three and more are alike), loop head, end, entry."""
    label = min(len(graph.successors[i]), 3)
    if i in graph.loop_heads:
        label |= _LOOP
    if not graph.successors[i]:
        label |= _END
    return label | _ENTRY if i == 0 else label
