"""`egca bench TABLE`, `egca bench all`, `egca bench report`: options, and what a person sees.

What a table is and how it is measured is harness/tables'."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
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
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An option of every run, as steps=100."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be run and what it takes; do nothing.")
]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for besides the table; None: not said."""

    preset: str
    seeds: int | None = None
    methods: str | None = None
    workers: int | None = None
    settings: list[str] | None = None
    resume: bool = False


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
        settings: Settings = None,
        resume: Resume = False,
        dry_run: DryRun = False,
    ) -> None:
        needs_extra("egca bench", "report", _REPORT)
        measure(name, Options(preset, seeds, methods, workers, settings, resume), dry_run)

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
        measure(name, Options(preset, seeds, workers=workers), dry_run)
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


def measure(name: str, options: Options, dry_run: bool) -> None:
    """Measure a table and print it, or say what that would take."""
    from harness.tables.methods import PRESETS, trainable
    from harness.tables.registry import TABLES

    preset = options.preset
    if preset not in PRESETS:
        raise InputError(f"--preset {preset}: there are {', '.join(PRESETS)}")
    table = TABLES[name]
    needs_extra(f"egca bench {name}", "train", _TRAIN)
    request = _request(name, options)
    if not trainable(request.methods, preset):
        raise InputError(f"{name}: nothing to train at preset {preset} besides GRPO")
    if preset != "tiny" and not table.trains:
        raise InputError(f"{name} is measured on preset tiny only")
    if dry_run:
        from harness.tables.estimate import plan

        print("\n".join(plan(name, preset, request)))
        return
    if preset != "tiny":
        needs_extra(f"egca bench {name} --preset {preset}", "eval", ("evalplus",))
    _run(name, preset, request)


def _request(name: str, options: Options) -> Request:
    from egca.training.config import parsed
    from harness.tables.methods import chosen
    from harness.tables.registry import TABLES
    from harness.tables.request import N_SEEDS, Asked, Request, last_asked, runs_folder

    folder = runs_folder()
    if options.resume:
        if replace(options, preset="", resume=False) != Options(""):
            raise InputError("--resume takes over --seeds, --methods, --workers and --set: leave "
                             "them out")  # fmt: skip
        asked = last_asked(folder, name)
    else:
        asked = Asked(
            chosen(options.methods, TABLES[name].methods),
            options.seeds or N_SEEDS,
            options.workers or 2,
            dict(parsed(setting) for setting in options.settings or ()),
        )
    words = ["egca", "bench", name, "--preset", options.preset, "--seeds", str(asked.n_seeds)]
    if asked.methods != TABLES[name].methods:
        words += ["--methods", ",".join(asked.methods)]
    for option, value in asked.changes.items():
        words += ["--set", f"{option}={value}"]
    return Request(
        asked.methods, folder, asked.n_seeds, asked.n_workers, shlex.join(words), asked.changes,
        say=_say,
    )  # fmt: skip


def _run(name: str, preset: str, request: Request) -> None:
    from harness.tables.document import file_for, save
    from harness.tables.registry import TABLES, results_folder
    from harness.tables.render import markdown
    from harness.tables.request import Asked
    from harness.tables.view import view_of

    asked = Asked(request.methods, request.n_seeds, request.n_workers, request.changes)
    asked.save(request.folder, name)
    try:
        if preset == "tiny":
            module, _, function = TABLES[name].measure.partition(":")
            found: dict[str, Any] = getattr(import_module(module), function)(name, request)
        else:
            from harness.tables import carry_out

            found = carry_out.measure(name, preset, request)
    except KeyboardInterrupt:
        goes_on = "" if preset == "tiny" else f" --preset {preset}"
        print(f"egca: interrupted; egca bench {name}{goes_on} --resume goes on", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    path = file_for(name, found, results_folder(), request.folder)
    save(path, found)
    print(markdown(view_of(name, path.parents[2])))
    print(f"\n{path}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
