"""Operators, functions and methods that are mistaken for one another, and those that do nothing."""

from __future__ import annotations

import ast

COMPARISONS: tuple[type[ast.cmpop], ...] = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
MEMBERSHIP: tuple[type[ast.cmpop], ...] = (ast.In, ast.NotIn, ast.Eq, ast.NotEq)
IDENTITY: tuple[type[ast.cmpop], ...] = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)
ARITHMETIC: tuple[type[ast.operator], ...] = (
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.FloorDiv,
    ast.Div,
    ast.Mod,
    ast.Pow,
)
BITWISE: tuple[type[ast.operator], ...] = (
    ast.BitAnd,
    ast.BitOr,
    ast.BitXor,
    ast.LShift,
    ast.RShift,
)
FUNCTIONS = (
    ("min", "max", "sum", "len", "any", "all"),
    ("sorted", "list", "reversed", "set", "tuple"),
    ("int", "round", "float", "str", "abs", "bool"),
    ("ceil", "floor", "trunc", "sqrt"),
    ("gcd", "lcm"),
)
METHODS = (
    ("append", "extend", "add", "remove", "insert", "update", "appendleft", "discard"),
    ("upper", "lower", "swapcase", "title", "capitalize"),
    ("isupper", "islower", "isalpha", "isdigit", "isalnum", "isspace", "isnumeric"),
    ("startswith", "endswith"),
    ("find", "rfind", "index", "rindex", "count"),
    ("strip", "lstrip", "rstrip"),
    ("split", "rsplit", "splitlines"),
    ("sort", "reverse"),
    ("keys", "values", "items"),
    ("pop", "popleft", "remove", "popitem"),
    ("ceil", "floor", "trunc"),
    ("union", "intersection", "difference", "symmetric_difference"),
    ("permutations", "combinations", "product"),
)
# Numbers that give back the other operand. "x // 1" and "x / 1" keep what is whole.
_NOTHING_ON_THE_RIGHT: dict[type[ast.operator], int] = {
    ast.Add: 0, ast.Sub: 0, ast.Mult: 1, ast.Div: 1, ast.FloorDiv: 1, ast.Pow: 1,
    ast.BitOr: 0, ast.BitXor: 0, ast.LShift: 0, ast.RShift: 0,
}  # fmt: skip
_NOTHING_ON_THE_LEFT: dict[type[ast.operator], int] = {
    ast.Add: 0, ast.Mult: 1, ast.BitOr: 0, ast.BitXor: 0,
}  # fmt: skip


def is_neutral(operator: ast.operator, left: ast.expr, right: ast.expr) -> bool:
    """Whether an operation only gives back an operand: x + 0, 1 * x, x ** 1."""
    return _is_number(right, _NOTHING_ON_THE_RIGHT.get(type(operator))) or _is_number(
        left, _NOTHING_ON_THE_LEFT.get(type(operator))
    )


def _is_number(node: ast.expr, number: int | None) -> bool:
    return (
        isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value == number
    )
