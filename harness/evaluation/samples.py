"""Samples: the programs that a model wrote, from EvalPlus's JSONL or a folder of files.

A line has `task_id` and `solution` (a whole program) or `completion` (what continues the prompt, or
a reply in Markdown). A line that is no sample becomes one with an `error`, so that it is counted
and named and the rest is judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.problems import Problem, extract_program, whole_program_of
from egca.problems.ids import alias_of
from egca.problems.markdown import compiles, fenced_blocks
from egca.problems.preamble import behind
from egca.problems.rows import opened
from egca.types import Program, Segment

FIELDS = ("solution", "completion")
_BOM = "\ufeff"  # some editors begin a file with it; no Python text does


@dataclass(frozen=True, slots=True)
class Sample:
    """One program for one task; `index` is its place in the input, from 0.

    is_continuation: the text may continue the prompt (`completion`). error says why it is none.
    may_be_prose: it is a sample only if there is such a task (a README beside the samples).
    """

    index: int
    where: str
    task_id: str = ""
    text: str = ""
    is_continuation: bool = False
    error: str = ""
    may_be_prose: bool = False

    @property
    def digest(self) -> str:
        """What a verdict on it depends on, besides the problem."""
        parts = (self.task_id, self.text, str(self.is_continuation), self.error)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def program(self, problem: Problem) -> Program:
        """The program in it: as it is where that compiles, else what a Markdown fence holds.

        What continues a prompt comes behind it, and all of it behind the problem's preamble.
        """
        if self.text.startswith(_BOM):
            found = replace(self, text=self.text.removeprefix(_BOM)).program(problem)
            segments = found.segments
            if found.completion is None:
                segments = (Segment(0, 0, len(found.source)),) if found.source else ()
            moved = (replace(one, completion_start=one.completion_start + 1) for one in segments)
            return Program(found.source, self.text, tuple(moved))
        before = problem.prompt if problem.is_prefix and self.is_continuation else ""
        if compiles(before + self.text):
            whole = (Segment(len(before), 0, len(self.text)),) if self.text else ()
            source = before + self.text
            found = Program(source, self.text, whole) if before else Program(self.text)
        elif self.is_continuation:
            return whole_program_of(problem, self.text)
        elif fenced_blocks(self.text):
            found = extract_program(self.text, problem.entry_point)
        else:
            found = Program(self.text)
        return behind(problem.preamble, found)


def read_samples(path: Path) -> list[Sample]:
    """All samples of a JSONL file (plain or gzipped) or a folder, in order.

    A folder has one file for each program, called TASK.py, or a folder TASK with any number of them
    (EvalPlus's layout); the "/" of a task id is "_" there. What is hidden is no sample, and a text
    at its top is one only where its name is a task's. Raises: InputError if nothing is in it.
    """
    samples = list(_from_folder(path) if path.is_dir() else _from_lines(path))
    if not samples:
        raise InputError(f"{path}: no samples in it")
    refuse_without_sample(samples, "no line of it is a sample")
    return samples


def refuse_without_sample(samples: Sequence[Sample], what: str) -> None:
    """Raises: InputError with the first error and `what` if all of these are errors."""
    if all(sample.error for sample in samples):
        raise InputError(f"{samples[0].where}: {samples[0].error}; {what}")


def known_only(samples: Sequence[Sample], known: set[str], dataset: str) -> list[Sample]:
    """The samples, those of tasks that the data set does not have turned into errors.

    Raises: InputError when it has none of their tasks: then it is the wrong data set.
    """
    aliases = {alias_of(task_id): task_id for task_id in known}
    found: list[Sample] = []
    for sample in samples:
        task_id = sample.task_id if sample.task_id in known else aliases.get(sample.task_id, "")
        if task_id:
            found.append(replace(sample, task_id=task_id))
        elif sample.may_be_prose:
            continue
        else:
            error = sample.error or f'no task "{sample.task_id}" in {dataset}'
            found.append(replace(sample, error=error))
    first = next((sample for sample in samples if not sample.error), None)
    if first is not None and all(sample.error for sample in found):
        raise InputError(
            f'{first.where}: no task "{first.task_id}" in {dataset}, nor any other of these '
            "samples; name their data set with --dataset"
        )
    return found


def _from_lines(path: Path) -> Iterator[Sample]:
    index = 0
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Sample(index, where, error=f"not JSON: {error}")
            else:
                yield _of_row(index, where, row)
            index += 1


def _of_row(index: int, where: str, row: Any) -> Sample:
    if not isinstance(row, dict):
        return Sample(index, where, error="not a JSON object")
    task_id = row.get("task_id")
    if not isinstance(task_id, str):
        return Sample(index, where, error='no "task_id" (text)')
    for field in FIELDS:
        if isinstance(row.get(field), str):
            return Sample(index, where, task_id, row[field], field != "solution")
    given = ", ".join(field for field in FIELDS if field in row)
    reason = f"{given} is no text" if given else 'neither "solution" nor "completion"'
    return Sample(index, where, task_id, error=reason)


def _from_folder(folder: Path) -> Iterator[Sample]:
    files = sorted(path for path in folder.rglob("*") if _may_be_sample(path, folder))
    for index, path in enumerate(files):
        is_top = path.parent == folder
        name = path.stem if is_top else path.parent.name
        is_program = path.suffix == ".py"
        try:
            text, error = path.read_text("utf-8-sig"), ""
        except (OSError, UnicodeDecodeError) as reason:
            text, error = "", f"cannot be read: {reason}"
        yield Sample(index, str(path), name, text, not is_program, error, is_top and not is_program)


def _may_be_sample(path: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not is_hidden and path.suffix in (".py", ".md", ".txt") and path.is_file()
