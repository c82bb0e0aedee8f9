"""Programs through the sandbox: values, failures with places, and going on after a death."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from egca.errors import InputError
from egca.execution import Call, Limits, Runner, Sandbox, run_program
from egca.types import Cause, Failure, Iterated, Outcome, Program


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=0.4, program_s=5.0)) as sandbox:
        yield sandbox


def run(
    sandbox: Sandbox, source: str, *calls: Call, kind: str = "function", entry: str = "f"
) -> list[Outcome]:
    outcomes = run_program(sandbox, source, kind, entry, calls)
    assert isinstance(outcomes, list), outcomes
    assert len(outcomes) == len(calls)
    return outcomes


def refused(sandbox: Sandbox, source: str, entry: str = "f", kind: str = "function") -> Failure:
    failure = run_program(sandbox, source, kind, entry, [Call((1,))])
    assert isinstance(failure, Failure), failure
    return failure


def test_function_gets_its_arguments_and_returns_data(sandbox: Sandbox) -> None:
    source = "def f(a, *rest, b=2):\n    print('a is', a)\n    return {a: (b, rest)}"
    first, second = run(sandbox, source, Call((1, 5)), Call(({1, 2}.__len__(),), {"b": [3]}))
    assert first.value == {1: (2, (5,))}
    assert first.stdout == "a is 1\n"
    assert 0 < first.seconds < 0.4
    assert second.value == {2: ([3], ())}


def test_arguments_after_the_call_show_mutation(sandbox: Sandbox) -> None:
    source = "def f(items):\n    items.append(1)"
    outcomes = run_program(sandbox, source, "function", "f", [Call(([],))], args_after=True)
    assert isinstance(outcomes, list)
    assert outcomes[0].args_after == ([1],)


def test_method_is_called_on_a_fresh_instance(sandbox: Sandbox) -> None:
    source = (
        "class Solution:\n"
        "    def __init__(self):\n        self.n = 0\n"
        "    def f(self, x):\n        self.n += x\n        return self.n\n"
    )
    outcomes = run(sandbox, source, Call((1,)), Call((1,)), kind="method", entry="Solution.f")
    assert [outcome.value for outcome in outcomes] == [1, 1]


def test_script_reads_stdin_and_its_stdout_is_the_value(sandbox: Sandbox) -> None:
    source = (
        "import os, sys\nimport threading\n"
        "first = input()\nrest = sys.stdin.read()\n"
        "def main():\n    print(first, len(rest))\n    sys.stdout.flush()\n"
        "    os.write(1, b'raw\\n')\n    sys.stdout.buffer.write(b'bytes\\n')\n"
        "if __name__ == '__main__':\n    threading.Thread(target=main).start()\n"
    )
    outcomes = run(
        sandbox, source, Call(stdin="one\ntwo\n"), Call(stdin="ü"), kind="script", entry=""
    )
    assert [outcome.value for outcome in outcomes] == ["one 4\nraw\nbytes\n", "ü 0\nraw\nbytes\n"]


def test_script_may_end_itself(sandbox: Sandbox) -> None:
    source = "import sys\nn = int(input())\nprint(n)\nif n > 1: sys.exit('bad')\nexit()"
    good, bad, empty = run(
        sandbox, source, Call(stdin="1"), Call(stdin="2"), Call(stdin=""), kind="script", entry=""
    )
    assert good.value == "1\n"
    assert bad.failure == Failure(Cause.EXIT, "SystemExit", "bad", bad.failure.frames)
    assert bad.stdout == "2\n"
    assert empty.failure is not None
    assert empty.failure.type == "EOFError"


def test_runs_are_deterministic(sandbox: Sandbox) -> None:
    source = (
        "import os, random, sys, time\n"
        "def f():\n    return [random.random(), hash('text'), time.tzname[0],\n"
        "            list({'a', 'b', 'c', 'd'}), sys.stdout.encoding, time.localtime(0).tm_hour]"
    )
    first, second = run(sandbox, source, Call(), Call())
    (third,) = run(sandbox, source, Call())
    assert first.value == second.value == third.value
    assert first.value[2] == "UTC"
    assert first.value[4:] == ["utf-8", 0]


def test_exception_has_the_places_in_the_program(sandbox: Sandbox) -> None:
    source = "def g(x):\n    return 'ä' + (1 / x)\n\ndef f(x):\n    return sorted([g(x)])\n"
    (outcome,) = run(sandbox, source, Call((0,)))
    failure = outcome.failure
    assert failure is not None
    assert (failure.cause, failure.type) == (Cause.EXCEPTION, "ZeroDivisionError")
    places = [source[span.start : span.end] for span in failure.frames]
    assert places == ["g(x)", "1 / x"]
    assert failure.frames[-1].line == 2


def test_syntax_error_has_its_place(sandbox: Sandbox) -> None:
    source = "x = 1\ny = 'ä' + + )\n"
    failure = refused(sandbox, source)
    assert failure.cause is Cause.COMPILE
    (span,) = failure.frames
    assert (span.line, source[span.start]) == (2, ")")


def test_lines_of_a_syntax_error_end_as_the_compiler_has_it(sandbox: Sandbox) -> None:
    """A form feed or a line separator of Unicode ends no line of a program."""
    source = "a = 'x\u2028y'\n\x0cb = 1 + + )\n"
    (span,) = refused(sandbox, source).frames
    assert (span.line, source[span.start]) == (2, ")")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("x = 1", Cause.MISSING_ENTRY_POINT),
        ("f = 3", Cause.MISSING_ENTRY_POINT),
        ("def f(): pass\n1 / 0", Cause.EXCEPTION),
        ("import nothing_of_that_name", Cause.EXCEPTION),
        ("f = '\x00'", Cause.COMPILE),
        ("f = '\ud800' +", Cause.COMPILE),
        ("def f():\n  x\n y", Cause.COMPILE),
        ("", Cause.MISSING_ENTRY_POINT),
    ],
)
def test_program_that_does_not_load(sandbox: Sandbox, source: str, cause: Cause) -> None:
    assert refused(sandbox, source).cause is cause


def test_missing_method_or_class(sandbox: Sandbox) -> None:
    source = "class Solution:\n    def g(self): pass"
    assert refused(sandbox, source, "Solution.f", "method").cause is Cause.MISSING_ENTRY_POINT
    assert refused(sandbox, source, "Other.g", "method").cause is Cause.MISSING_ENTRY_POINT


def test_goes_on_after_a_death(sandbox: Sandbox) -> None:
    source = (
        "import os, signal\n"
        "def f(x):\n"
        "    if x == 1: os._exit(3)\n"
        "    if x == 2: os.abort()\n"
        "    if x == 3: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n"
        "    while x in (3, 4): pass\n"
        "    return x\n"
    )
    outcomes = run(sandbox, source, *(Call((x,)) for x in range(6)))
    causes = [outcome.failure.cause if outcome.failure else None for outcome in outcomes]
    assert causes == [None, Cause.EXIT, Cause.CRASH, Cause.TIMEOUT, Cause.TIMEOUT, None]
    assert (outcomes[0].value, outcomes[5].value) == (0, 5)


def test_time_of_the_whole_program_is_bounded(sandbox: Sandbox) -> None:
    limits = Limits(call_s=0.2, program_s=0.5)
    source = "def f(x):\n    while True: pass"
    outcomes = run_program(sandbox, source, "function", "f", [Call((x,)) for x in range(9)], limits)
    assert isinstance(outcomes, list)
    assert [outcome.failure.cause for outcome in outcomes if outcome.failure] == [Cause.TIMEOUT] * 9
    assert sum(outcome.seconds for outcome in outcomes) < 1.0


def test_values_without_data_form_are_failures_with_a_value(sandbox: Sandbox) -> None:
    source = "def f(x):\n    return [x, object()] if x else 'x' * (1 << 23)"
    nested, large = run(sandbox, source, Call((1,)), Call((0,)))
    assert nested.failure is not None
    assert nested.failure.cause is Cause.UNENCODABLE
    assert nested.value[0] == 1
    assert large.failure is not None
    assert large.failure.cause is Cause.OUTPUT_LIMIT


@pytest.mark.parametrize(
    ("expression", "items", "name"),
    [
        ("(item for item in x)", (1, 2), "generator"),
        ("map(str, x)", ("1", "2"), "map"),
        ("filter(None, x)", (1, 2), "filter"),
        ("zip(x, x)", ((1, 1), (2, 2)), "zip"),
        ("enumerate(x)", ((0, 1), (1, 2)), "enumerate"),
        ("reversed(x)", (2, 1), "list_reverseiterator"),
        ("iter(dict.fromkeys(x))", (1, 2), "dict_keyiterator"),
        ("itertools.chain(x, x)", (1, 2, 1, 2), "chain"),
    ],
)
def test_iterators_are_consumed(
    sandbox: Sandbox, expression: str, items: tuple[object, ...], name: str
) -> None:
    source = f"import itertools\ndef f(x):\n    return {expression}"
    (outcome,) = run(sandbox, source, Call(([1, 2],)))
    assert outcome.ok
    assert outcome.value == Iterated(items)
    assert outcome.value.type_name == name


def test_what_goes_wrong_in_an_iterator_is_the_call_s_failure(sandbox: Sandbox) -> None:
    source = (
        "import itertools\n"
        "class Own:\n    def __iter__(self):\n        return iter([1])\n"
        "def late(x):\n    yield x\n    yield 1 // x\n"
        "def slow():\n    while True:\n        pass\n    yield\n"
        "def f(x):\n"
        "    return [late(0), itertools.count(), slow(), iter([f]), [late(1)], Own()][x]\n"
    )
    calls = [Call((i,)) for i in range(6)]
    late, endless, slow, function, inner, own = run(sandbox, source, *calls)
    assert late.failure is not None
    assert (late.failure.cause, late.failure.type) == (Cause.EXCEPTION, "ZeroDivisionError")
    assert [span.line for span in late.failure.frames] == [7]
    assert endless.failure is not None
    assert endless.failure.cause is Cause.OUTPUT_LIMIT
    assert str(endless.failure) == "the count returned is too large"
    assert slow.failure is not None
    assert slow.failure.cause is Cause.TIMEOUT
    for outcome in (function, inner, own):  # neither functions nor what is inside a container
        assert outcome.failure is not None
        assert outcome.failure.cause is Cause.UNENCODABLE


def test_a_coroutine_runs_to_its_end(sandbox: Sandbox) -> None:
    source = (
        "import asyncio\n"
        "async def double(x):\n    await asyncio.sleep(0.001)\n    return 2 * x\n"
        "async def f(x):\n"
        "    if x == 2:\n        return 1 // 0\n"
        "    if x == 3:\n        await asyncio.sleep(60)\n"
        "    if x == 4:\n        while True:\n            await asyncio.sleep(0)\n"
        "    return sum(await asyncio.gather(double(x), double(1)))\n"
    )
    value, raised, slow, busy, again = run(sandbox, source, *(Call((i,)) for i in (1, 2, 3, 4, 5)))
    assert value.value == 4
    assert raised.failure is not None
    assert (raised.failure.cause, raised.failure.type) == (Cause.EXCEPTION, "ZeroDivisionError")
    assert [span.line for span in raised.failure.frames] == [7]
    for outcome in (slow, busy):
        assert outcome.failure is not None
        assert outcome.failure.cause is Cause.TIMEOUT
    assert again.value == 12
    method = "class A:\n    async def f(self, x):\n        return map(str, [x])\n"
    (outcome,) = run(sandbox, method, Call((1,)), kind="method", entry="A.f")
    assert outcome.value == Iterated(("1",))


def test_an_argument_of_items_is_an_iterator_again(sandbox: Sandbox) -> None:
    source = "def f(x):\n    return next(x), list(x)"
    (outcome,) = run(sandbox, source, Call((Iterated((1, 2, 3)),)))
    assert outcome.value == (1, [2, 3])


def test_runner_keeps_one_process_for_many_calls(sandbox: Sandbox) -> None:
    source = "n = 0\ndef f():\n    global n\n    n += 1\n    return n"
    with Runner(sandbox, Program(source), "function", "f") as runner:
        assert runner.load() is None
        values = [runner.run([Call()])[0].value for _ in range(3)]
    assert values == [1, 2, 3]


def test_argument_that_is_no_data_is_our_error(sandbox: Sandbox) -> None:
    with pytest.raises(InputError, match="no plain data"):
        run(sandbox, "def f(x): return x", Call((object(),)))


def test_stdin_is_bounded_as_files_are(sandbox: Sandbox) -> None:
    limits = Limits(file_bytes=1 << 21)
    call = Call(stdin="x" * (1 << 21))
    outcomes = run_program(sandbox, "print(len(input()))", "script", "", [call], limits)
    assert not isinstance(outcomes, Failure)
    assert outcomes[0].value == f"{1 << 21}\n"
    longer = Call(stdin="\u00fc" * (1 << 20) + "\n")
    with pytest.raises(InputError, match=r"2097153 bytes .* \(file_bytes, 2097152\)"):
        run_program(sandbox, "print(len(input()))", "script", "", [longer], limits)


def test_print_into_a_closed_or_replaced_stdout(sandbox: Sandbox) -> None:
    source = (
        "import io, os, sys\n"
        "def f(x):\n"
        "    if x == 0: sys.stdout.close()\n"
        "    if x == 1: sys.stdout = io.StringIO()\n"
        "    if x == 2: os.close(1); sys.stdin.close()\n"
        "    if x == 3: print('seen')\n"
        "    return x\n"
    )
    outcomes = run(sandbox, source, *(Call((x,)) for x in (0, 1, 2, 3)))
    assert [outcome.value for outcome in outcomes] == [0, 1, 2, 3]
    assert [outcome.stdout for outcome in outcomes] == ["", "", "", "seen\n"]


def test_answers_before_a_death_are_those_of_the_child_that_died(sandbox: Sandbox) -> None:
    """Short calls are reported together; a death between two reports takes none of them away."""
    program = """
import os
n = 0
def f(x):
    global n
    n += 1
    if x == 5:
        os._exit(3)
    return n
"""
    outcomes = run_program(sandbox, program, "function", "f", [Call((i,)) for i in range(9)])
    assert not isinstance(outcomes, Failure)
    assert [outcome.value for outcome in outcomes] == [1, 2, 3, 4, 5, None, 1, 2, 3]
    assert outcomes[5].failure is not None
    assert outcomes[5].failure.cause is Cause.EXIT
