"""What a cell says of a row of a measured file: a gap, a mean with its interval, a difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.studies.curves import bounded

GAP = "-"
STEPS = "steps_to_target"
Cell = Callable[[dict[str, Any] | None], str]  # what is shown of a row


@dataclass(frozen=True, slots=True)
class Metric:
    """How a measured metric is shown: its label, the factor and the decimals of its numbers.

    sign: "+" for differences.

    >>> Metric("share").cell({"mean": 0.5, "ci95": [0.4, 0.6]})
    '50.0 (40.0 to 60.0)'
    """

    label: str
    factor: float = 100.0
    digits: int = 1
    sign: str = ""

    def cell(self, row: dict[str, Any] | None) -> str:
        """Mean and interval; the mean alone where the interval is a point."""
        if row is None:
            return GAP
        low, high = (self.number(end) for end in row["ci95"])
        middle = self.number(row["mean"])
        return middle if low == high else f"{middle} ({low} to {high})"

    def number(self, value: float) -> str:
        """A value in the unit that is shown."""
        return f"{self.factor * value:{self.sign}.{self.digits}f}"

    def delta(self, row: dict[str, Any] | None) -> str:
        """The difference from GRPO, its interval and test over seeds."""
        return self._against(row, "delta_ci95", "p_holm", "p")

    def delta_tasks(self, row: dict[str, Any] | None) -> str:
        """The same, its interval over seeds and tasks, its test over tasks."""
        return self._against(row, "delta_ci95_tasks", "p_tasks_holm", "p over tasks")

    def _against(self, row: dict[str, Any] | None, ends: str, p: str, said: str) -> str:
        if row is None or ends not in row:
            return GAP
        middle, low, high = (
            f"{self.factor * value:+.{self.digits}f}"
            for value in (row["delta_vs_grpo"], *row[ends])
        )
        test = f", {said} = {row[p]:.2g}" if p in row else ""
        return f"{middle} ({low} to {high}){test}"


class Steps(Metric):
    """Steps to a target, of a row with `reached`: the step of each seed, None where it does not."""

    def cell(self, row: dict[str, Any] | None) -> str:
        """Mean and interval where all seeds reach it, else what bounds the mean."""
        if row is None or None not in row["reached"]:
            return super().cell(row)
        # The row's own values have the last step for those that do not.
        n_steps = max(row["per_seed"])
        return bounded(row["reached"], int(n_steps))


LEARNED: dict[str, Metric] = {
    "sampled": Metric("pass@1 sampled, %"),
    "greedy": Metric("pass@1 greedy, %"),
    "area": Metric("area, %"),
    STEPS: Steps("steps to target", 1.0, 0),
}
TESTED: dict[str, Metric] = {
    "humaneval": Metric("HumanEval, %"),
    "humaneval+": Metric("HumanEval+, %"),
    "mbpp": Metric("MBPP, %"),
    "mbpp+": Metric("MBPP+, %"),
}
SHARE = Metric("")  # in percent, in a column that is named elsewhere
