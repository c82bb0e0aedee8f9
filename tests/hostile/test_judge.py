"""Programs that cheat the tests rather than the sandbox: what holds answers against expectations.

Each problem is one that a comparison, a view, a script or the code of a test could get wrong."""

from __future__ import annotations

import textwrap
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from egca.execution import Call, Limits, Sandbox
from egca.execution.expectations import GroundTruth
from egca.execution.judging import judge
from egca.execution.tracer import TraceSession
from egca.localization import localize
from egca.problems import Check, Example, Problem
from egca.types import Cause, Comparison, Verdict
from harness.benchmarks.hostile_cases import forging, hostile_cases

FORGE = forging()
LIMITS = Limits(call_s=0.5, program_s=2.0, memory_bytes=1 << 28)
DATA = "data = lambda code, body: msgpack.packb(msgpack.ExtType(code, body))\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as made:
        yield made


def fails(sandbox: Sandbox, problem: Problem, program: str, within_s: float = 60.0) -> Verdict:
    """The verdict, which must not be a pass and must not be long in coming."""
    started = time.monotonic()
    verdict = judge(problem, textwrap.dedent(program), sandbox=sandbox)
    assert time.monotonic() - started < within_s
    assert not verdict.passed
    assert verdict.cause is not Cause.NONE
    assert len(verdict.evidence) < 2000
    return verdict


def example(expected: object, kind: str = "function", **comparison: object) -> Problem:
    test = Example("one", (1,), expected=expected, comparison=Comparison(**comparison))  # type: ignore[arg-type]
    if kind == "script":
        test = Example("one", stdin="1\n", expected=expected)
    return Problem("t", "" if kind == "script" else "f", (test,), kind)  # type: ignore[arg-type]


def check(source: str) -> Problem:
    return Problem("t", "f", (Check("check", textwrap.dedent(source), "candidate"),))


@pytest.mark.parametrize(
    ("expected", "comparison", "body"),
    [
        pytest.param([1, 2], {"unordered": True}, "range(10**15)", id="endless bag"),
        pytest.param([1, 2], {"view": "set"}, "range(10**15)", id="endless set"),
        pytest.param([1, 2], {"view": "list"}, "range(10**15)", id="endless list"),
        pytest.param((1, 2), {"view": "tuple"}, "range(-(10**30), 10**30)", id="endless tuple"),
        pytest.param([*range(-900, 0)], {"unordered": True}, "[*range(400_000)]", id="long bag"),
        pytest.param([*range(3000)], {"unordered": True}, "[*range(1, 3001)]", id="shifted bag"),
        pytest.param(
            [[float(i)] for i in range(3000)],
            {"unordered": True, "atol": 1e-9},
            "[[i + 0.5] for i in range(3000)]",
            id="bag of near numbers",
        ),
        pytest.param(
            [{"a": i} for i in range(3000)],
            {"unordered": True, "rtol": 1e-9},
            "[{'a': -1 - i} for i in range(3000)]",
            id="bag of dicts",
        ),
        pytest.param({*range(3000)}, {}, "{*range(1, 3001)}", id="shifted set"),
        pytest.param(
            {float(i): 1 for i in range(3000)},
            {"atol": 1e-9},
            "{i + 0.5: 1 for i in range(3000)}",
            id="keys that are near",
        ),
        pytest.param([1], {"view": "set"}, "[(2**61 - 1) * i for i in range(5000)]", id="one hash"),
        pytest.param(1.0, {"atol": 1e-6}, "float('nan')", id="not a number"),
        pytest.param(1.0, {"rtol": 1e300}, "float('inf')", id="infinite"),
        pytest.param(1.0, {"atol": 1e-6}, "10**100_000", id="integer beyond floats"),
        pytest.param(1.0, {"atol": 1e-6}, "complex('nan')", id="complex"),
        pytest.param(False, {"view": "is_not_none"}, "f", id="a function is there, and is true"),
        pytest.param(True, {"view": "is_not_none"}, "None", id="nothing is there"),
        pytest.param(True, {"view": "truth"}, "type('T', (), {})()", id="an object is true"),
        pytest.param([], {"view": "list"}, "iter(lambda: 0, 1)", id="endless iterator"),
        pytest.param([0], {}, "[[[0] * 40] * 40] * 40", id="wide"),
        pytest.param("a", {}, "'a' * 4_000_000", id="long text"),
        pytest.param({"a": 1}, {}, "{i: i for i in range(200_000)}", id="many keys"),
    ],
)
def test_comparison_is_neither_fooled_nor_slowed(
    sandbox: Sandbox, expected: object, comparison: dict[str, object], body: str
) -> None:
    fails(sandbox, example(expected, **comparison), f"def f(x):\n    return {body}")


