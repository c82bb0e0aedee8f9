"""`egca mcp` against the SDK's own client: over stdio, and over HTTP on this machine."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason='needs the extra "mcp"')

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

REFERENCE = "def total(values):\n    return sum(values)\n"
CANDIDATE = """\
def total(values):
    result = 0
    for i in range(1, len(values)):
        result += values[i]
    return result
"""
TESTS = "assert total([1, 2, 3]) == 6\nassert total([]) == 0\nassert total([5]) == 5\n"
HANGING = "def total(values):\n    while True:\n        pass\n"


@contextmanager
def http_server() -> Iterator[str]:
    """The address of a server of its own, ended by Ctrl-C."""
    command = [sys.executable, "-m", "egca", "mcp", "--http", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        yield server.stderr.readline().rsplit(" ", 1)[1].strip()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(20) in (0, 130)
        assert "Traceback" not in server.stderr.read()
        server.stderr.close()


@asynccontextmanager
async def connected(transport: str) -> AsyncIterator[Client]:
    if transport == "stdio":
        arguments = ["-m", "egca", "mcp"]
        async with Client(StdioServerParameters(command=sys.executable, args=arguments)) as client:
            yield client
        return
    with http_server() as address:
        async with Client(address) as client:
            yield client


def with_client(transport: str, use: Callable[[Client], Awaitable[None]]) -> None:
    async def main() -> None:
        async with connected(transport) as client:
            with anyio.fail_after(120):
                await use(client)

    anyio.run(main)


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    """The one line with which a tool refuses its input."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    text: str = result.content[0].text
    assert "\n" not in text
    assert len(text) < 400
    return text


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_every_tool_answers_with_its_type(transport: str) -> None:
    async def use(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"localize", "judge", "trace", "constraints"}
        assert all(tool.output_schema and tool.description for tool in tools.values())

        found = await answer(
            client, "localize", candidate=CANDIDATE, reference=REFERENCE, tests=TESTS
        )
        assert found["place"]["line"] == 3
        assert found["is_confirmed"]
        assert "range(" in found["place"]["code"]
        assert found["repair"]["source"].startswith("def total")
        assert any(step["is_divergence"] for step in found["steps"])
        assert (found["n_failing"], found["n_tests"]) == (2, 3)

        judged = await answer(client, "judge", candidate=found["repair"]["source"], tests=TESTS)
        assert judged["passes"]
        judged = await answer(client, "judge", candidate=CANDIDATE, tests=TESTS)
        assert judged["failing"][0]["input"] == "total([1, 2, 3])"
        assert (judged["failing"][0]["expected"], judged["failing"][0]["actual"]) == ("6", "5")

        traced = await answer(client, "trace", program=CANDIDATE, input="([1, 2],)")
        assert traced["outcome"] == "2"
        assert traced["events"][-1]["kind"] == "return"
        rest = await answer(
            client, "trace", program=CANDIDATE, input="([1, 2],)", first=2, n_events=1
        )
        assert rest["events"] == traced["events"][1:2]
        assert rest["is_truncated"]

        demanded = await answer(client, "constraints", reference=REFERENCE)
        assert any(one["is_enforced"] for one in demanded["constraints"])
        assert demanded["entry_point"] == "total"

    with_client(transport, use)


def test_scripts_and_json_tests() -> None:
    async def use(client: Client) -> None:
        script = "n = int(input())\nprint(n + 1)\n"
        tests = '{"stdin": "1\\n", "expected": "3\\n"}'
        judged = await answer(client, "judge", candidate=script, tests=tests)
        assert judged["failing"][0]["input"] == r"stdin '1\n'"
        traced = await answer(client, "trace", program=script, input="4\n", entry_point="")
        assert traced["outcome"] == r"'5\n'"

    with_client("stdio", use)


def test_input_that_does_not_fit_is_refused_in_one_line() -> None:
    async def use(client: Client) -> None:
        async def refused(tool: str, **arguments: Any) -> str:
            return await refusal(client, tool, **arguments)

        judge = {"candidate": CANDIDATE, "tests": TESTS}
        assert "at most 100000" in await refused("judge", **{**judge, "candidate": "#" * 100_001})
        assert "at least 1 character" in await refused("judge", **{**judge, "candidate": ""})
        assert "less than or equal to 10" in await refused("judge", **judge, timeout_s=60)
        assert "tests: Field required" in await refused("judge", candidate=CANDIDATE)
        assert "'refrence'" in await refused("judge", **judge, refrence=REFERENCE)
        assert "not Python" in await refused("judge", **{**judge, "tests": "assert ("})
        assert "not JSON" in await refused("judge", **{**judge, "tests": "[" * 100_000})
        assert "did you mean" in await refused("judge", **judge, entry_point="totl")
        assert "the reference itself fails" in await refused(
            "localize", **judge, reference="def total(values):\n    return 1\n"
        )
        assert "no Python literal" in await refused("trace", program=CANDIDATE, input="open('x')")
        assert "does not compile" in await refused("constraints", reference="-" * 50_000 + "1")
        assert (await answer(client, "judge", **judge))["n_failing"] == 2  # it goes on

    with_client("stdio", use)


