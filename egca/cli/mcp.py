"""`egca mcp`: the tools for agents, over the Model Context Protocol."""

from __future__ import annotations

from typing import Annotated

import typer

from egca.errors import InputError, MissingExtraError

_MAX_PORT = 65_535


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve HTTP on 127.0.0.1 instead of stdin and stdout.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Of --http. Default: 8000; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve localize, judge, trace and constraints to an agent (docs/mcp.md).

    Speaks the Model Context Protocol on stdin and stdout until they are closed, or over HTTP on
    this machine alone.

    Example: egca mcp --http --port 0
    """
    if port is not None and not http:
        raise InputError("--port belongs to --http")
    if port is not None and not 0 <= port <= _MAX_PORT:
        raise InputError(f"--port is {port}, but must be from 0 to {_MAX_PORT}")
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise MissingExtraError("egca mcp", "mcp")
    from egca.integrations.mcp.server import serve_http, serve_stdio

    if http:
        serve_http(8000 if port is None else port)
    else:
        serve_stdio()