FORGED = {
    "failure that is none": "frame(failure=failure(cause='none'))",
    "failure of no cause": "frame(failure=failure(cause=None))",
    "cause that is a list": "frame(failure=failure(cause=[]))",
    "opaque value": "frame(value=data(4, msgpack.packb(['int', 'type'])))",
    "deep value": "frame(value=b'\\x91' * 900 + b'\\x90')",
    "text for value": "frame(value='2')",
    "number for arguments": "frame(value=b'\\x07', args_after=b'\\x07')",
    "too few arguments": "frame(value=b'\\x07', args_after=b'\\x91' + data(16, b''))",
    "deep stdout": "frame(value=b'\\x07', stdout=[[[]]])",
    "no fields": "[0, {}]",
    "no frame": "[0, None]",
    "iterator without items": "frame(value=b'\\x91' + data(25, b''))",
    "dict with a list as key": "frame(value=b'\\x81\\x90\\x01')",
    "extension nobody knows": "frame(value=data(99, b''))",
    "digest of nothing": "frame(digest=b'\\0' * 32)",
    "short digest": "frame(digest=b'')",
    "digest and value": "frame(digest=b'\\0' * 32, value=b'\\x02')",
    "no value": "frame()",
    "short frame without a value": "[0, [None, None, 0.0]]",
    "short frame of two": "[0, [b'\\x02', None]]",
    "short frame with a failure": "[0, [b'\\x02', None, 0.0, failure()]]",
    "short frame without a time": "[0, [b'\\x02', None, None]]",
    "short frame of a digest": "[0, [None, b'\\0' * 32, 0.0]]",
    "short frame of text": "[0, ['2', None, 0.0]]",
    "infinite time": "frame(value=b'\\x07', seconds=float('-inf'))",
}
ORACLES = {
    "equal": "assert candidate([1]) == [2]",
    "handed on": "x = candidate([1])\nassert candidate([x, x]) == [2]\nassert x == [2]",
    "wrapped": "x = candidate([1])\nfor _ in range(90): x = [x]\nassert candidate(x) == 2",
    "expects an error": (
        "try:\n    candidate([1])\nexcept ValueError:\n    pass\nelse:\n    assert False"
    ),
    "checks its argument": "x = [1]\ny = candidate(x)\nassert x == [1] and y == [2] and sorted(y)",
    "true": "assert not candidate([1]) and candidate([2])",
}


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("name", FORGED)
def test_forged_answers_pass_no_test_of_code(sandbox: Sandbox, name: str, oracle: str) -> None:
    """Nor do they make the judge raise, or blame the test."""
    program = f"{FORGE}{DATA}def f(x):\n    send({FORGED[name]})\n    send([1])\n    return 7\n"
    fails(sandbox, check(ORACLES[oracle]), program)


@pytest.mark.parametrize("name", FORGED)
def test_forged_output_passes_no_script(sandbox: Sandbox, name: str) -> None:
    program = f"{FORGE}{DATA}send({FORGED[name]})\nsend([1])\n"
    fails(sandbox, example("2\n", "script"), program)


