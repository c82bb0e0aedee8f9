"""`egca bench TABLE`, `egca bench all`, `egca bench report`: options, and what a person sees.

What a table is and how it is measured is harness/tables'."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.output import EXIT_INTERRUPTED
from egca.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from harness.tables.request import Request

_REPORT = ("yaml", "pydantic", "matplotlib")
_TRAIN = ("torch", "transformers")

Preset = Annotated[str, typer.Option(help="tiny (two CPU cores), small (one GPU) or paper.")]
Seeds = Annotated[int | None, typer.Option(min=2, help="0 to N - 1 are reported.  [default: 5]")]
Methods = Annotated[
    str | None, typer.Option(help="Some of the table's, with commas; GRPO is always among them.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Runs at once, a core each.  [default: 2]")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what the last command for it asked for.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be run and what it takes; do nothing.")
]


def needs_extra(purpose: str, extra: str, modules: tuple[str, ...]) -> None:
    """Raises: MissingExtraError unless all modules are installed."""
    if not all(find_spec(name) for name in modules):
        raise MissingExtraError(purpose, extra)


def table_command(name: str, about: str) -> Callable[..., None]:
    """The command function of a table that is measured by harness/tables."""

    def bench_table(
        preset: Preset = "tiny",
        seeds: Seeds = None,
        methods: Methods = None,
        workers: Workers = None,
        resume: Resume = False,
        dry_run: DryRun = False,
    ) -> None:
        needs_extra("egca bench", "report", _REPORT)
        measure(name, preset, seeds, methods, workers, resume, dry_run)

    bench_table.__doc__ = (
        f"Measure {about}.\n\nRuns that exist are not run again; a command that is killed goes on "
        "where it stood. Status 0: measured; 2: bad input or something missing.\n\n"
        f"Example: egca bench {name} --dry-run"
    )
    return bench_table


def all_tables(
    preset: Preset = "tiny",
    seeds: Seeds = None,
    workers: Workers = None,
    dry_run: DryRun = False,
) -> None:
    """Measure every table that this machine can, then render the report.

    Status 0: measured; 2: bad input or something missing.

    Example: egca bench all --dry-run
    """
    from harness.tables.methods import trainable
    from harness.tables.registry import TABLES

    needs_extra("egca bench", "report", _REPORT)
    for name, table in TABLES.items():
        if not table.measure or (preset != "tiny" and not table.trains):
            continue
        if not trainable(table.methods, preset):
            print(f"# {name}: nothing to train at preset {preset} besides GRPO")
            continue
        print(f"# {name}")
        measure(name, preset, seeds, None, workers, False, dry_run)
    if not dry_run:
        report()


def report(
    output: Annotated[
        Path | None, typer.Option(help="Folder of the page.  [default: results/report]")
    ] = None,
) -> None:
    """Render published and measured tables as one page, Markdown and plots; measure nothing.

    Example: egca bench report --output report
    """
    needs_extra("egca bench report", "report", _REPORT)
    from harness.tables.report import write

    for path in write(output):
        print(path)


def speed() -> None:
    """Show as ratios what `python -m harness.benchmarks.*` measured.

    Example: egca bench speed
    """
    needs_extra("egca bench speed", "report", _REPORT)
    from harness.tables.render import markdown
    from harness.tables.view import view_of

    print(markdown(view_of("speed")))


def measure(
    name: str,
    preset: str,
    seeds: int | None,
    methods: str | None,
    workers: int | None,
    resume: bool,
    dry_run: bool,
) -> None:
    """Measure a table and print it, or say what that would take."""
    from harness.tables.methods import PRESETS, trainable
    from harness.tables.registry import TABLES

    if preset not in PRESETS:
        raise InputError(f"--preset {preset}: there are {', '.join(PRESETS)}")
    table = TABLES[name]
    needs_extra(f"egca bench {name}", "train", _TRAIN)
    request = _request(name, preset, seeds, methods, workers, resume)
    if not trainable(request.methods, preset):
        raise InputError(f"{name}: nothing to train at preset {preset} besides GRPO")
    if dry_run:
        from harness.tables.estimate import plan

        print("\n".join(plan(name, preset, request)))
        return
    if preset != "tiny":
        raise InputError(
            f"--preset {preset} is run by its commands, on a machine that has what they need: "
            f"egca bench {name} --preset {preset} --dry-run prints them"
        )
    _run(name, table.measure, request)


def _request(
    name: str,
    preset: str,
    seeds: int | None,
    methods: str | None,
    workers: int | None,
    resume: bool,
) -> Request:
    from harness.tables.methods import chosen
    from harness.tables.registry import TABLES
    from harness.tables.request import N_SEEDS, Asked, Request, last_asked, runs_folder

    folder = runs_folder()
    if resume:
        if (seeds, methods, workers) != (None, None, None):
            raise InputError("--resume takes over --seeds, --methods and --workers: leave them out")
        asked = last_asked(folder, name)
    else:
        asked = Asked(chosen(methods, TABLES[name].methods), seeds or N_SEEDS, workers or 2)
    words = ["egca", "bench", name, "--preset", preset, "--seeds", str(asked.n_seeds)]
    if asked.methods != TABLES[name].methods:
        words += ["--methods", ",".join(asked.methods)]
    return Request(
        asked.methods, folder, asked.n_seeds, asked.n_workers, shlex.join(words), say=_say
    )


def _run(name: str, target: str, request: Request) -> None:
    from harness.tables.document import file_for, save
    from harness.tables.registry import results_folder
    from harness.tables.render import markdown
    from harness.tables.request import Asked
    from harness.tables.view import view_of

    Asked(request.methods, request.n_seeds, request.n_workers).save(request.folder, name)
    module, _, function = target.partition(":")
    try:
        found: dict[str, Any] = getattr(import_module(module), function)(name, request)
    except KeyboardInterrupt:
        print(f"egca: interrupted; egca bench {name} --resume goes on", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    path = file_for(name, found, results_folder(), request.folder)
    save(path, found)
    print(markdown(view_of(name, path.parents[2])))
    print(f"\n{path}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
