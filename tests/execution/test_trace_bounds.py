"""Traces that are cut: many events, large values, loops without end, objects that are no data."""

from traced import Open

from egca.execution.runner import Call
from egca.types import Cause, Opaque


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
