"""One asserted expression as plain data: arguments, expected value and how the two are compared.

What has no such form is left to the caller, who keeps it as code (python_tests.py)."""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egca.problems.callee import Callee, loads
from egca.problems.literals import NotLiteral, literal_node
from egca.types import Comparison

_VIEWS = ("set", "list", "tuple")
_CLOSE = ("math.isclose", "isclose", "np.isclose", "np.allclose", "numpy.isclose", "numpy.allclose")
_TINY = 1e-8  # its square is less than the last digit of a float
_APPROX = ("approx", "pytest.approx")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one assert says; comparison is None where the problem's own applies."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    expected: Any
    comparison: Comparison | None = None


class AssertReader:
    """Reads asserts on one program.

    constants are names with a known immutable value, shadowed are names that the test file binds
    itself, so that they do not mean the builtin (a helper called `sorted`).
    """

    def __init__(
        self,
        callee: Callee,
        constants: Mapping[str, Any] | None = None,
        shadowed: set[str] | None = None,
    ) -> None:
        self.callee = callee
        self.constants = dict(constants or {})
        self.shadowed = (shadowed or set()) - set(self.constants)

    def read(self, test: ast.expr) -> Expectation | None:
        """The expectation in `assert test`, or None when it is not plain data."""
        try:
            return self._read(test)
        except NotLiteral:
            return None

    def _read(self, test: ast.expr) -> Expectation | None:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=call) if self.callee.is_call(call):
                return self._expect(call, False, Comparison(view="truth"))
            case ast.Call() if self.callee.is_call(test):
                return self._expect(test, True, Comparison(view="truth"))
            case ast.Call():
                return self._close_call(test)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compare(left, op, right)
        return None

    def _compare(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Expectation | None:
        match op:
            case ast.Eq():
                return self._equality(left, right) or self._equality(right, left)
            case ast.Is():
                return self._identity(left, right)
            case ast.Lt() | ast.LtE():
                return self._tolerance(left, right, strict=isinstance(op, ast.Lt))
            case ast.Gt() | ast.GtE():
                return self._tolerance(right, left, strict=isinstance(op, ast.Gt))
        return None

    def _equality(self, call: ast.expr, other: ast.expr) -> Expectation | None:
        """`f(x) == data`, and the same through sorted, set, list or tuple."""
        if self.callee.is_call(call):
            if self._name_of(other) in _APPROX:
                return self._approx(call, other)
            return self._expect(call, self._data(other))
        name = self._name_of(call)
        if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
            return None
        if not self.callee.is_call(call.args[0]):
            return None
        if name == "sorted":
            expected = self._data(other)
            if type(expected) is list and _is_sorted(expected):
                return self._expect(call.args[0], expected, Comparison(unordered=True, view="list"))
        elif name in _VIEWS:
            expected = self._data(other)
            if type(expected).__name__ == name or (name == "set" and type(expected) is frozenset):
                return self._expect(call.args[0], expected, Comparison(view=name))
        elif name in ("bool", "float", "int"):
            return None
        return None

    def _identity(self, left: ast.expr, right: ast.expr) -> Expectation | None:
        if not self.callee.is_call(left):
            return None
        expected = self._data(right)
        if expected is None or isinstance(expected, bool):
            return self._expect(left, expected, Comparison(types="exact"))
        return None

    def _tolerance(self, gap: ast.expr, bound: ast.expr, strict: bool) -> Expectation | None:
        """`abs(f(x) - data) < bound`; only where integers are exact all the same."""
        if not isinstance(gap, ast.Call) or len(gap.args) != 1 or gap.keywords:
            return None
        if self._name_of(gap) not in ("abs", "math.fabs", "np.abs"):
            return None
        limit = self._data(bound)
        if not isinstance(limit, int | float) or not 0 <= limit < 1:
            return None
        inner = gap.args[0]
        if not isinstance(inner, ast.BinOp) or not isinstance(inner.op, ast.Sub):
            return None
        call, other = inner.left, inner.right
        if not self.callee.is_call(call):
            call, other = other, call
        if not self.callee.is_call(call):
            return None
        expected = self._data(other)
        if not isinstance(expected, int | float | complex):
            return None
        atol = math.nextafter(limit, 0.0) if strict and limit > 0 else float(limit)
        return self._expect(call, expected, Comparison(atol=atol))

    def _close_call(self, node: ast.Call) -> Expectation | None:
        """math.isclose and numpy's isclose and allclose, whose tolerances are added up."""
        name = self._name_of(node)
        if name not in _CLOSE or len(node.args) < 2:
            return None
        call, other = node.args[0], node.args[1]
        if not self.callee.is_call(call):
            call, other = other, call
        if not self.callee.is_call(call):
            return None
        expected = self._data(other)
        keywords = {str(item.arg): self._data(item.value) for item in node.keywords}
        if name.endswith("isclose") and not name.startswith(("np.", "numpy.")):
            if len(node.args) > 2 or not keywords.keys() <= {"rel_tol", "abs_tol"}:
                return None
            tolerances = keywords.get("rel_tol", 1e-9), keywords.get("abs_tol", 0.0)
            comparison = _isclose_comparison(expected, *tolerances)
            return None if comparison is None else self._expect(call, expected, comparison)
        positional = [self._data(item) for item in node.args[2:4]]
        keywords.update(zip(("rtol", "atol"), positional, strict=False))
        if not keywords.keys() <= {"rtol", "atol"}:
            return None
        rtol, atol = keywords.get("rtol", 1e-5), keywords.get("atol", 1e-8)
        return self._expect(call, expected, Comparison(atol=atol, rtol=rtol))

    def _approx(self, call: ast.expr, other: ast.expr) -> Expectation | None:
        if not isinstance(other, ast.Call) or not 1 <= len(other.args) <= 3:
            return None
        given = dict(
            zip(("rel", "abs"), [self._data(item) for item in other.args[1:]], strict=False)
        )
        given.update({str(item.arg): self._data(item.value) for item in other.keywords})
        if not given.keys() <= {"rel", "abs"}:
            return None
        rtol = given.get("rel", 0.0 if "abs" in given else 1e-6)
        comparison = Comparison(atol=given.get("abs", 1e-12), rtol=rtol)
        return self._expect(call, self._data(other.args[0]), comparison)

    def _expect(
        self, call: ast.expr, expected: Any, comparison: Comparison | None = None
    ) -> Expectation | None:
        assert isinstance(call, ast.Call)
        args, kwargs = self.arguments(call)
        return Expectation(args, kwargs, expected, comparison)

    def arguments(self, call: ast.Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call as data. Raises: NotLiteral."""
        args: list[Any] = []
        for item in call.args:
            if isinstance(item, ast.Starred):
                args.extend(self._data(item.value))
            else:
                args.append(self._data(item))
        kwargs: dict[str, Any] = {}
        for keyword in call.keywords:
            value = self._data(keyword.value)
            if keyword.arg is None:
                kwargs.update(value)
            else:
                kwargs[keyword.arg] = value
        return tuple(args), kwargs

    def _data(self, node: ast.expr) -> Any:
        if self.shadowed and loads(node) & self.shadowed:
            raise NotLiteral("a name of the test file")
        return literal_node(node, self.constants)

    def _name_of(self, node: ast.expr) -> str:
        """ "sorted" or "math.isclose" of a call, "" for other nodes and shadowed names."""
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return f"{function.value.id}.{function.attr}"
        if isinstance(function, ast.Name):
            return "" if function.id in self.shadowed else function.id
        return ""


def _isclose_comparison(expected: Any, rel_tol: Any, abs_tol: Any) -> Comparison | None:
    """What math.isclose does, as far as a tolerance around the expected number can say it.

    Its rel_tol is a part of the larger of both numbers, so around the expected one it reaches
    further up than down: by rel_tol squared, which is beyond a float's digits where it is small.
    """
    numbers = (expected, rel_tol, abs_tol)
    if not all(
        isinstance(item, int | float) and abs(item) <= sys.float_info.max for item in numbers
    ):
        return None
    if not 0 <= rel_tol < 1 or abs_tol < 0:
        return None
    down = rel_tol * abs(expected)
    if isinstance(expected, int) and max(down, abs_tol) >= 1:
        return None  # an answer that is an integer has to be exact
    if abs_tol >= down / (1 - rel_tol):
        return Comparison(atol=float(abs_tol))
    return Comparison(rtol=float(rel_tol)) if rel_tol <= _TINY and abs_tol <= down else None


def _is_sorted(items: list[Any]) -> bool:
    try:
        return sorted(items) == items
    except TypeError:
        return False


def conjuncts(test: ast.expr) -> list[ast.expr]:
    """`a and b` as two asserts."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [part for value in test.values for part in conjuncts(value)]
    return [test]