@pytest.mark.parametrize(
    "program",
    [
        "import os\nos._exit(0)",
        "import os\nos.write(2, b'2\\n')",
        "import sys\nsys.stderr.write('2\\n')",
        "import sys\nsys.stdout.close()",
        "raise SystemExit('2')",
        "import sys\nsys.stdout = type('S', (), {'write': print, 'flush': lambda s: None})()",
        "print('PASSED'); import atexit; atexit.register(print, 2)",
        "import threading\nthreading.Timer(60, print, [2]).start()",
        "while True: print(2)",
        "print('2' * 10**7)",
        "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe2')",
    ],
)
def test_hostile_scripts(sandbox: Sandbox, program: str) -> None:
    fails(sandbox, example("2\n", "script"), program)


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("assert sorted(candidate(1)) == [2]", "range(10**15)"),
        ("assert list(candidate(1)) == [2]", "range(10**15)"),
        ("assert [2] == [i for i in candidate(1) if i < 0]", "range(10**7)"),
        ("assert candidate(1) in [[2]]", "[[[0] * 40] * 40] * 40"),
        ("assert abs(candidate(1) - 2) < 1e-6", "float('nan')"),
        ("assert candidate(1) == 2, candidate(1)", "'x' * 3_000_000"),
        ("assert str(candidate(1)) == '2'", "10**100_000"),
        ("assert [*map(str, candidate(1))] == ['2']", "iter([f])"),
        ("assert isinstance(candidate(1), int) and candidate(1) == 2", "type('I', (int,), {})(2)"),
        ("assert candidate(1) == pytest.approx(2)", "float('nan')"),
    ],
)
def test_answers_that_are_hard_on_the_test(sandbox: Sandbox, source: str, body: str) -> None:
    fails(sandbox, check(source), f"def f(x):\n    return {body}")


def test_a_program_does_not_meet_the_test_in_its_own_process(sandbox: Sandbox) -> None:
    program = """
        import gc, sys
        def f(x):
            found = [o for o in gc.get_objects() if type(o) is str and "candidate" in o]
            frame = sys._getframe()
            while frame:
                found += [k for k in frame.f_locals if k in ("candidate", "expected", "check")]
                frame = frame.f_back
            return 987654321 if found or "program_test" in sys.modules else 7
    """
    verdict = fails(sandbox, check("assert candidate(1) == 987654321"), program)
    assert verdict.results[0].actual.value == 7


@pytest.mark.slow
def test_a_test_that_an_answer_makes_hang_costs_a_few_times_its_limit(sandbox: Sandbox) -> None:
    sources = [f"x = candidate({i})\nwhile x: pass" for i in range(8)]
    problem = Problem("t", "f", tuple(Check(s, s, "candidate") for s in sources))
    verdict = fails(sandbox, problem, "def f(x):\n    return 1", within_s=90.0)
    assert len(verdict.results) == 8
    assert not any(result.passed for result in verdict.results)


def test_answers_are_not_kept_without_bound(sandbox: Sandbox) -> None:
    tests = tuple(Example(str(i), (i,), expected=0) for i in range(60))
    program = "text = 'x' * 3_000_000\ndef f(x):\n    return text"
    verdict = fails(sandbox, Problem("t", "f", tests), program)
    kept = [r for r in verdict.results if r.cause is Cause.WRONG_OUTPUT]
    refused = {r.cause for r in verdict.results} - {Cause.WRONG_OUTPUT}
    assert sum(len(r.actual.value) for r in kept) <= 16 * LIMITS.value_bytes
    assert refused <= {Cause.OUTPUT_LIMIT, Cause.TIMEOUT}
    assert Cause.OUTPUT_LIMIT in refused


SLOW = ("drop_by_drop", "frames_without_end", "message_without_end", "places_without_end")


@pytest.mark.parametrize(
    "kept",
    [
        "while True: pass",
        "yield b'\\x07'",
        "yield None",
        "yield 7",
        "raise SystemExit",
        "yield b'\\xc1'",
    ],
)
def test_values_that_stay_behind_are_not_lost_time(sandbox: Sandbox, kept: str) -> None:
    """Of a large value the child sends a digest, and the value when it is asked; or does not."""
    program = f"""
        import sys
        def kept(state, payload):
            {kept}
            yield b""
        sys.modules["egca.execution.program"].kept = kept
        sys.modules["egca.execution.zygote"]._OPS.clear()
        def f(x):
            return [x] * 50_000
    """
    tests = tuple(Example(str(i), (i,), expected=[i] * 40_000) for i in range(6))
    verdict = judge(
        Problem("t", "f", tests),
        textwrap.dedent(program),
        sandbox=sandbox,
        truth=GroundTruth(is_light=True),
    )
    assert not any(result.passed for result in verdict.results)
    assert verdict.seconds < 30  # a budget of 2 s; six of them without it, and more


