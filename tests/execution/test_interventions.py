"""Interventions: a run with one value replaced or one branch flipped."""

import pytest
from traced import SUM, Open, site_of

from egca.execution.patching import Patch
from egca.execution.runner import Call
from egca.execution.wire import encode
from egca.types import Cause


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


COUNT = """
n = 0
def f(xs):
    global n
    n += 1
    xs.append(n)
    return n
"""


def test_calls_before_are_made_first_and_left_alone(session: Open) -> None:
    program = session(COUNT)
    call = Call(([],), before=(Call(([],)), Call(([],))))
    [trace] = program.trace([call])
    write = site_of(program, "augmented")
    assert trace.counts[write] == 1, "the earlier calls are not recorded"
    assert trace.outcome.value == 3
    patches = [[], [Patch(write, 1, encode(10))], [Patch(write, 2, encode(20))]]
    for n_steps in (None, trace.n_steps):
        outcomes = program.intervene(call, patches, n_steps)
        assert [outcome.value for outcome in outcomes] == [3, 10, 3]
    assert call.key != Call(([],)).key


def test_what_a_call_leaves_of_its_arguments_is_told_where_asked(session: Open) -> None:
    program = session(COUNT)
    patch = Patch(site_of(program, "augmented"), 1, encode(10))
    call = Call(([],))
    assert [one.args_after for one in program.intervene(call, [patch])] == [None]
    told = program.intervene(call, [patch], args_after=True)
    assert [one.args_after for one in told] == [([10],)]
