"""`egca localize`: show where a failing program first goes wrong, and prove it.

Reads the options and hands over: inputs.py loads, egca/localization finds, its render room draws,
batch.py does many. What is written where, and the exit status, is decided here."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.checks import check_count, check_seconds
from egca.cli.model_options import BaseUrl, MaxCost, NoCache, given_options, refuse_without_model
from egca.errors import InputError
from egca.files import check_apart, check_writable

if TYPE_CHECKING:
    from egca.cli.inputs import Loaded, Request
    from egca.localization.result import Localization

EXIT_PASSES = 1
_KINDS = ("function", "method", "script")
_COLOURS = ("auto", "always", "never")


def localize(
    candidate: Annotated[
        str | None,
        typer.Argument(
            help="The failing program; - reads a completion from stdin.", show_default=False
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="A correct program. Without it the answer is weaker.")
    ] = None,
    tests: Annotated[
        Path | None, typer.Option(help="Asserts in Python, or inputs and outputs in JSON(L).")
    ] = None,
    entry_point: Annotated[
        str | None, typer.Option(help="What the tests call: NAME or Class.NAME. Default: inferred.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="function, method or script. Default: inferred.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Reference and tests of a task, such as HumanEval/3.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Where the task is: a name or file (docs/datasets.md).")
    ] = None,
    example: Annotated[str | None, typer.Option(help="A shipped failing program.")] = None,
    list_examples: Annotated[
        bool, typer.Option("--list-examples", help="List the shipped programs.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write JSON (docs/json.md) instead of the picture.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with a slider through both runs.")
    ] = None,
    color: Annotated[str, typer.Option(help="auto, always or never.")] = "auto",
    timeout: Annotated[float | None, typer.Option(help="Seconds for each test input.")] = None,
    budget_s: Annotated[float | None, typer.Option(help="Seconds for the whole search.")] = None,
    atol: Annotated[float | None, typer.Option(help="Absolute tolerance for floats.")] = None,
    rtol: Annotated[float | None, typer.Option(help="Relative tolerance for floats.")] = None,
    debugger: Annotated[
        str, typer.Option(help="trace, llm:MODEL, agent:MODEL, ensemble:MODEL (docs/debuggers.md).")
    ] = "trace",
    show_transcript: Annotated[
        bool, typer.Option("--show-transcript", help="Show the dialogue with the model.")
    ] = False,
    base_url: BaseUrl = None,
    max_cost: MaxCost = None,
    no_cache: NoCache = False,
    batch: Annotated[
        Path | None, typer.Option(help="Localize all cases of a JSONL file (needs --output).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where --batch writes, a line a case.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes of --batch.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with --output: skip the cases in it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite --output.")] = False,
) -> None:
    """Show where a failing program first goes wrong, and prove it.

    Runs it beside a correct program on the same inputs. Status 0: found; 1: it passes, nothing to
    localize; 2: bad input.

    Example: egca localize wrong.py --reference right.py --tests tests.py
    """
    _one_of("--color", color, _COLOURS)
    if kind is not None:
        _one_of("--kind", kind, _KINDS)
    check_seconds("--timeout", timeout)
    check_seconds("--budget-s", budget_s)
    model_options = given_options(base_url, max_cost, no_cache)
    if debugger == "trace":
        refuse_without_model({**model_options, "show_transcript": show_transcript or None})
    if list_examples:
        _list_examples()
        return
    if batch is not None or output is not None:
        singles: dict[str, object] = {"CANDIDATE": candidate, "--reference": reference}
        singles |= {"--tests": tests, "--task": task, "--example": example}
        singles |= {"--html": html, "--json": json or None}
        singles |= {"--show-transcript": show_transcript or None}
        _batch(
            batch,
            output,
            singles,
            workers,
            resume,
            force,
            timeout,
            budget_s,
            debugger,
            model_options,
        )
        return
    _refuse_without_batch(workers, resume, force)
    if html is not None:
        given = {"the candidate": candidate, "--reference": reference, "--tests": tests}
        inputs = {name: Path(path) for name, path in given.items() if path not in (None, "-")}
        check_apart({"--html": html}, inputs)
        check_writable(html)
    from egca.cli.progress import waiting
    from egca.cli.search import Search

    with Search(
        timeout, budget_s, debugger, model_options
    ) as search:  # its sandbox starts while the input is read
        from egca.cli.inputs import Request

        request = Request(
            candidate, reference, tests, entry_point, task, dataset, example,
            kind, atol, rtol,  # type: ignore[arg-type]
        )  # fmt: skip
        loaded = _load(request)
        with nullcontext() if debugger == "trace" else waiting(f"asking {debugger}"):
            found = search.localize(loaded.program, loaded.problem)
    if html is not None:
        _write_page(found, loaded.name, html)
    if json:
        _write_json(found)
    else:
        _show(found, loaded.name, color, show_transcript)
    raise typer.Exit(EXIT_PASSES if found.divergence is None else 0)


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f'{option} is "{value}", but must be one of {", ".join(choices)}')


def _list_examples() -> None:
    from egca.cli.inputs import example_names

    names = example_names()
    width = max(map(len, names))
    for name, about in names.items():
        print(f"{name:<{width}}  {about}")


def _refuse_without_batch(workers: int, resume: bool, force: bool) -> None:
    for option, is_given in (("--workers", workers != 1), ("--resume", resume), ("--force", force)):
        if is_given:
            raise InputError(f"{option} belongs to --batch CASES.jsonl --output FILE")


def _load(request: Request) -> Loaded:
    from egca.cli.inputs import STDIN, load

    if request.candidate == STDIN and sys.stdin.isatty():
        print("egca: reading the completion from the terminal; Ctrl-D ends it", file=sys.stderr)
    return load(request)


def _write_page(found: Localization, name: str, path: Path) -> None:
    from egca.files import save_text
    from egca.localization.render.html import page

    save_text(path, page(found, name))


def _write_json(found: Localization) -> None:
    from json import dumps

    from egca.localization.render.document import document

    print(dumps(document(found), allow_nan=False))


def _show(found: Localization, name: str, color: str, shows_transcript: bool) -> None:
    from egca.localization.render.terminal import TerminalView

    _console(color).print(TerminalView(found, name, shows_transcript=shows_transcript))


def _console(color: str) -> Any:
    """A console on stdout: NO_COLOR and a pipe mean not one escape, not just no colour."""
    import os

    from rich.console import Console

    if color == "always":
        return Console(force_terminal=True, color_system="256", highlight=False)
    is_plain = color == "never" or os.environ.get("NO_COLOR") or not sys.stdout.isatty()
    return Console(color_system=None if is_plain else "auto", highlight=False)


def _batch(
    cases: Path | None,
    output: Path | None,
    singles: dict[str, object],
    workers: int,
    resume: bool,
    force: bool,
    timeout: float | None,
    budget_s: float | None,
    debugger: str,
    options: dict[str, Any],
) -> None:
    if cases is None or output is None:
        raise InputError("--batch CASES.jsonl and --output FILE belong together")
    for option, value in singles.items():
        if value is not None:
            raise InputError(
                f"{option} is for one program; --batch takes all it needs from its cases"
            )
    check_count("--workers", workers)
    if resume and force:
        raise InputError("--resume keeps the output and --force overwrites it: choose one")
    from egca.cli.batch import run_batch

    if debugger != "trace":
        from egca.debuggers.registry import check_name

        check_name(debugger)
    status = run_batch(cases, output, workers, resume, force, timeout, budget_s, debugger, options)
    raise typer.Exit(status)
