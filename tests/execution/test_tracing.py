"""Traces and interventions of programs in the sandbox."""

from collections.abc import Callable, Iterator

import pytest

from egca.errors import InputError
from egca.execution.limits import Limits
from egca.execution.patching import Patch
from egca.execution.recorder import TraceLimits
from egca.execution.runner import Call
from egca.execution.sandbox import Sandbox
from egca.execution.trace import Trace
from egca.execution.tracer import TraceSession
from egca.execution.wire import encode
from egca.types import Cause, Opaque

LIMITS = Limits(call_s=1.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, preload=["egca.execution.tracing"]) as made:
        yield made


Open = Callable[..., TraceSession]


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Open]:
    opened: list[TraceSession] = []

    def open_(source: str, entry: str = "f", kind: str = "function", **bounds: int) -> TraceSession:
        opened.append(TraceSession(sandbox, source, kind, entry, None, TraceLimits(**bounds)))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def rows(trace: Trace, *kinds: str) -> list[tuple[object, ...]]:
    """Kind or role, target, value, call, iteration of the events of some kinds."""
    return [
        (event.site.role, event.site.target, event.value, event.call, event.iteration)
        for event in trace.events
        if not kinds or event.site.kind in kinds
    ]


SUM = """
def f(xs, k):
    total = 0
    for x in xs:
        if x > k:
            total += x
    return total
"""


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


# -- bounds --------------------------------------------------------------------------------------


def test_the_bound_on_events_keeps_the_counts(session: Open) -> None:
    source = "def f(n):\n    t = 0\n    for i in range(n):\n        t += i\n    return t\n"
    [trace] = session(source, n_events=100).trace([Call((5000,))])
    assert trace.outcome.value == sum(range(5000))
    assert trace.truncated
    assert len(trace) == 100
    loop = next(site for site in trace.sites if site.kind == "item")
    assert trace.counts[loop.id] == 5000
    assert trace.n_steps == 5001


def test_large_values_are_summed_up_and_compare(session: Open) -> None:
    source = """
def f(n, last):
    xs = [0] * n + [last]
    s = "ab" * n
    d = {i: xs[i] for i in range(n)}
    big = 10 ** (10 * n)
    deep = [[[[n]]]]
    wide = [[0] * 200] * 200
    return last
"""
    calls = [Call((2000, 1)), Call((2000, 1)), Call((2000, 2))]
    traces = session(source, value_bytes=1000, n_events=50).trace(calls)
    values = [
        {event.site.target: event.value for event in trace.events if event.site.kind == "write"}
        for trace in session(source, value_bytes=500).trace(calls)
    ]
    assert all(trace.truncated for trace in traces)
    assert values[0] == values[1]
    assert values[0]["xs"].reason.startswith("size 2001 #")
    assert values[0]["xs"] != values[2]["xs"]
    assert values[0]["s"] == values[2]["s"]
    assert values[0]["big"].type_name == "int"
    assert values[0]["deep"] == [[[[2000]]]]
    assert values[0]["wide"].reason.startswith("size 200 ")


def test_values_without_data_are_opaque_and_not_asked(session: Open) -> None:
    source = """
class Loud:
    def __repr__(self): raise SystemExit
    __len__ = __iter__ = __eq__ = __hash__ = __bool__ = __repr__
def f():
    x = Loud()
    xs = [x]
    xs.append(xs)
    y = lambda: 0
    d = {1: x}
    return 1
"""
    [trace] = session(source).trace([Call()])
    assert trace.outcome.value == 1
    values = {event.site.target: event.value for event in trace.events if event.call == 1}
    assert values["x"] == Opaque("Loud")
    assert values["xs"] == [Opaque("Loud"), Opaque("list", "cycle")]
    assert values["y"] == Opaque("function")
    assert values["d"] == {1: Opaque("Loud")}


def test_a_loop_without_end_stops_at_its_steps(session: Open) -> None:
    source = "def f():\n    while True:\n        try: x = 1\n        except: pass\n"
    [trace] = session(source, n_steps=1000).trace([Call()])
    assert trace.outcome.failure is not None
    assert trace.outcome.failure.cause is Cause.TIMEOUT
    assert trace.n_steps == 1000
    assert trace.outcome.seconds < 0.5


def test_traces_are_deterministic(session: Open) -> None:
    source = "def f(n):\n    return [hash(str(i)) % 7 for i in {*'abc'} | {str(n)}]\n"
    one, two = (session(source).trace([Call((3,))])[0] for _ in range(2))
    assert one.events == two.events


# -- interventions -------------------------------------------------------------------------------


def site_of(session: TraceSession, role: str, target: str = "") -> int:
    """The site with this role (and target)."""
    return next(
        site.id for site in session.sites if site.role == role and target in ("", site.target)
    )


