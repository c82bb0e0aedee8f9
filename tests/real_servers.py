"""Starting the servers that `make test-servers` sets up, in a virtual environment of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BIN = Path(os.environ.get("EGCA_SERVERS", ".venv-servers")).absolute() / "bin"
READY_S = 420
ROOT = Path(__file__).resolve().parents[1]
# vLLM's build for processors: a small cache, no search for cores of its own, nothing sent home.
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
}


@contextmanager
def serving(
    arguments: list[str], log: Path, more: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run `python ARGUMENTS --host --port` until the block ends; its address, without a path.

    Args:
        log: what it prints, in a folder that it may write. more: variables of its environment.
    """
    if not (BIN / "python").exists():
        pytest.skip("needs servers in .venv-servers: make test-servers")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [str(BIN / "python"), *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        running = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **QUIET, **(more or {})},
            cwd=log.parent,
        )  # fmt: skip
        try:
            _wait_for(port, running, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert running.poll() is None, log.read_text(errors="replace")[-3000:]
        time.sleep(0.5)
    pytest.fail(f"no server after {READY_S} s: {log.read_text(errors='replace')[-3000:]}")


def trained(
    python: Path, options: Mapping[str, Any], folder: Path
) -> subprocess.CompletedProcess[str]:
    """`python -m egca train` of preset tiny with these dotted options, into folder/run."""
    import yaml

    from egca.training.config import load_config

    if not (BIN / "python").exists():
        pytest.skip("needs servers in .venv-servers: make test-servers")
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(load_config("tiny", changes=options).model_dump()))
    environment = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT)}
    environment.pop("EGCA_BASE_URL", None)  # a run starts its own server
    command = [str(python), "-m", "egca", "train", "--config", str(file), "--output"]
    return subprocess.run(
        [*command, str(folder / "run")], text=True, capture_output=True, timeout=900,
        env=environment, cwd=folder, check=False,
    )  # fmt: skip
