"""Some of a data set's problems, by id and number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice

from egca.errors import ProblemError
from egca.problems.datasets import load_dataset
from egca.problems.ids import WantedIds
from egca.problems.problem import Problem


def chosen(problems: Iterable[Problem], ids: Sequence[str], limit: int | None) -> list[Problem]:
    """The tasks of these ids, or all, and the first `limit` of them.

    Args: ids: as WantedIds reads them; where they name none, all are taken.
    Raises: ProblemError.
    """
    wanted = WantedIds(ids)
    if not wanted:
        return list(islice(problems, limit))
    listed = list(problems)
    found = [problem for problem in listed if problem.task_id in wanted]
    for task_id in wanted.missing:
        known = [problem.task_id for problem in listed]
        near = get_close_matches(task_id, known, 1, 0.6)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {known[0]} to {known[-1]}"
        raise ProblemError(f'no task "{task_id}" in the data set; {hint}')
    return found[:limit]


def without(problems: Iterable[Problem], names: Sequence[str]) -> Iterator[Problem]:
    """Those whose ids no data set of these names has, in whatever case they are written there.

    The data sets are read once there is a problem at all. Raises: ProblemError, InputError.
    """
    held: set[str] | None = None
    for problem in problems:
        if held is None:
            held = {task_id for name in names for task_id in _ids_of(name)}
        if problem.task_id.casefold() not in held:
            yield problem


def _ids_of(name: str) -> set[str]:
    try:
        return {one.task_id.casefold() for one in load_dataset(name)}
    except ProblemError as error:
        raise ProblemError(f"what {name} has is to be left out, but {error}") from None