def test_programs_run_in_the_sandbox_alone(tmp_path: Path) -> None:
    """Whatever a program tries, nothing outside changes, and the server goes on."""
    mark = tmp_path / "mark"
    hostile = f"""
import os, signal, socket, sys
found = []
def attempt(what):
    try:
        found.append(repr(what()))
    except BaseException as error:
        found.append("refused")
attempt(lambda: open({str(mark)!r}, "w").write("x"))
attempt(lambda: open({str(Path(__file__))!r}).read())
attempt(lambda: os.kill(os.getppid(), signal.SIGKILL))
attempt(lambda: os.kill({os.getpid()}, signal.SIGKILL))
attempt(lambda: os.system("touch {mark}"))
attempt(lambda: socket.create_connection(("127.0.0.1", 1), 1))
def total(values):
    return found
"""
    dying = "import os\ndef total(values):\n    os._exit(0)\n"

    async def use(client: Client) -> None:
        for tool in ("judge", "localize"):
            found = await answer(client, tool, candidate=hostile, tests=TESTS)
            assert found["failing"]["actual"] if tool == "localize" else found["failing"]
        traced = await answer(client, "trace", program=hostile, input="([],)", entry_point="total")
        assert "refused" in traced["outcome"]
        for source in (hostile, dying):  # as a reference, and as tests
            await client.call_tool(
                "localize", {"candidate": CANDIDATE, "tests": TESTS, "reference": source}
            )
            await client.call_tool("judge", {"candidate": CANDIDATE, "tests": f"{source}\n{TESTS}"})
            await answer(client, "constraints", reference=source, entry_point="total")
        assert (await answer(client, "judge", candidate=dying, tests=TESTS))["cause"] == "exit"
        assert (await answer(client, "judge", candidate=REFERENCE, tests=TESTS))["passes"]

    with_client("stdio", use)
    assert not mark.exists()


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_server_answers_others_while_a_program_runs(transport: str) -> None:
    async def use(client: Client) -> None:
        await answer(client, "judge", candidate=REFERENCE, tests=TESTS)  # all is warm
        seconds: dict[str, float] = {}
        started = time.monotonic()

        async def slow() -> None:
            await answer(client, "judge", candidate=HANGING, tests=TESTS, timeout_s=2.0)
            seconds["slow"] = time.monotonic() - started

        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            await anyio.sleep(0.3)
            await client.list_tools(cache_mode="bypass")
            seconds["list"] = time.monotonic() - started
        assert seconds["list"] < 1.5 < seconds["slow"]

    with_client(transport, use)


def test_http_listens_on_this_machine_and_answers_no_foreign_page() -> None:
    with http_server() as address:
        host, port = address.removeprefix("http://").removesuffix("/mcp").split(":")
        assert host == "127.0.0.1"
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            connection = http.client.HTTPConnection(host, int(port), timeout=10)
            connection.request(
                "POST", "/mcp", "{}", {"Content-Type": "application/json", **headers}
            )
            assert connection.getresponse().status in (403, 421)
            connection.close()
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("POST", "/mcp", "x" * (5 << 20), {"Content-Type": "application/json"})
        assert connection.getresponse().status == 413
        connection.close()


def egca(*arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules.update({without!r}.split() and {{{without!r}: None}}); "
    code += "from egca.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_what_keeps_it_from_starting_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, said in [
            (["--http", "--port", port], f"--port {port}: address already in use"),
            (["--port", "1"], "--port belongs to --http"),
            (["--http", "--port", "70000"], "from 0 to 65535"),
        ]:
            shown = egca("mcp", *arguments)
            assert (shown.returncode, shown.stderr.count("\n")) == (2, 1), shown.stderr
            assert said in shown.stderr
    shown = egca("mcp", without="mcp")
    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
    assert 'pip install "egca[mcp]"' in shown.stderr
