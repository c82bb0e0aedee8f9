"""unittest's assert methods as plain asserts, so that a simple test method becomes data."""

from __future__ import annotations

import ast
from collections.abc import Callable
from copy import deepcopy


def is_test_case(node: ast.ClassDef) -> bool:
    """A unittest class, or a class of pytest."""
    if any("TestCase" in ast.unparse(base) for base in node.bases):
        return True
    return node.name.startswith("Test") and any(
        isinstance(item, ast.FunctionDef) and item.name.startswith("test") for item in node.body
    )


def as_asserts(method: ast.FunctionDef) -> list[ast.stmt] | None:
    """The statements with `self.assertX(...)` as asserts; None when self is used otherwise."""
    made = [_statement(deepcopy(statement)) for statement in method.body]
    for statement in made:
        ast.fix_missing_locations(statement)
        if any(isinstance(node, ast.Name) and node.id == "self" for node in ast.walk(statement)):
            return None
    return made


def _statement(statement: ast.stmt) -> ast.stmt:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return statement
    if not isinstance(call.func.value, ast.Name) or call.func.value.id != "self":
        return statement
    make = _ASSERTS.get(call.func.attr)
    if make is None or any(item.arg not in ("msg", "places", "delta") for item in call.keywords):
        return statement
    try:
        test = make(call.args, {str(item.arg): item.value for item in call.keywords})
    except (IndexError, KeyError):
        return statement
    return ast.copy_location(ast.Assert(test, None), statement)


Arguments = list[ast.expr]
Keywords = dict[str, ast.expr]


def _binary(op: ast.cmpop) -> Callable[[Arguments, Keywords], ast.expr]:
    return lambda args, _: ast.Compare(args[0], [op], [args[1]])


def _almost(args: Arguments, keywords: Keywords) -> ast.expr:
    """assertAlmostEqual: round(a - b, places) == 0, or a delta."""
    places = args[2] if len(args) > 2 else keywords.get("places")
    gap = ast.Call(ast.Name("abs", ast.Load()), [ast.BinOp(args[0], ast.Sub(), args[1])], [])
    if "delta" in keywords:
        return ast.Compare(gap, [ast.LtE()], [keywords["delta"]])
    digits = places.value if isinstance(places, ast.Constant) else 7
    if (places is not None and not isinstance(places, ast.Constant)) or not isinstance(digits, int):
        raise KeyError("places")
    return ast.Compare(gap, [ast.LtE()], [ast.Constant(0.5 * 10.0**-digits)])


def _sorted(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("sorted", ast.Load()), [node], [])


_ASSERTS: dict[str, Callable[[Arguments, Keywords], ast.expr]] = {
    "assertEqual": _binary(ast.Eq()),
    "assertEquals": _binary(ast.Eq()),
    "assertListEqual": _binary(ast.Eq()),
    "assertTupleEqual": _binary(ast.Eq()),
    "assertDictEqual": _binary(ast.Eq()),
    "assertSetEqual": _binary(ast.Eq()),
    "assertSequenceEqual": _binary(ast.Eq()),
    "assertMultiLineEqual": _binary(ast.Eq()),
    "assertNotEqual": _binary(ast.NotEq()),
    "assertIs": _binary(ast.Is()),
    "assertIsNot": _binary(ast.IsNot()),
    "assertIn": _binary(ast.In()),
    "assertNotIn": _binary(ast.NotIn()),
    "assertLess": _binary(ast.Lt()),
    "assertLessEqual": _binary(ast.LtE()),
    "assertGreater": _binary(ast.Gt()),
    "assertGreaterEqual": _binary(ast.GtE()),
    "assertTrue": lambda args, _: args[0],
    "assertFalse": lambda args, _: ast.UnaryOp(ast.Not(), args[0]),
    "assertIsNone": lambda args, _: ast.Compare(args[0], [ast.Is()], [ast.Constant(None)]),
    "assertIsNotNone": lambda args, _: ast.Compare(args[0], [ast.IsNot()], [ast.Constant(None)]),
    "assertAlmostEqual": _almost,
    "assertCountEqual": lambda args, _: ast.Compare(
        _sorted(args[0]), [ast.Eq()], [_sorted(args[1])]
    ),
}
