"""Python literals to values, without running code.

A little wider than ast.literal_eval: it also reads what tests and data files really contain, such
as float("inf"), nan, math.pi, set(), Counter(...), [0] * 5 and 10 ** 6, each bounded. Anything else
is refused. It knows nothing of tests or files."""

from __future__ import annotations

import ast
import math
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any

from egca.problems.parsing import NOT_PYTHON, parsed_expression

MAX_ITEMS = 1_000_000  # of a range or a repeated sequence
MAX_BITS = 100_000  # of an integer that arithmetic makes
_NUMBERS = (int, float, complex)


class NotLiteral(ValueError):
    """The source is not plain data, or is too large to be."""


def literal(source: str) -> Any:
    """The value that a literal's source text says.

    Raises: NotLiteral for everything that would have to be run.

    >>> literal("(1, [float('inf')], {'a': set()})")
    (1, [inf], {'a': set()})
    """
    try:
        node = parsed_expression(source)
    except NOT_PYTHON as error:
        raise NotLiteral(f"not Python: {error}") from None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return literal_node(node)


def literal_node(node: ast.expr, names: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression node; `names` are constants it may use besides.

    Raises: NotLiteral.
    """
    try:
        return _value(node, names or {})
    except NotLiteral:
        raise
    except RecursionError:
        raise NotLiteral("nested too deeply") from None
    except (ValueError, TypeError, ArithmeticError, LookupError, MemoryError) as error:
        raise NotLiteral(str(error)) from None


def is_literal(node: ast.expr) -> bool:
    """Whether `literal_node` can read it."""
    try:
        literal_node(node)
    except NotLiteral:
        return False
    return True


_NAMES: dict[str, Any] = {"inf": math.inf, "nan": math.nan, "NaN": math.nan, "Infinity": math.inf}
_ATTRIBUTES: dict[tuple[str, str], Any] = {
    ("math", "inf"): math.inf,
    ("math", "nan"): math.nan,
    ("math", "pi"): math.pi,
    ("math", "e"): math.e,
    ("math", "tau"): math.tau,
    ("np", "inf"): math.inf,
    ("np", "nan"): math.nan,
    ("numpy", "inf"): math.inf,
    ("numpy", "nan"): math.nan,
    ("sys", "maxsize"): 2**63 - 1,
}
_FACTORIES: dict[str, Callable[..., Any]] = {"int": int, "list": list, "dict": dict, "set": set}


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > MAX_ITEMS:
        raise NotLiteral("range too long")
    return made


def _defaultdict(factory: Any = None, *items: Any) -> Any:
    return defaultdict(factory if callable(factory) else None, *items)


_CALLS: dict[str, Callable[..., Any]] = {
    "float": float,
    "int": int,
    "str": str,
    "bool": bool,
    "complex": complex,
    "set": set,
    "frozenset": frozenset,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "bytes": lambda *items: (
        bytes(*items) if not items or not isinstance(items[0], int) else _refuse()
    ),
    "bytearray": lambda *items: (
        bytearray(*items) if not items or not isinstance(items[0], int) else _refuse()
    ),
    "range": _range,
    "sorted": sorted,
    "abs": abs,
    "deque": deque,
    "OrderedDict": OrderedDict,
    "Counter": Counter,
    "defaultdict": _defaultdict,
}


def _refuse() -> Any:
    raise NotLiteral("too large")


def _repeat_or_multiply(left: Any, right: Any) -> Any:
    for sequence, count in ((left, right), (right, left)):
        if isinstance(sequence, str | bytes | list | tuple) and isinstance(count, int):
            if len(sequence) * max(count, 0) > MAX_ITEMS:
                raise NotLiteral("repeated sequence too long")
            return sequence * count
    return _bounded(operator.mul, left, right)


def _bounded(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() + right.bit_length()
        if operation is operator.pow:
            bits = left.bit_length() * abs(right)
        elif operation is operator.lshift:
            bits = left.bit_length() + right
        if bits > MAX_BITS:
            raise NotLiteral("number too large")
    elif not (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)) and (
        operation is not operator.add or type(left) is not type(right)
    ):
        raise NotLiteral("arithmetic on something that is not a number")
    return operation(left, right)


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Mult: _repeat_or_multiply,
    ast.Add: lambda left, right: _bounded(operator.add, left, right),
    ast.Sub: lambda left, right: _bounded(operator.sub, left, right),
    ast.Div: lambda left, right: _bounded(operator.truediv, left, right),
    ast.FloorDiv: lambda left, right: _bounded(operator.floordiv, left, right),
    ast.Mod: lambda left, right: _bounded(operator.mod, left, right),
    ast.Pow: lambda left, right: _bounded(operator.pow, left, right),
    ast.LShift: lambda left, right: _bounded(operator.lshift, left, right),
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value) if value is not ...:
            return value
        case ast.Tuple(elts=elements):
            return tuple(_items(elements, names))
        case ast.List(elts=elements):
            return _items(elements, names)
        case ast.Set(elts=elements):
            return set(_items(elements, names))
        case ast.Dict(keys=keys, values=values):
            return _dict(keys, values, names)
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Attribute(value=ast.Name(id=module), attr=name) if (module, name) in _ATTRIBUTES:
            return _ATTRIBUTES[module, name]
        case ast.Call():
            return _call(node, names)
    raise NotLiteral(f"not a literal: {type(node).__name__}")


def _items(elements: list[ast.expr], names: Mapping[str, Any]) -> list[Any]:
    items: list[Any] = []
    for element in elements:
        if isinstance(element, ast.Starred):
            items.extend(_value(element.value, names))
        else:
            items.append(_value(element, names))
    return items


def _dict(
    keys: list[ast.expr | None], values: list[ast.expr], names: Mapping[str, Any]
) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in zip(keys, values, strict=True):
        if key is None:
            made.update(_value(value, names))
        else:
            made[_value(key, names)] = _value(value, names)
    return made


def _call(node: ast.Call, names: Mapping[str, Any]) -> Any:
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        name = function.attr if function.value.id == "collections" else ""
    else:
        name = function.id if isinstance(function, ast.Name) and function.id not in names else ""
    if name not in _CALLS or any(keyword.arg is None for keyword in node.keywords):
        raise NotLiteral("a call")
    if node.keywords and name not in ("dict", "sorted", "deque", "OrderedDict", "Counter"):
        raise NotLiteral("a call")
    keywords = {str(item.arg): _value(item.value, names) for item in node.keywords}
    if name == "defaultdict" and node.args and isinstance(node.args[0], ast.Name):
        if node.args[0].id not in _FACTORIES:
            raise NotLiteral("a call")
        rest = _items(node.args[1:], names)
        return _defaultdict(_FACTORIES[node.args[0].id], *rest)
    return _CALLS[name](*_items(node.args, names), **keywords)
