"""`egca bench TABLE`: measure a table of results/measured; the tables are harness/tables'."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from harness.tables import TABLES

app = typer.Typer(
    name="bench",
    help="Measure, and write the tables of results/measured.\n\nExample: egca bench --list",
    add_completion=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    no_args_is_help=True,
)


@app.callback()
def bench(
    shows_list: Annotated[bool, typer.Option("--list", help="List the tables.")] = False,
) -> None:
    """Measure, and write the tables of results/measured."""
    if shows_list:
        width = max(map(len, TABLES))
        for name, table in TABLES.items():
            print(f"{name:<{width}}  {table.about} (results/{table.results})")
        raise typer.Exit


for _name, _table in TABLES.items():
    _module, _, _function = _table.command.partition(":")
    app.command(_name)(getattr(import_module(_module), _function))