FORGERIES = [
    pytest.param(
        case.source,
        id=name,
        marks=(pytest.mark.slow,) if name.endswith(SLOW) else (),
    )
    for name, case in hostile_cases().items()
    if name.startswith("forged_")
]


@pytest.mark.parametrize("source", FORGERIES)
def test_forged_traces_are_failures_or_data(sandbox: Sandbox, source: str) -> None:
    """The same forgeries in answer to a request for a trace: nothing raises, nothing passes."""
    with TraceSession(sandbox, source, "function", "f", LIMITS) as session:
        traces = session.trace([Call((1,)), Call((2,))])
        assert len(traces) == 2
        assert not any(trace.outcome.ok and trace.outcome.value in (2, 3) for trace in traces)
        assert len(session.intervene(Call((1,)), [[], []])) == 2


def test_a_forged_number_for_a_column_allocates_nothing(sandbox: Sandbox) -> None:
    source = f"""{FORGE}
def f(x):
    columns = dict(sites=200_000_000, values=b"\\x90", later=[], n_steps=0, truncated=False)
    send([0, frame(value=b"\\x07")[1] | columns])
    send([1])
    return 7
"""
    tracemalloc.start()
    try:
        with TraceSession(sandbox, source, "function", "f", LIMITS) as session:
            [trace] = session.trace([Call((1,))])
        assert trace.outcome.failure is not None
        assert trace.outcome.failure.cause is Cause.CRASH
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


STRAY = r'b"\x92\x01\xc7\x00\x10"'  # a list with the mark of a tuple as its second element
STAMP = r'b"\xd6\xff\x00\x00\x00\x01"'  # a timestamp of msgpack


@pytest.mark.parametrize(
    ("test", "program"),
    [
        pytest.param(
            "x = [1]\nassert candidate(x) == 1\nassert candidate(x) == 1",
            "def f(x):\n    x.append(object())\n    return 1\n",
            id="an object left in an argument",
        ),
        pytest.param(
            "x = candidate([1])\nassert candidate([x, x]) == [2]",
            f"{FORGE}def f(x):\n    send(frame(value={STRAY})); send([1])\n    return 7\n",
            id="a stray mark",
        ),
        pytest.param(
            "x = candidate([1])\nassert candidate([x, x]) == [2]",
            f"{FORGE}def f(x):\n    send(frame(value={STAMP})); send([1])\n    return 7\n",
            id="a timestamp",
        ),
        pytest.param(
            "assert candidate(set(candidate([1]))) == 1",
            "def f(x):\n    return [(2**61 - 1) * i for i in range(100)]\n",
            id="numbers of one hash",
        ),
    ],
)
def test_what_a_test_hands_on_never_blames_the_test(
    sandbox: Sandbox, test: str, program: str
) -> None:
    fails(sandbox, check(test), program)


RESULTS = (
    "[[[0, -(10**9), 0.0]], [b'v\\x02']]",
    "[[[5, 1, 0.0]], []]",
    "[[[0, 1, 0.0]] * 9**5, [b'v']]",
    "[[], 5]",
    "None",
    "[[['', None]], []]",
    "[[[0, 1, 'x']], [b'e\\xff']]",
    "[[], []]",
)


@pytest.mark.parametrize("frame", RESULTS)
def test_forged_results_of_the_search_end_it(sandbox: Sandbox, frame: str) -> None:
    """The search for an edit takes results from the program's process as well."""
    body = f"    for _ in range(3):\n        send([0, {frame}])\n    return x\n"
    program = f"{FORGE}def f(x):\n{body}"
    problem = example(2)
    found = localize(program, "def f(x):\n    return x + 1", problem, sandbox=sandbox)
    assert not found.verdict.passed
