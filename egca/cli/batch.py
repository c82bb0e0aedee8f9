"""`egca localize --batch`: many cases, one line of output each, safe to kill and to resume.

Reads all cases first, so that a malformed file is known before any work; hands them to the
processes of batch_workers.py one by one and appends each answer as it comes, in the order of
completion. A case that cannot be localized gets a line with `error`. Truth, source and set of a
case are never read."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from egca.cli.batch_workers import Job, Pool
from egca.errors import InputError

FIELDS = ("case_id", "task_id", "entry_point", "candidate", "reference", "inputs", "atol")
EXIT_INTERRUPTED = 130


def run_batch(
    cases: Path,
    output: Path,
    workers: int = 1,
    resume: bool = False,
    force: bool = False,
    timeout: float | None = None,
    budget_s: float | None = None,
) -> int:
    """Localize all cases of a file and write a line for each.

    Args: timeout: seconds for a test input; budget_s: seconds for the search of a case.
    Returns: 0, or 130 when it was interrupted (what was done is written).
    Raises: InputError for a malformed case file, or an output that exists or cannot be written.
    """
    jobs = read_jobs(cases)
    if output.exists() and os.path.samefile(cases, output):
        raise InputError(f"{output}: is the file of the cases; write somewhere else")
    with _opened(output, resume, force) as stream:
        done = written_ids(stream, str(output)) if resume else set()
        todo = [job for job in jobs if job.case_id not in done]
        tally = _Tally(len(jobs), len(jobs) - len(todo))
        try:
            with _progress(len(jobs), tally.n_before) as advance:
                for line in Pool(min(workers, max(len(todo), 1)), timeout, budget_s).answers(todo):
                    stream.write((json.dumps(line) + "\n").encode())
                    stream.flush()
                    tally.count(line)
                    advance()
        except KeyboardInterrupt:
            tally.report(f"interrupted; go on with --batch {cases} --output {output} --resume")
            return EXIT_INTERRUPTED
    tally.report(f"written to {output}")
    return 0


def read_jobs(path: Path) -> list[Job]:
    """The cases of a JSONL file, needed fields only. Raises: InputError naming file and line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    jobs: list[Job] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        if not raw.strip():
            continue
        where = f"{path}:{number}"
        row = _json_object(raw, where)
        case_id = row.get("case_id")
        if not isinstance(case_id, str) or not case_id:
            raise InputError(f'{where}: no "case_id" (text)')
        if case_id in seen:
            raise InputError(f'{where}: case_id "{case_id}" is on line {seen[case_id]} already')
        seen[case_id] = number
        jobs.append(Job(case_id, where, {key: row[key] for key in FIELDS if key in row}))
    if not jobs:
        raise InputError(f"{path}: no cases in it")
    return jobs


def _json_object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(raw)
    except UnicodeDecodeError:
        raise InputError(f"{where}: not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object, but {type(row).__name__}")
    return row


def written_ids(stream: IO[bytes], name: str) -> set[str]:
    """Ids that an output has already; a last line that a kill has torn is cut off.

    Raises: InputError naming the line that is no prediction: then it is some other file.
    """
    stream.seek(0)
    data = stream.read()
    ids: set[str] = set()
    end = 0
    for number, raw in enumerate(data.splitlines(keepends=True), 1):
        is_last = end + len(raw) == len(data)
        try:
            row = _json_object(raw, f"{name}:{number}")
            ids.add(row["case_id"])
        except (InputError, KeyError, TypeError) as error:
            if is_last and not raw.endswith(b"\n"):
                break
            if raw.strip():
                raise InputError(f"{name}:{number}: not a line of --batch; not resuming") from error
        end += len(raw)
    stream.truncate(end)
    stream.seek(end)
    if end and not data[:end].endswith(b"\n"):
        stream.write(b"\n")
    return ids


@contextlib.contextmanager
def _opened(path: Path, resume: bool, force: bool) -> Iterator[IO[bytes]]:
    """The output, locked, so that two runs never mix their lines. Raises: InputError."""
    is_file = path.is_file()
    if is_file and path.stat().st_size and not (resume or force):
        raise InputError(f"{path} exists; go on with it by --resume, or overwrite it by --force")
    mode = "wb" if path.exists() and not is_file else "r+b" if is_file else "w+b"
    try:
        stream = path.open(mode)
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    with stream:
        if mode != "wb":
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{path}: another run is writing to it") from None
            except OSError:
                pass  # a file system without locks
            if not resume:
                stream.truncate(0)
        yield stream


@dataclass
class _Tally:
    """What became of the cases, for the one line at the end."""

    n_cases: int
    n_before: int
    n_located: int = 0
    n_passing: int = 0
    n_errors: int = 0

    def count(self, line: dict[str, Any]) -> None:
        if "error" in line:
            self.n_errors += 1
        elif line["line"] is None:
            self.n_passing += 1
        else:
            self.n_located += 1

    def report(self, ending: str) -> None:
        parts = [f"{self.n_located} located"]
        parts += [f"{self.n_passing} passing"] * (self.n_passing > 0)
        parts += [f"{self.n_errors} with an error"] * (self.n_errors > 0)
        parts += [f"{self.n_before} done before"] * (self.n_before > 0)
        n_left = self.n_cases - self.n_before - self.n_located - self.n_passing - self.n_errors
        parts += [f"{n_left} left"] * (n_left > 0)
        print(f"egca: {self.n_cases} cases: {', '.join(parts)}; {ending}", file=sys.stderr)


@contextlib.contextmanager
def _progress(total: int, done: int) -> Iterator[Any]:
    """A bar on stderr where that is a terminal; gives a function that counts one more."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("cases", total=total, completed=done)
        yield lambda: progress.advance(bar)
