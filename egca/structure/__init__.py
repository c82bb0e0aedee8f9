"""Normalised control flow, comparability, constraints and the mode gate."""

from egca.structure.asking import messages_of
from egca.structure.cfg import Graph, control_flow
from egca.structure.comparability import THRESHOLD, is_comparable
from egca.structure.constraints import (
    Constraint,
    ConstraintSet,
    Effect,
    Violation,
    observed,
)
from egca.structure.extraction import ENFORCED, extract_constraints
from egca.structure.gate import gate
from egca.structure.similarity import similarity

__all__ = [
    "ENFORCED",
    "THRESHOLD",
    "Constraint",
    "ConstraintSet",
    "Effect",
    "Graph",
    "Violation",
    "control_flow",
    "extract_constraints",
    "gate",
    "is_comparable",
    "messages_of",
    "observed",
    "similarity",
]