def test_a_value_replaced_and_a_branch_flipped(session: Open) -> None:
    program = session(SUM)
    write, branch = site_of(program, "augmented"), site_of(program, "if")
    patches = [
        Patch(write, 1, encode(100)),
        Patch(write, 2, encode(100)),
        Patch(branch, 1, flip=True),
        [Patch(branch, 1, flip=True), Patch(branch, 3, flip=True)],
        Patch(site_of(program, "assign"), 1, encode(1.5)),
        Patch(site_of(program, "for"), 2, encode(6)),
        Patch(site_of(program, "function"), 1, encode(([9], 0))),
        Patch(site_of(program, "function"), 1, encode((1, 2, 3))),
        Patch(site_of(program, "return"), 1, encode([None])),
        Patch(write, 99, encode(0)),
    ]
    outcomes = program.intervene(Call(([1, 5, 7], 4)), patches)
    values = [outcome.value for outcome in outcomes]
    assert values == [107, 100, 13, 6, 13.5, 13, 9, 12, [None], 12]


def test_containers_are_replaced_in_place(session: Open) -> None:
    source = """
class Box: pass
def f():
    xs, d, box = [], {"k": 1}, Box()
    ys = xs
    xs.append(1)
    d["k"] += 1
    box.n = 1
    box.n += 1
    a, b = 1, [2]
    for i, j in [(1, 2)]: a += i * j
    return ys, d, box.n, a
"""
    program = session(source)
    patches = [
        Patch(site_of(program, "container", "xs"), 1, encode([7, 8])),
        Patch(site_of(program, "container", "d"), 1, encode({"z": 1})),
        Patch(site_of(program, "augmented", 'd["k"]'), 1, encode(9)),
        Patch(site_of(program, "augmented", "box.n"), 1, encode(9)),
        Patch(site_of(program, "unpack", "a"), 1, encode(9)),
        Patch(site_of(program, "for", "i, j"), 1, encode((3, 3))),
    ]
    outcomes = program.intervene(Call(), patches)
    assert [outcome.value for outcome in outcomes] == [
        ([7, 8], {"k": 2}, 2, 3),
        ([1], {"z": 1}, 2, 3),
        ([1], {"k": 9}, 2, 3),
        ([1], {"k": 2}, 9, 3),
        ([1], {"k": 2}, 2, 11),
        ([1], {"k": 2}, 2, 10),
    ]


def test_occurrences_are_those_of_the_trace(session: Open) -> None:
    source = """
def g(xs):
    for x in xs:
        yield x * 2
def f(n):
    table = {}
    for i in range(n):
        table[i % 2] = table.get(i % 2, 0) + i
        table[i % 2] += 1
        v = max(g([i, 1])) if i and n else 0
        while v > 3 and i:
            v -= 1
    return [x + v for x in table.values() if x > 0]
"""
    program = session(source)
    [trace] = program.trace([Call((4,))])
    for index in range(len(trace)):
        site = trace.sites[trace.site_ids[index]]
        if site.kind not in ("write", "return", "expr", "branch") or site.role in (
            "resume",
            "case",
        ):
            continue
        occurrence = list(trace.indices(site)).index(index) + 1
        same = Patch(site.id, occurrence, encode(trace.value(index)))
        [outcome] = program.intervene(Call((4,)), [same], trace.n_steps)
        assert outcome.value == trace.outcome.value, (site, occurrence)


def test_a_patch_that_never_ends_is_a_timeout_soon(session: Open) -> None:
    source = "def f(n):\n    while n != 0:\n        n -= 1\n    return n\n"
    program = session(source)
    write = site_of(program, "augmented")
    outcomes = program.intervene(
        Call((5,)), [Patch(write, 3, encode(0.5)), Patch(write, 9, encode(1))]
    )
    assert outcomes[0].failure is not None
    assert outcomes[0].failure.cause is Cause.TIMEOUT
    assert outcomes[0].failure.frames[-1].line == 2
    assert outcomes[0].seconds < 0.5
    assert outcomes[1].value == 0


def test_a_patch_that_kills_the_child_costs_only_itself(session: Open) -> None:
    source = "import os\ndef f(n):\n    k = n\n    if k == 3: os._exit(1)\n    return k\n"
    program = session(source)
    write = site_of(program, "assign")
    outcomes = program.intervene(Call((1,)), [Patch(write, 1, encode(n)) for n in (2, 3, 4)])
    assert [outcome.value for outcome in outcomes] == [2, None, 4]
    assert outcomes[1].failure is not None
    traces = program.trace([Call((1,)), Call((3,)), Call((5,))])
    assert [trace.outcome.value for trace in traces] == [1, None, 5]
    assert traces[1].truncated


def test_a_patch_must_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="no such event"):
        Patch(1, 0, b"")
    with pytest.raises(ValueError, match="either"):
        Patch(1, 1)
