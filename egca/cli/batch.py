"""`egca localize --batch`: many cases, one line of output each, safe to kill and to resume.

Reads all cases first, so that a malformed file is known before any work; hands them to the
processes of batch_workers.py one by one and appends each answer as it comes, in the order of
completion. A case that cannot be localized gets a line with `error`. Truth, source and set of a
case are never read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from egca.cli.batch_workers import Job, answers
from egca.cli.output import EXIT_INTERRUPTED
from egca.cli.progress import progress
from egca.errors import InputError
from egca.files import check_apart
from egca.jsonlines import append, json_lines, kept, opened

FIELDS = ("case_id", "task_id", "entry_point", "candidate", "reference", "inputs", "atol")


def run_batch(
    cases: Path,
    output: Path,
    workers: int = 1,
    resume: bool = False,
    force: bool = False,
    timeout: float | None = None,
    budget_s: float | None = None,
    debugger: str = "trace",
    options: dict[str, Any] | None = None,
) -> int:
    """Localize all cases of a file and write a line for each.

    Args:
        timeout: seconds for a test input; budget_s: seconds for the search of a case.
        debugger, options: who localizes, as in egca/cli/search.py.
    Returns: 0, or 130 when it was interrupted (what was done is written).
    Raises: InputError for a malformed case file, or an output that exists or cannot be written.
    """
    jobs = read_jobs(cases)
    check_apart({"--output": output}, {"the cases": cases})
    if output.is_file() and output.stat().st_size and not (resume or force):
        raise InputError(f"{output} exists; go on with it by --resume, or overwrite it by --force")
    with opened(output, resume) as stream:
        done = written_ids(stream, str(output)) if resume else set()
        todo = [job for job in jobs if job.case_id not in done]
        tally = _Tally(len(jobs), len(jobs) - len(todo))
        try:
            with progress("cases", len(jobs), tally.n_before) as advance:
                for line in answers(todo, workers, timeout, budget_s, debugger, options):
                    append(stream, line)
                    tally.count(line)
                    advance()
        except KeyboardInterrupt:
            tally.report(f"interrupted; go on with --batch {cases} --output {output} --resume")
            return EXIT_INTERRUPTED
    tally.report(f"written to {output}")
    return 0


def read_jobs(path: Path) -> list[Job]:
    """The cases of a JSONL file, needed fields only. Raises: InputError naming file and line."""
    jobs: list[Job] = []
    seen: dict[str, int] = {}
    for number, row in json_lines(path):
        where = f"{path}:{number}"
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


def written_ids(stream: IO[bytes], name: str) -> set[str]:
    """Ids that an output has already; a last line that a kill has torn is cut off.

    Raises: InputError naming the line that is no prediction: then it is some other file.
    """
    ids, _ = kept(stream, name, lambda row: str(row["case_id"]), "--batch")
    return set(ids)


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
