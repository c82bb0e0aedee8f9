"""`egca bench localization`: debuggers and baselines on failing programs with known faults."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from egca.cli.checks import check_count
from egca.cli.model_options import BaseUrl, MaxCost, NoCache, given_options
from egca.cli.output import EXIT_INTERRUPTED
from egca.errors import InputError
from egca.files import check_writable, save_text


def localization(
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILES]...", help="Further files of cases.")
    ] = None,
    cases: Annotated[
        list[Path] | None, typer.Option(help="JSON lines of cases (docs/debuggers.md).")
    ] = None,
    debuggers: Annotated[
        str,
        typer.Option(
            help="Names with commas: as for --debugger, and random_line, last_line, "
            "exc_or_return, text_diff, ochiai."
        ),
    ] = "trace",
    every: Annotated[int, typer.Option(help="Take every n-th case of each file.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the bootstrap and of random_line.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page.")] = None,
    answers: Annotated[
        Path | None, typer.Option(help="Write every answer, a JSON line each.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    base_url: BaseUrl = None,
    max_cost: MaxCost = None,
    no_cache: NoCache = False,
) -> None:
    """Measure how often debuggers name a faulty line, and what they take.

    Status 0: measured; 2: bad input, or a model cannot be opened.

    Example: egca bench localization --cases cases.jsonl --debuggers trace,ochiai
    """
    from json import dumps

    from egca.cli.progress import progress
    from harness.benchmarks.debuggers import document, measure, open_all, predictions, read_cases
    from harness.benchmarks.debuggers_page import page, text

    paths = [*(cases or ()), *(more or ())]
    if not paths:
        raise InputError("no cases given: egca bench localization --cases FILE.jsonl")
    check_count("--every", every)
    names = [name.strip() for name in debuggers.split(",") if name.strip()]
    if not names:
        raise InputError("--debuggers names none")
    for path in (output, html, answers):
        if path is not None:
            check_writable(path)
    rows = read_cases(paths, every)
    opened = open_all(names, given_options(base_url, max_cost, no_cache))
    try:
        with progress("cases", len(rows), 0) as advance:
            measured = measure(opened, rows, seed, advance)
    except KeyboardInterrupt:
        print("egca: interrupted; replies of servers are in the cache", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    command = shlex.join(["egca", *sys.argv[1:]])
    found = document(measured, command, seed, [path.name for path in paths])
    for path, content in (
        (output, dumps(found, indent=1) + "\n"),
        (html, page(found)),
        (answers, "\n".join(predictions(measured)) + "\n"),
    ):
        if path is not None:
            save_text(path, content)
    print(dumps(found, indent=1) if json else text(found))
