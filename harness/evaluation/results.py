"""What evaluation says: a result for each sample, and the figures over all of them.

Pure functions on data; who judged is in native.py and official.py, how it is shown in
egca/cli/evaluate.py and page.py."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

N_SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Failed:
    """The first test that a sample failed; texts are cut where they are long."""

    test: str
    input: str
    expected: str
    actual: str
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was said of one sample.

    passed_plus: base and extra tests together, None where the data set has no extra ones. mode is
    None where the engine does not tell. cause is one of types.Cause, with the exception's class
    behind ":" where there is one ("exception:ValueError"), or "unreadable". evidence is one
    sentence. seconds is wall-clock of judging.
    """

    index: int
    task_id: str
    passed_base: bool
    passed_plus: bool | None
    mode: str | None
    cause: str
    seconds: float
    evidence: str = ""
    first_failure: Failed | None = None

    @property
    def passed(self) -> bool:
        """Whether it passes all that there is."""
        return self.passed_base and self.passed_plus is not False

    def row(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return asdict(self) | {"seconds": round(self.seconds, 6)}

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Result:
        """Raises: KeyError, TypeError for a row of something else."""
        failed = row["first_failure"]
        found = cls(**{**row, "first_failure": None})
        return found if failed is None else replace(found, first_failure=Failed(**failed))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of k of n samples, drawn without putting back, is among the c that pass.

    Args: n >= k >= 1, 0 <= c <= n.
    Source: Chen et al. 2021 (Codex), equation 1: 1 - C(n - c, k) / C(n, k), unbiased.

    >>> pass_at_k(4, 1, 1), pass_at_k(4, 1, 4), pass_at_k(4, 2, 2)
    (0.25, 1.0, 0.8333333333333334)
    """
    if not 1 <= k <= n or not 0 <= c <= n:
        raise ValueError(f"pass@{k} of {c} in {n} samples")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def estimate(outcomes: Sequence[Sequence[bool]], k: int) -> dict[str, float | None] | None:
    """pass@k over problems with its standard error; None if a problem has fewer than k samples.

    Args: outcomes: for each problem, whether each of its samples passed.
    Returns: value, the mean over problems, and stderr, their spread / sqrt(problems): problems are
        what was drawn, samples of one problem are not independent. One problem alone has none.
    """
    if not outcomes or any(len(each) < k for each in outcomes):
        return None
    values = [pass_at_k(len(each), sum(each), k) for each in outcomes]
    stderr = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return {"value": statistics.fmean(values), "stderr": stderr}


def summary(
    results: Sequence[Result],
    ks: Sequence[int],
    known: Collection[str],
    n_tasks: int,
    skipped: Sequence[str] = (),
) -> dict[str, Any]:
    """The figures over all samples.

    Args:
        ks: which pass@k.
        known: ids of tasks that the data set has. Samples of others are no answers to it, so they
            count in no pass@k.
        n_tasks: tasks in the data set, for how much of it was covered.
        skipped: why rows of the data set were left out.
    """
    by_task: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.task_id in known:
            by_task[result.task_id].append(result)
    has_plus = any(result.passed_plus is not None for result in results)
    rates: dict[str, Any] = {
        "base": _rates([[r.passed_base for r in g] for g in by_task.values()], ks)
    }
    if has_plus:
        rates["plus"] = _rates([[r.passed for r in g] for g in by_task.values()], ks)
    judged = [result for result in results if result.cause != "unreadable"]
    slowest = sorted(judged, key=lambda result: -result.seconds)[:N_SLOWEST]
    return {
        "n_samples": len(results),
        "n_tasks": len(by_task),
        "n_tasks_in_dataset": n_tasks,
        "n_without_task": len(results) - sum(map(len, by_task.values())),
        "fewest_samples": min(map(len, by_task.values()), default=0),
        "n_passed_base": sum(result.passed_base for result in results),
        "n_passed": sum(result.passed for result in results),
        "pass_at_k": rates,
        "modes": _counted(result.mode or "unknown" for result in results),
        "causes": _counted(result.cause for result in results if not result.passed),
        "slowest": [
            {"index": r.index, "task_id": r.task_id, "seconds": round(r.seconds, 3)}
            for r in slowest
        ],
        "skipped": list(skipped),
    }


def _rates(outcomes: Sequence[Sequence[bool]], ks: Sequence[int]) -> dict[str, Any]:
    found = {f"pass@{k}": estimate(outcomes, k) for k in ks}
    return {name: value for name, value in found.items() if value is not None}


def _counted(names: Any) -> dict[str, int]:
    return dict(Counter(names).most_common())
