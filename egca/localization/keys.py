"""Normal forms of expressions: equal keys for what two authors write differently and mean alike.

`3 < x` and `x > 3`, `not x % 2` and `x % 2 == 0`, `not a < b` and `a >= b`, `x >= 1 and x <= 4` and
`1 <= x <= 4`, `2 * x` and `x * 2`. A hypothesis only: floats that are no number and operators that
a class defines break some of it, so whoever treats equal keys as equal programs runs the tests."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

Key = tuple[Any, ...]

_OPPOSITE = {"<": "<=", "<=": "<", "==": "!=", "!=": "==", "in": "not in", "not in": "in",
             "is": "is not", "is not": "is"}  # fmt: skip
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_ZERO: Key = ("constant", "int", "0")
_ONE: Key = ("constant", "int", "1")
_TWO: Key = ("constant", "int", "2")
_SYMMETRIC = frozenset(("max", "min"))


@lru_cache(maxsize=8192)
def key_of(node: ast.AST) -> Key:
    """The normal form of an expression, as nested tuples. Remembered: no tree is changed."""
    match node:
        case ast.Name(id=name):
            return ("name", name)
        case ast.Constant(value=value):
            return ("constant", type(value).__name__, repr(value))
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(type(op).__name__, key_of(left), key_of(right))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return ("constant", type(value).__name__, repr(-value))
        case ast.UnaryOp(op=ast.Not()) | ast.Compare():
            return condition_key(node)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _SYMMETRIC:
            return ("call", ("name", name), *sorted((key_of(one) for one in args), key=repr))
    return (type(node).__name__, *(_field(value) for _, value in ast.iter_fields(node)))


def _field(value: object) -> object:
    if isinstance(value, ast.expr_context):
        return ""
    if isinstance(value, ast.AST):
        return key_of(value)
    if isinstance(value, list):
        return tuple(_field(one) for one in value)
    return value if isinstance(value, str | int | None) else repr(value)


def _binary(op: str, left: Key, right: Key) -> Key:
    if commutes(op, left, right):
        left, right = sorted((left, right), key=repr)
    return ("binary", op, left, right)


def commutes(op: str, *operands: Key) -> bool:
    """Sums commute where a number says that they are no texts or lists; products always do."""
    return op == "Mult" or (op == "Add" and any(map(_is_number, operands)))


def _is_number(key: Key) -> bool:
    return key[0] == "constant" and key[1] in ("int", "float")


def condition_key(node: ast.AST, negated: bool = False) -> Key:
    """The normal form of an expression of which only the truth counts, or of its opposite."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return condition_key(operand, not negated)
        case ast.BoolOp(op=op, values=values):
            name = "and" if isinstance(op, ast.And) is not negated else "or"
            return _joined(name, [condition_key(one, negated) for one in values])
        case ast.Compare(left=left, ops=ops, comparators=rights):
            keys = [key_of(left), *map(key_of, rights)]
            pairs = [
                _compared(_SIGNS[type(op)], a, b, negated)
                for op, a, b in zip(ops, keys, keys[1:], strict=False)
            ]
            return pairs[0] if len(pairs) == 1 else _joined("or" if negated else "and", pairs)
        case ast.BinOp(op=ast.Mod()):
            return _compared("!=", key_of(node), _ZERO, negated)
        case ast.Constant(value=value):
            return ("constant", "bool", repr(bool(value) is not negated))
    return ("false" if negated else "true", key_of(node))


def all_of(keys: list[Key]) -> Key:
    """The normal form of conditions that all have to hold."""
    return keys[0] if len(keys) == 1 else _joined("and", keys)


def _joined(name: str, keys: list[Key]) -> Key:
    flat: list[Key] = []
    for key in keys:
        flat += key[1:] if key[0] == name else [key]
    return (name, *flat)


def _compared(sign: str, left: Key, right: Key, negated: bool) -> Key:
    if sign in (">", ">="):
        sign, left, right = "<" if sign == ">" else "<=", right, left
    if negated:
        if sign in ("<", "<="):
            left, right = right, left
        sign = _OPPOSITE[sign]
    if sign in ("==", "!="):
        left, right = sorted((left, right), key=repr)
        remainder = ("binary", "Mod")
        for one, other in ((left, right), (right, left)):  # x % 2 == 1 is x % 2 != 0
            if one == _ONE and other[:2] == remainder and other[3] == _TWO:
                sign, one = _OPPOSITE[sign], _ZERO
                left, right = sorted((one, other), key=repr)
                break
    return ("compare", sign, left, right)
