"""Where a failing program first goes wrong: `localize`, and what it returns."""

from egca.localization.locate import localize
from egca.localization.result import AlignedStep, Localization, Step
from egca.localization.search import Budget

__all__ = ["AlignedStep", "Budget", "Localization", "Step", "localize"]
