"""`egca data info` and `egca data convert`: look into a data set, or write it as our own JSONL.

Loading and its errors are egca/problems', what is counted is data_info.py's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egca.cli.checks import check_count, check_seconds, day_of, listed_ids
from egca.cli.output import Skipped
from egca.errors import InputError
from egca.files import reason_of, written_whole

if TYPE_CHECKING:
    from egca.problems import Problem

EXIT_REFERENCE_FAILS = 1

app = typer.Typer(
    name="data",
    help="Look into data sets, and convert them.\n\nExample: egca data info problems.jsonl",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Dataset = Annotated[
    str, typer.Argument(metavar="NAME_OR_PATH", help="HumanEval, MBPP+, ... or a file.")
]
Since = Annotated[str | None, typer.Option(help="Only tasks from this day on (2024-08-01).")]
Until = Annotated[str | None, typer.Option(help="Only tasks up to this day.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out rows that cannot be read, and count them.")
]


@app.command()
def info(
    dataset: Dataset,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Run each reference on its own tests.")
    ] = True,
    since: Since = None,
    until: Until = None,
    skip_bad: SkipBad = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds for each test input.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count problems and tests, and judge the references.

    Status 0: read; 1: a reference fails its own tests; 2: bad input.

    Example: egca data info problems.jsonl
    """
    check_seconds("--timeout", timeout)
    from egca.cli.data_info import as_json, render, survey
    from egca.problems.sources import dataset_path

    skipped = Skipped()
    problems = _load(dataset, skipped, skip_bad, since, until)
    found = survey(dataset, dataset_path(dataset), problems, check, timeout)
    if json:
        from json import dumps

        print(dumps(as_json(found, skipped.reasons), indent=2))
    else:
        print(render(found, skipped.reasons))
    raise typer.Exit(EXIT_REFERENCE_FAILS if found.failing else 0)


@app.command()
def convert(
    dataset: Dataset,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT.jsonl", help="The file to write.")],
    ids: Annotated[
        list[str] | None, typer.Option(help="Task ids, with commas or repeated. Default: all.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME_OR_PATH", help="Leave out the tasks of another data set."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many tasks.")] = None,
    since: Since = None,
    until: Until = None,
    skip_bad: SkipBad = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUTPUT.jsonl.")] = False,
) -> None:
    """Write a data set or a part of it as plain JSONL.

    The format is in docs/datasets.md, and every command reads it. Status 0: written; 2: bad input,
    and nothing is written.

    Example: egca data convert problems.jsonl converted.jsonl
    """
    check_count("--limit", limit)
    if output.is_file() and not force:
        raise InputError(f"{output} exists; overwrite it by --force")
    skipped = Skipped()
    problems = _load(dataset, skipped, skip_bad, since, until, listed_ids(ids) or None)
    if exclude:
        from egca.problems import without

        problems = without(problems, exclude)
    n_written = _write(problems, output, limit, bool(ids), skipped if skip_bad else None)
    left_out = f"; {skipped.n} rows left out" if skipped.n else ""
    print(f"egca: {n_written} problems written to {output}{left_out}", file=sys.stderr)


def _load(
    dataset: str,
    skipped: Skipped,
    skip_bad: bool,
    since: str | None,
    until: str | None,
    ids: list[str] | None = None,
) -> Iterator[Problem]:
    from egca.problems import load_dataset

    first, last = day_of("--since", since), day_of("--until", until)
    return load_dataset(
        dataset, ids=ids, since=first, until=last, skip_bad=skip_bad, on_skip=skipped
    )


def _write(
    problems: Iterator[Problem],
    output: Path,
    limit: int | None,
    reads_all: bool,
    skipped: Skipped | None,
) -> int:
    """Write the first rows, all or none; reads_all: look at the others too, for ids that lack."""
    import json
    from itertools import islice

    from egca.errors import ProblemError
    from egca.problems import row_of

    n_written = 0
    try:
        with written_whole(output) as stream:
            for problem in islice(problems, limit):
                try:
                    row = row_of(problem)
                except ProblemError as error:
                    if skipped is None:
                        raise
                    skipped(error)
                    continue
                stream.write((json.dumps(row, allow_nan=False) + "\n").encode())
                n_written += 1
            for _ in problems if reads_all else ():
                pass
            if not n_written:
                raise InputError(f"{output}: no problem is left to write")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {reason_of(error)}") from None
    return n_written
