"""The MCP server: four tools with bounds on what they take, over stdio or HTTP on this machine.

A call runs in a thread, one at a time, so that the loop goes on answering; what the tools do is in
work.py. Programs run in the sandbox; over HTTP only 127.0.0.1 is listened on."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, ValidationError

from egca import __version__
from egca.errors import EgcaError, InputError
from egca.execution import Sandbox
from egca.files import reason_of
from egca.integrations.mcp.results import Constraints, Judged, Localized, Traced
from egca.integrations.mcp.work import Work
from egca.localization.ops import OPS

HOST = "127.0.0.1"
MAX_SOURCE, MAX_TESTS, MAX_INPUT = 100_000, 500_000, 100_000  # characters
MAX_BODY = 4 << 20  # bytes of one HTTP request: all texts of a call, escaped
MAX_TIMEOUT_S, MAX_BUDGET_S = 10.0, 30.0

T = TypeVar("T")

INSTRUCTIONS = """\
egca runs Python programs in a sandbox. When a program fails its tests, call `localize` with the
program, the tests and, if there is one, a correct program: it says where the behaviour first goes
wrong, proves it by running with that place changed, and often gives a repair that passes. `judge`
only runs the tests; `trace` shows what a program does on one input; `constraints` says what the
form of a correct program demands of others."""

_TESTS = """Tests as text: asserts in Python ("assert f(1) == 2"), pytest functions or unittest
classes; or JSON, one object a line: {"args": [1], "expected": 2}, for scripts
{"stdin": "1", "expected": "2"}."""

Source = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE, description="Python source.")]
Tests = Annotated[str, Field(min_length=1, max_length=MAX_TESTS, description=_TESTS)]
Reference = Annotated[
    str | None,
    Field(max_length=MAX_SOURCE, description="Source of a correct program, if there is one."),
]
EntryPoint = Annotated[
    str | None,
    Field(
        max_length=200,
        description='What is called: "f" or "Solution.f", "" for a script. Default: inferred.',
    ),
]
Timeout = Annotated[
    float, Field(gt=0, le=MAX_TIMEOUT_S, description="Seconds that one call may take.")
]
Budget = Annotated[
    float, Field(gt=0, le=MAX_BUDGET_S, description="Seconds that the search may take.")
]
Input = Annotated[
    str,
    Field(
        max_length=MAX_INPUT,
        description='The arguments as a Python literal: "(1, [2])" is two, "[2]" one. '
        "For a script: standard input.",
    ),
]
First = Annotated[int, Field(ge=1, le=1_000_000, description="The first event to give, from 1.")]
Events = Annotated[int, Field(ge=1, le=500, description="How many events to give.")]


class Server(MCPServer[Any]):
    """An MCP server whose errors of input are one line each."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Any | None = None
    ) -> Any:
        """As MCPServer; what does not fit the schema is said without repeating it."""
        known = {tool.name: tool.input_schema["properties"] for tool in await self.list_tools()}
        unknown = sorted(set(arguments) - set(known.get(name, arguments)))
        if unknown:  # a misspelt option would be as good as not given
            raise ToolError(
                f"{name}: unknown argument {unknown[0]!r:.60}; known are {', '.join(known[name])}"
            )
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(f"{name}: {_misfit(error.__cause__)}") from error.__cause__
            raise


def _misfit(error: ValidationError) -> str:
    """What is wrong with arguments, without their values: those may be long."""
    said = [
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()
    ]
    return "; ".join(dict.fromkeys(said))


def build(sandbox: Sandbox) -> MCPServer[Any]:
    """The server with its tools, whose programs run in this sandbox."""
    server = Server("egca", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    work = Work(sandbox)
    # One search at a time: two would take each other's time, and times decide about timeouts.
    turn = CapacityLimiter(1)

    async def answer(function: Callable[..., T], *arguments: Any) -> T:
        try:
            given: T = await to_thread.run_sync(partial(function, *arguments), limiter=turn)
            return given
        except EgcaError as error:
            raise ToolError(" ".join(f"{error}".split())) from None

    @server.tool()
    async def localize(
        candidate: Source,
        tests: Tests,
        reference: Reference = None,
        entry_point: EntryPoint = None,
        budget_s: Budget = 10.0,
    ) -> Localized:
        """Find where a failing program first goes wrong, with a proof and often a repair.

        Runs it beside a correct program, if one is given, on the inputs of the tests."""
        arguments = (candidate, tests, reference, entry_point, budget_s)
        return await answer(work.localize, *arguments)

    @server.tool()
    async def judge(
        candidate: Source,
        tests: Tests,
        reference: Reference = None,
        entry_point: EntryPoint = None,
        timeout_s: Timeout = 2.0,
    ) -> Judged:
        """Run a program's tests: whether it passes, and the first tests that it fails."""
        arguments = (candidate, tests, reference, entry_point, timeout_s)
        return await answer(work.judge, *arguments)

    @server.tool()
    async def trace(
        program: Source,
        input: Input,
        entry_point: EntryPoint = None,
        timeout_s: Timeout = 2.0,
        first: First = 1,
        n_events: Events = 100,
    ) -> Traced:
        """Run a program on one input: every value written, decision taken, call and return."""
        arguments = (program, input, entry_point, timeout_s, first, n_events)
        return await answer(work.trace, *arguments)

    @server.tool()
    async def constraints(reference: Source, entry_point: EntryPoint = None) -> Constraints:
        """What the form of a correct program demands of others. Nothing is run."""
        return await answer(work.constraints, reference, entry_point)

    return server


def serve_stdio() -> None:
    """Serve on standard input and output until the client closes them."""
    with Sandbox(preload=OPS) as sandbox:
        build(sandbox).run("stdio")


def serve_http(port: int) -> None:
    """Serve streamable HTTP on 127.0.0.1 until interrupted; the address is said on stderr.

    Args: port: 0 takes a free one.
    Raises: InputError if the port cannot be had.
    """
    import uvicorn

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # so that a client that reads the address is not refused
    except OSError as error:
        listener.close()
        raise InputError(f"--port {port}: {reason_of(error)}") from None
    with listener, Sandbox(preload=OPS) as sandbox:
        app = build(sandbox).streamable_http_app(host=HOST, max_request_body_size=MAX_BODY)
        at = f"http://{HOST}:{listener.getsockname()[1]}/mcp"
        sys.stderr.write(f"egca: serving MCP at {at}\n")
        sys.stderr.flush()
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
