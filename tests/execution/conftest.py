"""What the tests of traces share: a warm sandbox, and sessions in it."""

from collections.abc import Iterator

import pytest
from traced import Open

from egca.execution.limits import Limits
from egca.execution.recorder import TraceLimits
from egca.execution.sandbox import Sandbox
from egca.execution.tracer import TraceSession


@pytest.fixture(scope="module")
def tracing_sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=1.0), preload=["egca.execution.tracing"]) as made:
        yield made


@pytest.fixture
def session(tracing_sandbox: Sandbox) -> Iterator[Open]:
    opened: list[TraceSession] = []

    def open_(source: str, entry: str = "f", kind: str = "function", **bounds: int) -> TraceSession:
        made = TraceSession(tracing_sandbox, source, kind, entry, None, TraceLimits(**bounds))
        opened.append(made)
        return made

    yield open_
    for each in opened:
        each.close()
