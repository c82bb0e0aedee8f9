"""Data sets by name or path, and single tasks by id.

A row is told apart by its fields (FORMATS), so a file may be called anything, and mix formats.
Where files are is decided in sources.py, what a row means in a module for each format."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from egca.errors import ProblemError
from egca.problems.apps import apps_id, apps_problem
from egca.problems.codecontests import codecontests_id, codecontests_problem
from egca.problems.evalplus import evalplus_problem
from egca.problems.humaneval import humaneval_problem
from egca.problems.ids import WantedIds
from egca.problems.leetcode import leetcode_id, leetcode_problem
from egca.problems.livecodebench import livecodebench_id, livecodebench_problem
from egca.problems.mbpp import mbpp_id, mbpp_problem
from egca.problems.plain import plain_id, plain_problem
from egca.problems.problem import Problem
from egca.problems.rows import OnBad, Row, name_shown, rows_of
from egca.problems.sources import DATASETS, dataset_path, generated_of


@dataclass(frozen=True, slots=True)
class Format:
    """How rows of a data set are known and read.

    fields: a row that has all of these is one. task_id and problem get the row and its place, for
    messages. day: the field with the day it came out, if there is one.
    """

    fields: tuple[str, ...]
    task_id: Callable[[Row, str], str]
    problem: Callable[[Row, str], Problem]
    day: str = ""


# The first whose fields a row has. Other sets borrow HumanEval's names, so its line is the last.
FORMATS: dict[str, Format] = {
    "plain": Format(("task_id", "entry_point", "tests"), plain_id, plain_problem),
    "EvalPlus": Format(("task_id", "base_input"), plain_id, evalplus_problem),
    "LiveCodeBench": Format(
        ("question_content", "public_test_cases"),
        livecodebench_id,
        livecodebench_problem,
        "contest_date",
    ),
    "CodeContests": Format(("description", "public_tests"), codecontests_id, codecontests_problem),
    "LeetCode": Format(
        ("entry_point", "completion"), leetcode_id, leetcode_problem, "estimated_date"
    ),
    "LeetCode without solutions": Format(
        ("entry_point", "starter_code"), leetcode_id, leetcode_problem, "estimated_date"
    ),
    "MBPP": Format(("code", "test_list"), mbpp_id, mbpp_problem),
    "APPS": Format(("question", "input_output"), apps_id, apps_problem),
    "APPS+": Format(("inputs", "outputs"), apps_id, apps_problem),
    "HumanEval": Format(("task_id", "test", "canonical_solution"), plain_id, humaneval_problem),
}


def load_problem(
    task_id: str,
    dataset: Path | str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Problem:
    """One task: "HumanEval/3", or "Mbpp/2" with the path of an MBPP+ file.

    Args:
        dataset: name or path; without one the part of the id before "/" says which. HumanEval/N is
            then the embedded task (with its extended inputs when HUMANEVAL_OVERRIDE_PATH is set),
            Mbpp/N one of MBPP+, MBPP/N one of MBPP.
    Raises: ProblemError when the task or the data set is not there.
    """
    name = dataset if dataset is not None else _default(task_id, environ)
    made = generated_of(str(name))
    if made is not None:
        return made.problem(task_id)
    path = dataset_path(name, environ)
    # A row holds the whole id or, in most formats, the part behind the "/", which is in more lines.
    for text in (f'"{task_id}"', task_id.partition("/")[2]):
        for line, row in rows_of(path, _needles(text) if text else ()):
            where = f"{path}:{line}"
            if format_of(row, where).task_id(row, where) == task_id:
                return problem_of(row, where)
    ids = [
        format_of(row, f"{path}:{line}").task_id(row, f"{path}:{line}")
        for line, row in rows_of(path)
    ]
    raise ProblemError(f'{path}: no task "{task_id}"; {_hint(task_id, ids)}')


def load_dataset(
    name_or_path: Path | str = "HumanEval",
    environ: Mapping[str, str] = os.environ,
    *,
    ids: Collection[str] | None = None,
    since: date | str | None = None,
    until: date | str | None = None,
    skip_bad: bool = False,
    on_skip: OnBad | None = None,
) -> Iterator[Problem]:
    """All tasks of a data set, in its order, one by one; the file is never in memory as a whole.

    Args:
        ids: only these tasks, as egca.problems.ids.WantedIds reads them. since, until: only those
            that came out on these days or between them ("2024-08-01"); rows must then say when.
        skip_bad: leave out rows that cannot be read or have another's id; on_skip is told of each.
    Raises: ProblemError for a row that cannot be read, an id that is there twice or not at all, or
        no task at all.
    """
    wanted = None if ids is None else WantedIds(ids)
    made = generated_of(str(name_or_path))
    if made is not None:
        if since or until:
            raise ProblemError(f"{made.name}: generated tasks have no day, so no window of time")
        yield from made.problems(None if wanted is None else wanted.parts)
        return
    path = dataset_path(name_or_path, environ)
    first, last = _day(since, "since"), _day(until, "until")
    skipped: list[ProblemError] = []
    lines: dict[str, int] = {}  # of each task

    def skip(error: ProblemError) -> None:
        if not skip_bad:
            raise error
        if not skipped:
            skipped.append(error)
        if on_skip is not None:
            on_skip(error)

    for line, row in rows_of(path, on_bad=skip):
        where = f"{path}:{line}"
        try:
            form = format_of(row, where)
            if wanted is not None and form.task_id(row, where) not in wanted:
                continue
            if (first or last) and not _is_between(first, _day_of(row, form, where), last):
                continue
            problem = form.problem(row, where)
            task_id = problem.task_id
            if task_id in lines:
                message = f'task_id "{name_shown(task_id)}" is on line {lines[task_id]} already'
                raise ProblemError(f"{where}: {message}")
        except ProblemError as error:
            skip(error)
            continue
        lines[task_id] = line
        yield problem
    if wanted is not None and wanted.missing:
        raise ProblemError(f'{path}: no task "{name_shown(wanted.missing[0])}" in it')
    if not lines:
        raise ProblemError(_why_none(path, skipped, first, last))


def problem_of(row: Row, where: str) -> Problem:
    """A row of any data set known here. Raises: ProblemError."""
    return format_of(row, where).problem(row, where)


def format_of(row: Row, where: str) -> Format:
    """The line of FORMATS that a row belongs to. Raises: ProblemError."""
    for form in FORMATS.values():
        if all(field in row for field in form.fields):
            return form
    given = ", ".join(map(name_shown, list(row)[:6])) or "none"
    raise ProblemError(
        f"{where}: a task of no known data set (its fields: {given}); docs/datasets.md lists them"
    )


def _why_none(
    path: Path, skipped: list[ProblemError], first: date | None, last: date | None
) -> str:
    if skipped:
        return f"{path}: no task in it can be read; {skipped[0]}"
    if first or last:
        return f"{path}: no task from {first or 'the beginning'} to {last or 'the end'} in it"
    return f"{path}: no task in it"


def _day(value: date | str | None, option: str) -> date | None:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ProblemError(f'{option} is "{value}", but must be a day such as 2024-08-01') from None


def _day_of(row: Row, form: Format, where: str) -> date:
    value = row.get(form.day) if form.day else None
    meta = row.get("meta")
    if value is None and isinstance(meta, dict):  # where older LeetCodeDataset files keep it
        value = meta.get(form.day)
    if not isinstance(value, str):
        field = f'"{form.day}"' if form.day else "day"
        raise ProblemError(f"{where}: no {field} in this task, so no window of time can be taken")
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise ProblemError(f'{where}: {form.day} is "{value:.40}", which is no day') from None


def _is_between(first: date | None, day: date, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _needles(text: str) -> tuple[bytes, ...]:
    """A text as it may stand in a line of JSON: with escapes or in UTF-8."""
    quote = text.startswith('"')
    inner = text.strip('"') if quote else text
    forms = [json.dumps(inner, ensure_ascii=flag) for flag in (True, False)]
    return tuple((form if quote else form[1:-1]).encode("utf-8", "surrogatepass") for form in forms)


def _hint(task_id: str, ids: list[str]) -> str:
    near = get_close_matches(task_id, ids, 1, 0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"it has {ids[0]} to {ids[-1]}" if ids else "empty"


def _default(task_id: str, environ: Mapping[str, str]) -> str:
    """The data set that an id without one means."""
    head = task_id.partition("/")[0]
    if generated_of(head) is not None or (head in DATASETS and head != "HumanEval"):
        return head
    if head.lower() == "humaneval":
        return "HumanEval+" if environ.get(DATASETS["HumanEval+"].variable) else "HumanEval"
    if head.lower() == "mbpp":
        return "MBPP+"
    raise ProblemError(
        f'"{task_id}": known are HumanEval/N and, with --dataset PATH, any id of that file'
    )
