"""One child for all ops on a program: none gets in another's way, and a death is mended."""

from __future__ import annotations

import pytest

from egca.execution import Call, Limits, Sandbox
from egca.execution.one_child import OneChild
from egca.execution.patching import Patch
from egca.execution.runner import Runner
from egca.execution.tracer import TraceSession
from egca.types import Cause

LIMITS = Limits(call_s=0.3, late_call_s=0.05, program_s=5.0)
ABOVE = "def f(x):\n    if x > 3:\n        return 'yes'\n    return 'no'\n"
BELOW = "def f(x):\n    if x < 3:\n        return 'yes'\n    return 'no'\n"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as warm:
        yield warm


@pytest.fixture
def child(sandbox):
    with OneChild(sandbox, LIMITS) as one:
        yield one


def test_two_traced_programs_stay_apart(child):
    first = TraceSession(child, ABOVE, "function", "f")
    second = TraceSession(child, BELOW, "function", "f")
    trace = first.trace([Call((5,))])[0]
    assert [out.outcome.value for out in second.trace([Call((5,))])] == ["no"]
    branch = next(site for site in trace.sites if site.kind == "branch")
    assert first.intervene(Call((5,)), [Patch(branch.id, 1, flip=True)])[0].value == "no"
    assert first.trace([Call((5,))])[0].outcome.value == "yes"


def test_running_and_tracing_take_turns(child):
    with Runner(child, ABOVE, "function", "f", LIMITS) as runner:
        assert runner.run([Call((5,))])[0].value == "yes"
        traced = TraceSession(child, BELOW, "function", "f")
        assert traced.trace([Call((5,))])[0].outcome.value == "no"
        assert runner.run([Call((1,))])[0].value == "no"


def test_a_dead_child_is_replaced(child):
    source = "import os\ndef f(x):\n    if x:\n        os._exit(3)\n    return x\n"
    with Runner(child, source, "function", "f", LIMITS) as runner:
        outcomes = runner.run([Call((0,)), Call((1,)), Call((0,))])
    assert [out.failure.cause if out.failure else None for out in outcomes] == [
        None,
        Cause.EXIT,
        None,
    ]
    assert TraceSession(child, ABOVE, "function", "f").trace([Call((5,))])[0].outcome.ok


def test_after_one_timeout_the_next_comes_sooner(child):
    source = "def f(x):\n    while x:\n        pass\n    return x\n"
    limits = Limits(call_s=1.5, late_call_s=0.05, program_s=5.0)
    with Runner(child, source, "function", "f", limits) as runner:
        outcomes = runner.run([Call((1,)), Call((1,)), Call((0,))])
    causes = [out.failure.cause if out.failure else None for out in outcomes]
    assert causes == [Cause.TIMEOUT, Cause.TIMEOUT, None]
    assert outcomes[0].seconds >= limits.call_s > outcomes[1].seconds
