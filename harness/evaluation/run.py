"""One evaluation: samples in, results in the order of the samples out, safe to kill.

What of an earlier run still holds is journal.py's, what is judged when order.py's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egca.errors import InputError, ProblemError, SandboxError
from egca.execution.workers import Crew, Lost, few_collections
from egca.problems import Problem, load_dataset
from egca.problems.ids import alias_of
from egca.problems.sources import dataset_path
from harness.evaluation.journal import Journal
from harness.evaluation.native import SECONDS, Job, unreadable
from harness.evaluation.official import evaluate_officially
from harness.evaluation.order import Order, Times
from harness.evaluation.results import Result
from harness.evaluation.samples import Sample, known_only

ENGINES = ("native", "evalplus")
_HARD_LIMIT_S = 600.0  # for one sample, over all limits
_HARD_LIMIT_CALLS = 20  # at their limit, where that is more


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


def default_cache() -> Path:
    """Where ground truth is kept: egca/truth in the user's cache folder (XDG_CACHE_HOME)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "egca" / "truth"


def problems_of(
    plan: Plan, on_skip: Callable[[ProblemError], None] | None = None
) -> tuple[dict[str, Problem], int]:
    """The problems that the samples are for, by task id, and how many the data set has.

    Args: on_skip: told of each row that is left out (plan.skip_bad).
    """
    wanted = {alias_of(sample.task_id) for sample in plan.samples}
    found: dict[str, Problem] = {}
    n_tasks = 0
    with few_collections():
        for problem in load_dataset(plan.dataset, skip_bad=plan.skip_bad, on_skip=on_skip):
            n_tasks += 1
            if alias_of(problem.task_id) in wanted:
                found[problem.task_id] = problem
    return found, n_tasks


def judges(plan: Plan) -> Crew[Job]:
    """The processes that judge for the native engine; none has started yet."""
    n_workers = max(1, min(plan.n_workers, len(plan.samples)))
    arguments = (plan.call_s, plan.cache)
    limit_s = max(_HARD_LIMIT_S, _HARD_LIMIT_CALLS * plan.call_s)
    return Crew[Job](n_workers, "harness.evaluation.native:handler", arguments, limit_s)


def evaluate(
    plan: Plan,
    problems: Mapping[str, Problem],
    journal: Journal | None = None,
    advance: Callable[[], None] = lambda: None,
    crew: Crew[Job] | None = None,
) -> list[Result]:
    """Judge every sample.

    Args:
        problems: those of the samples, by task id (problems_of).
        journal: results in it are taken over, others appended to it as they come.
        advance: called for each result.
        crew: judges(plan) that started before the problems were read; None: they start here.
    Returns: results in the order of the samples.
    Raises: InputError for samples of another data set, or a journal of something else; SandboxError
        where the sandbox breaks, or no sample at all could be judged.
    """
    samples = known_only(plan.samples, set(problems), plan.dataset)
    if plan.engine == "evalplus":
        path = dataset_path(plan.dataset)
        results = evaluate_officially(samples, problems, path, plan.n_workers)
        for _ in results:
            advance()
        return results
    found = {} if journal is None else journal.taken_over(samples)
    for _ in found:
        advance()
    for sample, result in _judged(plan, samples, problems, found, crew or judges(plan)):
        found[sample.index] = result
        if journal is not None:
            journal.add(sample, result)
        advance()
    return [found[sample.index] for sample in samples]


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
    n_lost = 0
    with crew:
        while True:
            while crew.has_room and (job := order.next()) is not None:
                crew.submit(job)
            if not crew.n_open:
                break
            for job, answer in crew.ready():
                task_id, sample = job.problem.task_id, job.sample
                if isinstance(answer, SandboxError):  # says nothing of the sample
                    raise answer
                if sample is None:
                    order.reference_took(task_id, 0.0 if isinstance(answer, Lost) else answer)
                elif isinstance(answer, Lost):
                    n_lost += 1
                    if n_lost == len(jobs) and not done:
                        raise SandboxError(f"no sample can be judged: {answer.reason}")
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
