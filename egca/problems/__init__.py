"""Problems and their loaders."""

from egca.problems.problem import UNKNOWN, Check, Example, Kind, Problem, Test

__all__ = ["UNKNOWN", "Check", "Example", "Kind", "Problem", "Test"]
