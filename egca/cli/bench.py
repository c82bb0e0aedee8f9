"""`egca bench TABLE`: measure a table of results/measured; the tables are harness/tables'."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from egca.cli.bench_tables import all_tables, needs_extra, report, speed, table_command
from harness.tables import TABLES

app = typer.Typer(
    name="bench",
    help="Measure the tables of results/, and show them beside the published ones.\n\n"
    "Example: egca bench --list",
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    no_args_is_help=True,
)


@app.callback()
def bench(
    shows_list: Annotated[
        bool,
        typer.Option("--list", help="List the tables: needs, cost, published and measured rows."),
    ] = False,
) -> None:
    """Measure the tables of results/, and show them beside the published ones.

    Published and measured numbers are kept apart: results/published, results/measured.
    """
    if shows_list:
        needs_extra("egca bench --list", "report", ("yaml", "pydantic"))
        from harness.tables.coverage import lines

        print("\n".join(lines()))
        raise typer.Exit


for _name, _table in TABLES.items():
    if _table.command:
        _module, _, _function = _table.command.partition(":")
        app.command(_name)(getattr(import_module(_module), _function))
    elif _table.measure:
        app.command(_name)(table_command(_name, _table.about))
app.command("speed")(speed)
app.command("all")(all_tables)
app.command("report")(report)
