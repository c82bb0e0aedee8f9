"""One evaluation: samples in, results in the order of the samples out, safe to kill.

Results are appended to a journal as they come, so that a run goes on where another ended. What is
judged when is order.py's."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egca.errors import InputError
from egca.execution.workers import Crew, Lost, few_collections
from egca.jsonlines import append, kept, opened
from egca.problems import Problem, load_dataset
from egca.problems.sources import dataset_path
from harness.evaluation.native import SECONDS, Job, unreadable
from harness.evaluation.official import evaluate_officially
from harness.evaluation.order import Order, Times
from harness.evaluation.results import Result
from harness.evaluation.samples import Sample, known_only

ENGINES = ("native", "evalplus")
_HARD_LIMIT_S = 600.0  # for one sample, over all limits


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged, and how.

    dataset: name or path. n_workers: processes. call_s: seconds of one call. cache: folder of the
    ground truth, None for none.
    """

    dataset: str
    samples: tuple[Sample, ...]
    n_workers: int = 1
    engine: str = "native"
    call_s: float = SECONDS
    cache: Path | None = None
    skip_bad: bool = False

    def key(self, sample: Sample) -> str:
        """What the result of a sample depends on, as a journal names it."""
        parts = (self.engine, self.dataset, f"{self.call_s:g}", sample.digest)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def default_cache() -> Path:
    """Where ground truth is kept: egca/truth in the user's cache folder (XDG_CACHE_HOME)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "egca" / "truth"


def problems_of(plan: Plan) -> tuple[dict[str, Problem], int]:
    """The problems that the samples are for, by task id, and how many the data set has."""
    wanted = {sample.task_id for sample in plan.samples}
    wanted |= {task_id.replace("_", "/", 1) for task_id in wanted}
    found: dict[str, Problem] = {}
    n_tasks = 0
    with few_collections():
        for problem in load_dataset(plan.dataset, skip_bad=plan.skip_bad):
            n_tasks += 1
            if problem.task_id in wanted or problem.task_id.replace("/", "_") in wanted:
                found[problem.task_id] = problem
    return found, n_tasks


def judges(plan: Plan) -> Crew[Job]:
    """The processes that judge for the native engine; none has started yet."""
    n_workers = max(1, min(plan.n_workers, len(plan.samples)))
    arguments = (plan.call_s, plan.cache)
    return Crew[Job](n_workers, "harness.evaluation.native:handler", arguments, _HARD_LIMIT_S)


def evaluate(
    plan: Plan,
    problems: Mapping[str, Problem],
    journal: Path | None = None,
    resume: bool = False,
    advance: Callable[[], None] = lambda: None,
    crew: Crew[Job] | None = None,
) -> list[Result]:
    """Judge every sample.

    Args:
        problems: those of the samples, by task id (problems_of).
        journal: file that results are appended to as they come; resume: take those in it over.
        advance: called for each result.
        crew: judges(plan) that started before the problems were read; None: they start here.
    Returns: results in the order of the samples.
    Raises: InputError for samples of another data set, or a journal of something else.
    """
    samples = known_only(plan.samples, set(problems), plan.dataset)
    if plan.engine == "evalplus":
        path = dataset_path(plan.dataset)
        results = evaluate_officially(samples, problems, path, plan.n_workers)
        for _ in results:
            advance()
        return results
    found: dict[int, Result] = {}
    with contextlib.ExitStack() as stack:
        stream = None if journal is None else stack.enter_context(opened(journal, resume))
        if stream is not None and resume:
            found = _resumed(plan, samples, stream, str(journal))
        for _ in found:
            advance()
        for sample, result in _judged(plan, samples, problems, found, crew or judges(plan)):
            found[sample.index] = result
            if stream is not None:
                append(stream, {"key": plan.key(sample), **result.row()})
            advance()
    return [found[sample.index] for sample in samples]


def _resumed(plan: Plan, samples: Sequence[Sample], stream: object, name: str) -> dict[int, Result]:
    """Results of these samples that a journal has, by index."""

    def read(row: dict[str, object]) -> tuple[tuple[str, int], Result]:
        key = str(row.pop("key"))
        result = Result.of_row(row)
        return (key, result.index), result

    rows, _ = kept(stream, name, read, "egca eval")  # type: ignore[arg-type]
    known = dict(rows)
    found: dict[int, Result] = {}
    for sample in samples:
        result = known.get((plan.key(sample), sample.index))
        if result is not None:
            found[sample.index] = result
    return found


def _judged(
    plan: Plan,
    samples: Sequence[Sample],
    problems: Mapping[str, Problem],
    done: Mapping[int, Result],
    crew: Crew[Job],
) -> Iterator[tuple[Sample, Result]]:
    todo = [sample for sample in samples if sample.index not in done]
    for bad in todo:
        if bad.error:
            yield bad, unreadable(bad, f"{bad.where}: {bad.error}")
    jobs = [Job(sample, problems[sample.task_id]) for sample in todo if not sample.error]
    times = Times(plan.cache, str(plan.dataset))
    order = Order(jobs, None if plan.cache is None else times.before)
    with crew:
        while True:
            while crew.has_room and (job := order.next()) is not None:
                crew.submit(job)
            if not crew.n_open:
                break
            for job, answer in crew.ready():
                task_id, sample = job.problem.task_id, job.sample
                if sample is None:
                    order.reference_took(task_id, 0.0 if isinstance(answer, Lost) else answer)
                elif isinstance(answer, Lost):
                    yield sample, unreadable(sample, f"cannot be judged: {answer.reason}")
                else:
                    times.note(task_id, answer.seconds)
                    yield sample, answer
    times.save()


def checked_engine(name: str) -> str:
    """Raises: InputError for an engine that is none."""
    if name not in ENGINES:
        raise InputError(f'no engine "{name}"; there are {", ".join(ENGINES)}')
    return name
