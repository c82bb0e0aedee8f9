"""The shapes of generated programs: which decisions each can hold, and how they become lines.

A shape has layouts (layouts.py) and a function that writes one with a `Writer`. What stands in a
slot is an option of a table (tables.py); the words around its phrase are in wording.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from egca.problems.generated.layouts import (
    Layout,
    build_layouts,
    choice_layouts,
    fold_layouts,
    letters_layouts,
    pairs_layouts,
    search_layouts,
    streak_layouts,
    tally_layouts,
)
from egca.problems.generated.writing import Writer, grouped, indented


@dataclass(frozen=True, slots=True)
class Shape:
    """about: the first words of a specification. tables: the table behind each kind of slot.

    inputs: what the arguments are (inputs.py).
    """

    about: str
    inputs: str
    tables: dict[str, str]
    layouts: Callable[[], Iterator[Layout]]
    write: Callable[[Writer], list[str]]


def _helper(w: Writer) -> list[str]:
    """def g(x), a function that the loop calls; no lines where the plan has none."""
    if not w.has("gtest"):
        return []
    x = w.name("x")
    style = w.free(3)
    test = w.slot("gtest", "negated" if style == 2 else "forms", x=x)
    yes, no = (f"return {w.slot(slot, x=x)}" for slot in ("gyes", "gno"))
    if style == 2:
        yes, no = no, yes
    rest = ["else:", *indented([no])] if style == 1 else [no]
    return [f"def {w.name('g')}({x}):", *indented([f"if {test}:", *indented([yes]), *rest])]


def _loop(w: Writer, values: str, x: str, body: list[str]) -> list[str]:
    """The loop over the items of `values`."""
    has_items, has_helper = w.has("items"), w.has("gtest")
    style = w.free(3 if has_helper else 2)
    if style == 1 and (not has_items or w.option("items").ranged):
        i = w.name("i")
        ranged = w.slot("items", "ranged", values=values) if has_items else f"range(len({values}))"
        item = f"{values}[{i}]"
        item = f"{w.name('g')}({item})" if has_helper else item
        return [f"for {i} in {ranged}:", *indented([f"{x} = {item}", *body])]
    items = w.slot("items", values=values) if has_items else values
    if not has_helper:
        return [f"for {x} in {items}:", *indented(body)]
    if style == 2:
        return [f"for {x} in map({w.name('g')}, {items}):", *indented(body)]
    y = w.name("y")
    return [f"for {y} in {items}:", *indented([f"{x} = {w.name('g')}({y})", *body])]


def _body(w: Writer, i: int, t: str, roles: dict[str, str]) -> list[str]:
    """What branch i does."""
    if w.has(f"step{i}"):
        return [w.step(f"step{i}", "t", t=t, **roles)]
    v = w.slot(f"value{i}", **roles)
    return [w.step(f"op{i}", "t", t=t, v=v, w=grouped(v))]


def _both(first: str, second: str) -> str:
    return " and ".join(f"({one})" if " or " in one else one for one in (first, second))


def _guarded(w: Writer, roles: dict[str, str], body: list[str], is_last: bool) -> list[str]:
    """One condition, perhaps with another inside it, and nothing else."""
    has_inner = w.has("inner")
    style = w.free(3 if is_last else 2 if has_inner else 1)
    if style and is_last and (style == 2 or not has_inner):
        test = w.slot("test1", "negated", **roles)
        rest = [f"if {w.slot('inner', **roles)}:", *indented(body)] if has_inner else body
        return [f"if {test}:", "    continue", *rest]
    test = w.slot("test1", **roles)
    if not has_inner:
        return [f"if {test}:", *indented(body)]
    inner = w.slot("inner", **roles)
    if style == 1:
        return [f"if {_both(test, inner)}:", *indented(body)]
    return [f"if {test}:", *indented([f"if {inner}:", *indented(body)])]


def _chain(w: Writer, t: str, roles: dict[str, str], is_last: bool) -> list[str]:
    """The branches of one turn; is_last: nothing follows them in the loop."""
    if not w.has("test1"):
        return _body(w, 1, t, roles)
    n_bodies = sum(w.has(f"op{i}") or w.has(f"step{i}") for i in (1, 2, 3))
    if n_bodies == 1:
        return _guarded(w, roles, _body(w, 1, t, roles), is_last)
    style = w.free(2)
    if not w.has("test2"):
        test = w.slot("test1", "negated" if style else "forms", **roles)
        bodies = [_body(w, i, t, roles) for i in (1, 2)]
        bodies = bodies[::-1] if style else bodies
        return [f"if {test}:", *indented(bodies[0]), "else:", *indented(bodies[1])]
    lines = [f"if {w.slot('test1', **roles)}:", *indented(_body(w, 1, t, roles))]
    rest = [f"if {w.slot('test2', **roles)}:", *indented(_body(w, 2, t, roles))]
    if n_bodies == 3:
        rest += ["else:", *indented(_body(w, 3, t, roles))]
    if style:
        return [*lines, "else:", *indented(rest)]
    return [*lines, f"el{rest[0]}", *rest[1:]]


def _shuffled(w: Writer, lines: list[str]) -> list[str]:
    """Statements whose order does not matter."""
    return lines[::-1] if len(lines) == 2 and w.free(2) else lines


def _item_roles(w: Writer, x: str) -> dict[str, str]:
    roles = {"x": x}
    if w.plan.uses("p"):
        roles["p"] = w.name("previous")
    if w.plan.uses("n"):
        roles["n"] = w.name("n")
    return roles


def _over_items(
    w: Writer, values: str, x: str, first: list[str], turn: list[str], last: list[str]
) -> list[str]:
    """def f over a list or text: first, the loop with its turn, last."""
    roles = _item_roles(w, x)
    params = ", ".join([values, *([roles["n"]] if "n" in roles else [])])
    stop = [f"if {w.slot('stop', t=_total(w))}:", "    break"] if w.has("stop") else []
    if "p" in roles:
        empty = '""' if x == w.name("c") else "0"
        first = _shuffled(w, [*first, f"{roles['p']} = {empty}"])
        step = [f"{roles['p']} = {x}"]
        stop = stop + step if stop and w.free(2) else step + stop
    halt = [f"if {w.slot('halt', **roles)}:", "    break"] if w.has("halt") else []
    loop = _loop(w, values, x, [*halt, *turn, *stop])
    return [*_helper(w), f"def f({params}):", *indented([*first, *loop, *last])]


def _total(w: Writer) -> str:
    return w.name("total")


def _ends_turn(w: Writer) -> bool:
    return not (w.has("stop") or w.plan.uses("p"))


def _start(w: Writer) -> str:
    return w.slot("start") if w.has("start") else "0"


def _answer(w: Writer, t: str) -> list[str]:
    return [f"return {w.slot('answer', t=t) if w.has('answer') else t}"]


def _fold(w: Writer) -> list[str]:
    t, x = _total(w), w.name("x")
    turn = _chain(w, t, _item_roles(w, x), _ends_turn(w))
    return _over_items(w, w.name("values"), x, [f"{t} = {_start(w)}"], turn, _answer(w, t))


def _build(w: Writer) -> list[str]:
    t, x = w.name("list"), w.name("x")
    turn = _chain(w, t, _item_roles(w, x), _ends_turn(w))
    return _over_items(w, w.name("values"), x, [f"{t} = []"], turn, _answer(w, t))


def _letters(w: Writer) -> list[str]:
    t, x = w.name("list"), w.name("c")
    turn = _chain(w, t, _item_roles(w, x), _ends_turn(w))
    return _over_items(w, w.name("text"), x, [f'{t} = ""'], turn, _answer(w, t))


def _tally(w: Writer) -> list[str]:
    t, x = _total(w), w.name("c")
    turn = _chain(w, t, _item_roles(w, x), _ends_turn(w))
    return _over_items(w, w.name("text"), x, [f"{t} = {_start(w)}"], turn, _answer(w, t))


def _streak(w: Writer) -> list[str]:
    run, best, x = w.name("run"), w.name("best"), w.name("x")
    roles = _item_roles(w, x)
    style = w.free(2)
    bodies = [[w.step(slot, "t", t=run, x=x)] for slot in ("grow", "drop")]
    bodies = bodies[::-1] if style else bodies
    turn = [
        f"if {w.slot('test1', 'negated' if style else 'forms', **roles)}:",
        *indented(bodies[0]),
        "else:",
        *indented(bodies[1]),
        w.step("keep", "b", t=run, b=best),
    ]
    first = _shuffled(w, [f"{run} = 0", f"{best} = 0"])
    return _over_items(w, w.name("values"), x, first, turn, _answer(w, best))


def _search(w: Writer) -> list[str]:
    x, values = w.name("x"), w.name("values")
    roles = _item_roles(w, x)
    found = [f"return {w.slot('value1', **roles)}"]
    turn = _guarded(w, roles, found, _ends_turn(w))
    last = [f"return {w.slot('none', values=values)}"]
    return _over_items(w, values, x, [], turn, last)


def _choice(w: Writer) -> list[str]:
    roles = {"a": w.name("a"), "b": w.name("b")}

    def leaf(i: int) -> list[str]:
        return [f"return {w.slot(f'value{i}', **roles)}"]

    def node(i: int, yes: list[str], no: list[str]) -> list[str]:
        style = w.free(3)
        test = w.slot(f"test{i}", "negated" if style == 2 else "forms", **roles)
        yes, no = (no, yes) if style == 2 else (yes, no)
        rest = ["else:", *indented(no)] if style == 1 else no
        return [f"if {test}:", *indented(yes), *rest]

    yes = node(2, leaf(1), leaf(2)) if w.has("test2") else leaf(1)
    no = node(3, leaf(3), leaf(4)) if w.has("test3") else leaf(3)
    return [f"def f({roles['a']}, {roles['b']}):", *indented(node(1, yes, no))]


def _pairs(w: Writer) -> list[str]:
    t, a, b, left, right = (w.name(role) for role in ("total", "a", "b", "left", "right"))
    turn = _chain(w, t, {"a": a, "b": b}, not w.has("stop"))
    stop = [f"if {w.slot('stop', t=t)}:", "    break"] if w.has("stop") else []
    if w.free(2):
        i = w.name("i")
        loop = [
            f"for {i} in range(len({left})):",
            f"    {a} = {left}[{i}]",
            f"    {b} = {right}[{i}]",
        ]
    else:
        loop = [f"for {a}, {b} in zip({left}, {right}):"]
    loop += indented([*turn, *stop])
    return [f"def f({left}, {right}):", *indented([f"{t} = {_start(w)}", *loop, *_answer(w, t)])]


def _digits(w: Writer) -> list[str]:
    t, x, number = _total(w), w.name("x"), w.name("number")
    turn = _chain(w, t, {"x": x}, is_last=False)
    stop = [f"if {w.slot('stop', t=t)}:", "    break"] if w.has("stop") else []
    condition = (f"{number} > 0", number)[w.free(2)]
    step = (f"{number} //= 10", f"{number} = {number} // 10")[w.free(2)]
    loop = [f"while {condition}:", *indented([f"{x} = {number} % 10", *turn, *stop, step])]
    return [f"def f({number}):", *indented([f"{t} = {_start(w)}", *loop, *_answer(w, t)])]


_HELPER_TABLES = {"gtest": "number tests", "gyes": "values", "gno": "values"}
_ITEM_TABLES = {
    **_HELPER_TABLES,
    "items": "items",
    "halt": "number tests",
    "test": "item tests",
    "inner": "item tests",
    "value": "item values",
}
_TEXT_TABLES = {
    "items": "slices",
    "halt": "letter tests",
    "test": "letter tests",
    "inner": "letter tests",
}
_NUMBER_TABLES = {
    "start": "starts",
    "op": "sum",
    "step": "number steps",
    "stop": "stops",
    "answer": "number answers",
}
SHAPES: dict[str, Shape] = {
    "fold": Shape("list", "list", _ITEM_TABLES | _NUMBER_TABLES, fold_layouts, _fold),
    "build": Shape(
        "new list",
        "list",
        _ITEM_TABLES | {"op": "list", "answer": "list answers"},
        build_layouts,
        _build,
    ),
    "streak": Shape(
        "streak",
        "list",
        _ITEM_TABLES
        | {"grow": "growth", "drop": "breaks", "keep": "keeps", "answer": "number answers"},
        streak_layouts,
        _streak,
    ),
    "search": Shape("search", "list", _ITEM_TABLES | {"none": "nones"}, search_layouts, _search),
    "letters": Shape(
        "new text",
        "text",
        _TEXT_TABLES | {"op": "text", "value": "letters", "answer": "text answers"},
        letters_layouts,
        _letters,
    ),
    "tally": Shape(
        "text", "text", _NUMBER_TABLES | _TEXT_TABLES | {"step": "counts"}, tally_layouts, _tally
    ),
    "choice": Shape(
        "numbers",
        "numbers",
        {"test": "pair tests", "value": "pair values"},
        choice_layouts,
        _choice,
    ),
    "pairs": Shape(
        "pairs",
        "lists",
        _NUMBER_TABLES
        | {"test": "pair tests", "inner": "pair tests", "value": "pair values", "step": "counts"},
        pairs_layouts,
        _pairs,
    ),
    "digits": Shape(
        "digits",
        "digits",
        _NUMBER_TABLES
        | {
            "test": "digit tests",
            "inner": "digit tests",
            "value": "digit values",
        },
        pairs_layouts,
        _digits,
    ),
}


@cache
def layouts_of(n_decisions: int) -> dict[str, tuple[Layout, ...]]:
    """The layouts with this many decisions, of each shape that has some."""
    found = {
        name: tuple(layout for layout in shape.layouts() if len(layout) == n_decisions)
        for name, shape in SHAPES.items()
    }
    return {name: layouts for name, layouts in found.items() if layouts}
