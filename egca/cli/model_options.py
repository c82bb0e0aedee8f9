"""Options of the commands that ask a model, as egca.debuggers takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from egca.errors import InputError

BaseUrl = Annotated[
    str | None, typer.Option(help="The server of the model, such as http://host:8000/v1.")
]
MaxCost = Annotated[
    float | None,
    typer.Option(help="Dollars that all calls may cost together; for models with a price."),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Ask again what is on disk from an earlier run.")
]


def given_options(base_url: str | None, max_cost: float | None, no_cache: bool) -> dict[str, Any]:
    """Those that were given, by the names that open_model knows."""
    options = {"base_url": base_url, "max_cost": max_cost, "cache": False if no_cache else None}
    return {key: value for key, value in options.items() if value is not None}


def refuse_without_model(options: Mapping[str, Any]) -> None:
    """Refuse options of a model where the trace is asked. Raises: InputError naming the first."""
    for key, value in options.items():
        if value is not None:
            name = "no-cache" if key == "cache" else key.replace("_", "-")
            raise InputError(f"--{name} is for a model: name one with --debugger")
