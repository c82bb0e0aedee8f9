"""Traces of programs in the sandbox: which events there are, in order, with their values."""

import pytest
from traced import SUM, Open, rows

from egca.errors import InputError
from egca.execution.runner import Call
from egca.types import Cause, Opaque


def test_a_trace_tells_what_happened_in_order(session: Open) -> None:
    [trace] = session(SUM).trace([Call(([1, 5, 7], 4))])
    assert trace.outcome.value == 12
    assert rows(trace) == [
        ("function", "f", ([1, 5, 7], 4), 1, 0),
        ("assign", "total", 0, 1, 0),
        ("for", "x", 1, 1, 1),
        ("if", "x > k", False, 1, 1),
        ("for", "x", 5, 1, 2),
        ("if", "x > k", True, 1, 2),
        ("augmented", "total", 5, 1, 2),
        ("for", "x", 7, 1, 3),
        ("if", "x > k", True, 1, 3),
        ("augmented", "total", 12, 1, 3),
        ("return", "return", 12, 1, 0),
    ]
    assert not trace.truncated
    assert trace.n_steps == 4
    total = next(site for site in trace.sites if site.role == "augmented")
    assert trace.site_values(total) == [5, 12]
    assert trace.counts[total.id] == 2
    assert total.id in trace.coverage


def test_values_are_those_of_the_moment(session: Open) -> None:
    source = """
def f(n):
    xs, d = [], {}
    rows = [[0] * 2 for _ in range(2)]
    for i in range(n):
        xs.append(i)
        d[i] = xs
        rows[i][1] += i + 1
    xs.sort(reverse=True)
    del d[0]
    a, b = xs
    xs[0], xs[1] = b, a
"""
    [trace] = session(source).trace([Call((2,))])
    writes = [row[1:3] for row in rows(trace, "write") if row[0] in ("container", "delete")]
    assert writes == [
        ("xs", [0]),
        ("d", {0: [0]}),
        ("rows", [[0, 1], [0, 0]]),
        ("xs", [0, 1]),
        ("d", {0: [0, 1], 1: [0, 1]}),
        ("rows", [[0, 1], [0, 2]]),
        ("xs", [1, 0]),
        ("d", {1: [1, 0]}),
        ("xs", [0, 1]),
    ]


def test_attributes_and_private_names(session: Open) -> None:
    source = """
class Solution:
    def __init__(self):
        self.__n = 1
        self.seen = []
    def f(self, x):
        self.__n += x
        self.seen.append(x)
        return self.__n
"""
    [trace] = session(source, "Solution.f", "method").trace([Call((4,))])
    assert trace.outcome.value == 5
    assert rows(trace, "write") == [
        ("assign", "self.__n", 1, 1, 0),
        ("assign", "self.seen", [], 1, 0),
        ("augmented", "self.__n", 5, 1, 0),
        ("container", "self.seen", [4], 1, 0),
    ]


def test_recursion_is_told_apart_by_call(session: Open) -> None:
    source = "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n"
    [trace] = session(source).trace([Call((3,))])
    assert rows(trace, "call", "return") == [
        ("function", "f", 3, 1, 0),
        ("function", "f", 2, 2, 0),
        ("function", "f", 1, 3, 0),
        ("return", "return", 1, 3, 0),
        ("function", "f", 0, 4, 0),
        ("return", "return", 0, 4, 0),
        ("return", "return", 1, 2, 0),
        ("function", "f", 1, 5, 0),
        ("return", "return", 1, 5, 0),
        ("return", "return", 2, 1, 0),
    ]


def test_an_exception_ends_calls_where_it_passes(session: Open) -> None:
    source = """
def g(n):
    if n == 0:
        return {}["k"]
    return g(n - 1)
def f(n):
    try:
        g(n)
    except KeyError as e:
        x = 1
    finally:
        y = 2
    return x + y
"""
    [trace] = session(source).trace([Call((1,))])
    assert trace.outcome.value == 3
    assert rows(trace, "raise", "write", "return") == [
        ("escape", "g", ("KeyError", "k"), 2, 0),
        ("escape", "g", ("KeyError", "k"), 1, 0),
        ("caught", "except", ("KeyError", "k"), 1, 0),
        ("assign", "x", 1, 1, 0),
        ("assign", "y", 2, 1, 0),
        ("return", "return", 3, 1, 0),
    ]


