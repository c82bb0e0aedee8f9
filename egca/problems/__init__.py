"""Problems and their loaders."""

from egca.problems.cases import Case, case_of, problem_from_case
from egca.problems.datasets import load_dataset, load_problem
from egca.problems.entry_points import infer_entry_point, kind_of, near_name
from egca.problems.files import load_tests
from egca.problems.markdown import extract_program
from egca.problems.plain import row_of
from egca.problems.preamble import program_of, whole_program_of
from egca.problems.problem import UNKNOWN, Check, Example, Kind, Problem, Test
from egca.problems.selection import chosen, without

__all__ = [
    "UNKNOWN",
    "Case",
    "Check",
    "Example",
    "Kind",
    "Problem",
    "Test",
    "case_of",
    "chosen",
    "extract_program",
    "infer_entry_point",
    "kind_of",
    "load_dataset",
    "load_problem",
    "load_tests",
    "near_name",
    "problem_from_case",
    "program_of",
    "row_of",
    "whole_program_of",
    "without",
]
