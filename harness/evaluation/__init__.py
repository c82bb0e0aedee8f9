"""Evaluation: samples of a model judged on a data set, by egca's sandbox or by EvalPlus."""

from harness.evaluation.results import Failed, Result, estimate, pass_at_k, summary
from harness.evaluation.run import ENGINES, Plan, default_cache, evaluate, judges, problems_of
from harness.evaluation.samples import Sample, read_samples

__all__ = [
    "ENGINES",
    "Failed",
    "Plan",
    "Result",
    "Sample",
    "default_cache",
    "estimate",
    "evaluate",
    "judges",
    "pass_at_k",
    "problems_of",
    "read_samples",
    "summary",
]