def test_generators_that_interleave_keep_their_calls(session: Open) -> None:
    source = """
def g(k):
    for i in range(2):
        j = i + k
        yield j
def h(t):
    yield from g(t)
def f():
    a, b = h(10), g(20)
    for pair in zip(a, b):
        total = sum(pair)
"""
    [trace] = session(source).trace([Call()])
    assert rows(trace, "write") == [
        ("unpack", "a", Opaque("generator"), 1, 0),
        ("unpack", "b", Opaque("generator"), 1, 0),
        ("assign", "j", 10, 1, 1),
        ("assign", "j", 20, 2, 1),
        ("assign", "total", 30, 1, 1),
        ("assign", "j", 11, 1, 2),
        ("assign", "j", 21, 2, 2),
        ("assign", "total", 32, 1, 2),
    ]


def test_iterations_begin_anew_with_each_entry_of_a_loop(session: Open) -> None:
    source = """
def f(n):
    i = 0
    while i < n:
        for j in range(2):
            k = [x for x in range(2) if x]
        i += 1
"""
    [trace] = session(source).trace([Call((2,))])
    assert [row[3:] for row in rows(trace, "write") if row[1] == "k"] == [(1, 1), (1, 2)] * 2
    assert [row[4] for row in rows(trace, "branch") if row[0] == "while"] == [1, 2, 3]
    assert [row[4] for row in rows(trace, "branch") if row[0] == "comprehension"] == [1, 2] * 4
    assert [row[4] for row in rows(trace, "write") if row[1] == "i"] == [0, 1, 2]


def test_a_script_and_what_it_prints(session: Open) -> None:
    source = "n = int(input())\nprint(n * 2)\n"
    first, second = session(source, "", "script").trace([Call(stdin="4\n"), Call(stdin="x\n")])
    assert first.outcome.stdout == "8\n"
    assert rows(first, "write") == [("assign", "n", 4, 0, 0)]
    assert second.outcome.failure is not None
    assert second.outcome.failure.type == "ValueError"
    assert second.outcome.failure.frames[0].column == 4


def test_each_call_starts_from_a_fresh_module(session: Open) -> None:
    source = (
        "seen = []\ndef f(x, kept=[]):\n    seen.append(x); kept.append(x)\n    return seen, kept\n"
    )
    traces = session(source).trace([Call((1,)), Call((2,))])
    assert [trace.outcome.value for trace in traces] == [([1], [1]), ([2], [2])]


def test_programs_that_do_not_start(session: Open) -> None:
    for source, cause in [
        ("def f(:", Cause.COMPILE),
        ("def g(): pass", Cause.MISSING_ENTRY_POINT),
        ("1/0\ndef f(): pass", Cause.EXCEPTION),
        ("\0", Cause.COMPILE),
    ]:
        [trace] = session(source).trace([Call()])
        assert trace.outcome.failure is not None
        assert trace.outcome.failure.cause is cause, source


def test_arguments_must_be_data(session: Open) -> None:
    with pytest.raises(InputError):
        session(SUM).trace([Call((object(), 1))])


def test_a_large_int_has_one_form_on_the_wire_whatever_is_beside_it(session: Open) -> None:
    values = []
    for more in ("0", "{1, 2}"):
        source = f"def f(x):\n    other = {more}\n    x = x * 2\n    return x\n"
        [trace] = session(source).trace([Call((2**62 + 3,))])
        [*_, step] = [n for n, i in enumerate(trace.site_ids) if trace.sites[i].target == "x"]
        values.append(trace.wire_value(step))
    assert values[0] == values[1]
