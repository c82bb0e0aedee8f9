"""Edits of one expression: operators, constants, names, calls, indices, conditions.

The operators follow what faults in small programs are made of (mutation operators, student
repairs). Each generator yields edits of its node alone; `edits_of` walks a statement and offers
every node to all of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from egca.localization.edits import Edit, replace
from egca.localization.ingredients import Ingredients
from egca.localization.operators import (
    ARITHMETIC,
    BITWISE,
    COMPARISONS,
    FUNCTIONS,
    IDENTITY,
    MEMBERSHIP,
    METHODS,
    is_neutral,
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a generator may know about the node's surroundings."""

    names: Sequence[str]  # variables in scope, best ones first
    ingredients: Ingredients
    is_condition: bool = False
    is_iterable: bool = False
    is_index: bool = False
    is_value: bool = False  # what is returned or assigned


def load(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def constant(value: Any) -> ast.expr:
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=-value))
    return ast.Constant(value=value)


def plus(node: ast.expr, amount: int) -> ast.expr:
    """node + amount, folded where node is an integer or already has an amount."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return constant(node.value + amount)
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return constant(-value + amount)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=ast.Constant(value=int(n))):
            total = (n if isinstance(op, ast.Add) else -n) + amount
            if total == 0:
                return left
            sign: ast.operator = ast.Add() if total > 0 else ast.Sub()
            return ast.BinOp(left=left, op=sign, right=ast.Constant(value=abs(total)))
    operator: ast.operator = ast.Add() if amount > 0 else ast.Sub()
    return ast.BinOp(left=node, op=operator, right=ast.Constant(value=abs(amount)))


def negation(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    return ast.UnaryOp(op=ast.Not(), operand=node)


def of_compare(node: ast.Compare, place: Place) -> Iterator[Edit]:
    for index, operator in enumerate(node.ops):
        family = next(
            (f for f in (COMPARISONS, MEMBERSHIP, IDENTITY) if type(operator) in f), COMPARISONS
        )
        for other in family:
            if other is not type(operator):
                ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
                new = ast.Compare(left=node.left, ops=ops, comparators=node.comparators)
                yield replace("comparison", node, new)
    if len(node.ops) == 1:
        swapped = ast.Compare(left=node.comparators[0], ops=node.ops, comparators=[node.left])
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            yield replace("swap", node, swapped)


def of_binary(node: ast.BinOp, place: Place) -> Iterator[Edit]:
    family = BITWISE if isinstance(node.op, BITWISE) else ARITHMETIC
    for other in family:
        # Powers of what was no power grow beyond all use.
        is_wild = other is ast.Pow and not isinstance(node.op, ast.Mult)
        if isinstance(node.op, other) or is_wild:
            continue
        if not is_neutral(other(), node.left, node.right):
            new = ast.BinOp(left=node.left, op=other(), right=node.right)
            yield replace("arithmetic", node, new)
    yield replace("swap", node, ast.BinOp(left=node.right, op=node.op, right=node.left))
    yield replace("drop", node, node.left)
    yield replace("drop", node, node.right)
    for amount in (1, -1):
        yield replace("off by one", node, plus(node, amount))


def of_boolean(node: ast.BoolOp, place: Place) -> Iterator[Edit]:
    other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield replace("boolean", node, ast.BoolOp(op=other, values=node.values))
    for index, value in enumerate(node.values):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        new = rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest)
        yield replace("drop", node, new)
        flipped = [*node.values[:index], negation(value), *node.values[index + 1 :]]
        yield replace("negate", node, ast.BoolOp(op=node.op, values=flipped))


def of_unary(node: ast.UnaryOp, place: Place) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
        kind = "negate" if isinstance(node.op, ast.Not) else "arithmetic"
        yield replace(kind, node, node.operand)
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if type(value) is int:
            for new in (-value - 1, -value + 1, 0):
                yield replace("constant", node, constant(new))


def of_constant(node: ast.Constant, place: Place) -> Iterator[Edit]:
    seen = {repr(node.value)}
    for value in _other_constants(node.value, place):
        if repr(value) not in seen:
            seen.add(repr(value))
            yield replace("constant", node, constant(value))
    if type(node.value) is int:
        for name in place.names:
            yield replace("name", node, load(name))
    if node.value in (0, None, "") and not isinstance(node.value, bool):
        for name in place.names:
            first = ast.Subscript(value=load(name), slice=ast.Constant(value=0), ctx=ast.Load())
            yield replace("constant", node, first)


def _other_constants(value: object, place: Place) -> Iterator[object]:
    pool = place.ingredients.constants
    if isinstance(value, bool):
        yield not value
        yield None
    elif isinstance(value, int):
        yield from (value + 1, value - 1, 0, 1, 2, -value, -1)
        yield from (c for c in pool if type(c) in (int, float))
        if value == 0:
            yield from (None, float("inf"), float("-inf"))
    elif isinstance(value, float):
        yield from (c for c in pool if type(c) in (int, float))
        yield from (0, 1, -value, int(value) if value == value and abs(value) < 1e15 else 0)
    elif isinstance(value, str):
        yield from (c for c in pool if type(c) is str)
        yield from (value.upper(), value.lower(), value.swapcase(), value.strip(), "", " ")
        if len(value) > 1:
            yield from (value[:-1], value[1:])
            if len(set(value)) == 1:
                yield value[0]
    elif value is None:
        yield from (0, False, True, "", -1)


def of_name(node: ast.Name, place: Place) -> Iterator[Edit]:
    if not isinstance(node.ctx, ast.Load):
        return
    for name in place.names:
        if name != node.id:
            yield replace("name", node, load(name))
    if place.is_index or place.is_value:
        for amount in (1, -1):
            yield replace("off by one", node, plus(node, amount))


def of_call(node: ast.Call, place: Place) -> Iterator[Edit]:
    name = _callee(node)
    method = isinstance(node.func, ast.Attribute)
    for family in METHODS if method else FUNCTIONS:
        if name in family:
            for other in family:
                if other != name:
                    yield replace("function", node, _call(node, func=_renamed(node.func, other)))
    plain = [a for a in node.args if not isinstance(a, ast.Starred)]
    if len(plain) == len(node.args):
        for i in range(len(plain)):
            for j in range(i + 1, len(plain)):
                swapped = list(plain)
                swapped[i], swapped[j] = swapped[j], swapped[i]
                yield replace("swap", node, _call(node, args=swapped))
        if len(plain) > 1 or method:
            for i in range(len(plain)):
                yield replace("drop", node, _call(node, args=[*plain[:i], *plain[i + 1 :]]))
        if len(plain) == 1 and not node.keywords:
            yield replace("drop", node, plain[0])
    for index in range(len(node.keywords)):
        rest = [*node.keywords[:index], *node.keywords[index + 1 :]]
        yield replace("keyword", node, _call(node, keywords=rest))
    for keyword in place.ingredients.keywords.get(name, ()):
        if keyword.arg not in {k.arg for k in node.keywords}:
            yield replace("keyword", node, _call(node, keywords=[*node.keywords, keyword]))
    if isinstance(node.func, ast.Attribute):
        yield replace("drop", node, node.func.value)
    if name == "range":
        yield from _of_range(node)
    elif place.is_iterable or place.is_value or place.is_index:
        for amount in (1, -1):
            yield replace("off by one", node, plus(node, amount))


def _of_range(node: ast.Call) -> Iterator[Edit]:
    args = node.args
    bounds = [args] if len(args) < 3 else [args, [*args[:2]]]
    for base in bounds[:1]:
        for index, argument in enumerate(base):
            if isinstance(argument, ast.Starred):
                return
            for amount in (1, -1):
                new = [*base[:index], plus(argument, amount), *base[index + 1 :]]
                yield replace("range", node, _call(node, args=new))
    if len(args) == 1:
        for first in (1, 2):
            yield replace("range", node, _call(node, args=[constant(first), args[0]]))
    if len(args) == 2:
        yield replace("range", node, _call(node, args=[*args, constant(2)]))
        yield replace("range", node, _call(node, args=[args[1]]))
        backwards = [plus(args[1], -1), plus(args[0], -1), constant(-1)]
        yield replace("range", node, _call(node, args=backwards))


def of_subscript(node: ast.Subscript, place: Place) -> Iterator[Edit]:
    if not isinstance(node.ctx, ast.Load):
        return
    index = node.slice
    if isinstance(index, ast.Slice):
        yield replace("slice", node, node.value)
        for lower, upper, step in _other_slices(index):
            part = ast.Slice(lower=lower, upper=upper, step=step)
            new = ast.Subscript(value=node.value, slice=part, ctx=ast.Load())
            yield replace("slice", node, new)
    else:
        for amount in (1, -1):
            new = ast.Subscript(value=node.value, slice=plus(index, amount), ctx=ast.Load())
            yield replace("index", node, new)
        yield replace("drop", node, node.value)


def _other_slices(
    part: ast.Slice,
) -> Iterator[tuple[ast.expr | None, ast.expr | None, ast.expr | None]]:
    lower, upper, step = part.lower, part.upper, part.step
    for amount in (1, -1):
        yield plus(lower or constant(0), amount), upper, step
        if upper is not None:
            yield lower, plus(upper, amount), step
    if upper is None:
        yield lower, constant(-1), step
    if lower is not None:
        yield None, upper, step
        yield None, lower, step
    if upper is not None:
        yield lower, None, step
        yield upper, None, step
    if step is None:
        yield lower, upper, constant(-1)
        yield lower, upper, constant(2)
    else:
        yield lower, upper, None
        match step:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                yield lower, upper, operand
            case _:
                yield lower, upper, plus(step, 1)
                yield lower, upper, plus(step, -1)
                yield lower, upper, ast.UnaryOp(op=ast.USub(), operand=step)


def of_conditional(node: ast.IfExp, place: Place) -> Iterator[Edit]:
    yield replace("swap", node, ast.IfExp(test=node.test, body=node.orelse, orelse=node.body))
    yield replace("drop", node, node.body)
    yield replace("drop", node, node.orelse)


def of_condition(node: ast.expr, place: Place) -> Iterator[Edit]:
    """For whatever decides a branch."""
    if not isinstance(node, ast.UnaryOp):
        yield replace("negate", node, negation(node))
    yield replace("condition", node, constant(True))
    yield replace("condition", node, constant(False))
    for other in place.ingredients.conditions:
        yield replace("ingredient", node, other)
        yield replace("conjunct", node, ast.BoolOp(op=ast.And(), values=[node, other]))
        yield replace("conjunct", node, ast.BoolOp(op=ast.Or(), values=[node, other]))


def of_iterable(node: ast.expr, place: Place) -> Iterator[Edit]:
    """For what a loop runs over."""
    for lower, upper in ((constant(1), None), (None, constant(-1))):
        part = ast.Slice(lower=lower, upper=upper, step=None)
        new = ast.Subscript(value=node, slice=part, ctx=ast.Load())
        if not (isinstance(node, ast.Call) and _callee(node) == "range"):
            yield replace("slice", node, new)
    for function in ("sorted", "reversed", "list"):
        yield replace("function", node, ast.Call(func=load(function), args=[node], keywords=[]))
    for other in place.ingredients.iterables:
        yield replace("ingredient", node, other)


def of_value(node: ast.expr, place: Place) -> Iterator[Edit]:
    """For what is returned or assigned."""
    boolean = isinstance(node, ast.Compare | ast.BoolOp)
    if boolean or (isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute)):
        yield replace("negate", node, negation(node))
    if not isinstance(node, ast.Name | ast.Constant):
        for name in place.names:
            yield replace("name", node, load(name))
    for other in place.ingredients.values:
        yield replace("ingredient", node, other)


def of_any(node: ast.expr, place: Place) -> Iterator[Edit]:
    """What the reference does to its values, done to this one."""
    if isinstance(node, ast.Constant | ast.Slice | ast.Starred):
        return
    name = _callee(node) if isinstance(node, ast.Call) else ""
    for function in place.ingredients.wrappers:
        if function != name and (place.is_value or place.is_iterable or place.is_index):
            wrapped = ast.Call(func=load(function), args=[node], keywords=[])
            yield replace("wrap", node, wrapped)
    if isinstance(node, ast.BinOp | ast.Subscript | ast.Call):
        for other in place.ingredients.parts:
            yield replace("ingredient", node, other)


def of_comprehension(node: ast.expr, place: Place) -> Iterator[Edit]:
    generators: list[ast.comprehension] = getattr(node, "generators", [])
    for index, generator in enumerate(generators):
        for drop in range(len(generator.ifs)):
            ifs = [*generator.ifs[:drop], *generator.ifs[drop + 1 :]]
            yield replace("drop", node, _with_generator(node, index, ifs))
        if not generator.ifs:
            for other in place.ingredients.conditions:
                yield replace("conjunct", node, _with_generator(node, index, [other]))


def _with_generator(node: ast.expr, index: int, ifs: list[ast.expr]) -> ast.expr:
    generators = list(node.generators)  # type: ignore[attr-defined]
    old = generators[index]
    generators[index] = ast.comprehension(
        target=old.target, iter=old.iter, ifs=ifs, is_async=old.is_async
    )
    fields = {name: getattr(node, name) for name in node._fields} | {"generators": generators}
    return type(node)(**fields)


def _callee(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(value=function.value, attr=name, ctx=ast.Load())
    return load(name)


def _call(
    node: ast.Call,
    func: ast.expr | None = None,
    args: list[ast.expr] | None = None,
    keywords: list[ast.keyword] | None = None,
) -> ast.Call:
    return ast.Call(
        func=func or node.func,
        args=node.args if args is None else args,
        keywords=node.keywords if keywords is None else keywords,
    )


BY_TYPE: dict[type[ast.expr], Callable[..., Iterator[Edit]]] = {
    ast.Compare: of_compare,
    ast.BinOp: of_binary,
    ast.BoolOp: of_boolean,
    ast.UnaryOp: of_unary,
    ast.Constant: of_constant,
    ast.Name: of_name,
    ast.Call: of_call,
    ast.Subscript: of_subscript,
    ast.IfExp: of_conditional,
    ast.ListComp: of_comprehension,
    ast.SetComp: of_comprehension,
    ast.DictComp: of_comprehension,
    ast.GeneratorExp: of_comprehension,
}
