"""What an evaluation has done so far, in a file that a run which was killed goes on from.

A line for each result, with a hash of all that it depends on. Only results that still hold are
taken over, wherever their samples stand now. Samples that nobody could judge are not written down:
the next run tries them again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from egca import __version__
from egca.errors import InputError, ProblemError
from egca.files import read_whole
from egca.jsonlines import append, kept, opened
from egca.problems import Problem, row_of
from harness.evaluation.results import Result
from harness.evaluation.samples import Sample


def journal_of(output: Path) -> Path | None:
    """Where the results for this file stand until all are there; None for a device or a pipe."""
    if output.exists() and not output.is_file():
        return None
    return output.with_name(f"{output.name}.partial")


def refuse_to_overwrite(path: Path) -> None:
    """Raises: InputError where a run that was killed has left results."""
    n_results = len(read_whole(path).splitlines()) if path.is_file() else 0
    if n_results:
        raise InputError(
            f"{path} has {n_results} result{'s' * (n_results != 1)} of a run that did not end; "
            "--resume goes on, --force drops them"
        )


class Journal:
    """Results by what they depend on, and the file that new ones are appended to.

    left: results in the file that no sample of this run has, so that the file must stay.
    """

    def __init__(self, stream: IO[bytes], problems: Mapping[str, Problem], call_s: float) -> None:
        self._stream = stream
        self._problems = problems
        self._call_s = call_s
        self._digest_of = functools.cache(self._problem_digest)
        self.left = 0

    def taken_over(self, samples: Sequence[Sample]) -> dict[int, Result]:
        """Results of these samples that the file has, by index."""
        known: dict[str, deque[Result]] = defaultdict(deque)

        def read(row: dict[str, object]) -> tuple[str, Result]:
            return str(row.pop("key")), Result.of_row(row)

        rows, _ = kept(self._stream, str(self._stream.name), read, "egca eval")
        for key, result in rows:
            known[key].append(result)
        found: dict[int, Result] = {}
        if known:
            for sample in samples:
                if not sample.error and (results := known.get(self._key(sample))):
                    found[sample.index] = replace(results.popleft(), index=sample.index)
        self.left = len(rows) - len(found)
        return found

    def add(self, sample: Sample, result: Result) -> None:
        """Write a result down, at once."""
        if result.cause != "unreadable":
            append(self._stream, {"key": self._key(sample), **result.row()})

    def _key(self, sample: Sample) -> str:
        parts = (sys.version, __version__, f"{self._call_s:g}", self._digest_of(sample.task_id))
        return hashlib.sha256("\0".join((*parts, sample.digest)).encode()).hexdigest()[:32]

    def _problem_digest(self, task_id: str) -> str:
        """Not of the data set's name: it may have changed, or be called otherwise."""
        try:
            text = json.dumps(row_of(self._problems[task_id]))
        except ProblemError:  # it cannot be written down, so nothing says that it is the same
            return os.urandom(16).hex()
        return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def journal_in(
    path: Path, resume: bool, problems: Mapping[str, Problem], call_s: float
) -> Iterator[Journal]:
    """A journal in this file, emptied unless `resume`. Raises: InputError."""
    with opened(path, resume) as stream:
        yield Journal(stream, problems, call_s)
