"""The vLLM server of a local model: started for the runs that ask it, stopped behind them.

An engine in each process that asks would not fit on a GPU beside a trainer; one server does."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from egca.errors import InputError, MissingExtraError

PORT = 8000  # in a script; else one that is free
ADDRESS = "EGCA_BASE_URL"
_START_S = 1800.0  # weights may have to be downloaded first
_STOP_S = 30.0


def command(model: str, port: int) -> list[str]:
    """What serves a model with the OpenAI protocol, beside a training on the same GPU."""
    return ["vllm", "serve", model, "--port", str(port), "--gpu-memory-utilization", "0.3"]


@contextmanager
def served(model: str, log: Path, start_s: float = _START_S) -> Iterator[dict[str, str]]:
    """Serve a model; what is yielded are the variables by which debuggers find it.

    Where EGCA_BASE_URL is set already, that server is taken and none is started.

    Args:
        log: what the server says. start_s: seconds until it has to answer.
    Raises: MissingExtraError without vLLM; InputError naming the log where it does not come up.
    """
    if os.environ.get(ADDRESS):
        yield {}
        return
    port = _free_port()
    begun = _here(command(model, port))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        server = subprocess.Popen(
            begun,
            stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    try:
        address = f"http://localhost:{port}/v1"
        _wait(server, address, model, log, start_s)
        yield {ADDRESS: address}
    finally:
        _stop(server)


def _here(command: list[str]) -> list[str]:
    """`vllm serve MODEL ...` with the vLLM of this environment, else with the one on the path."""
    _, _, model, *options = command
    if find_spec("vllm") is not None:
        return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model,
                *options]  # fmt: skip
    own = Path(sys.executable).parent
    program = shutil.which("vllm", path=f"{own}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        raise MissingExtraError(f"serving {model}", "vllm")
    return [program, *command[1:]]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def _wait(
    server: subprocess.Popen[bytes], address: str, model: str, log: Path, start_s: float
) -> None:
    until = time.monotonic() + start_s
    while time.monotonic() < until:
        if server.poll() is not None:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            last = lines[-1].strip()[:200] if lines else "it said nothing"
            raise InputError(f"the server of {model} ended before it answered: {last} (see {log}; "
                             f"or start one and name it in {ADDRESS})")  # fmt: skip
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{address}/models", timeout=5) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.5)
    raise InputError(f"the server of {model} did not answer within {start_s:g} s (see {log})")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End it and what it started; it may have ended by itself."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_STOP_S)
            return
