"""Test code that waits for the program, as code that calls it: `await f(1)` becomes `f(1)`.

A coroutine is run to its end where the program runs (egca/execution/iterators.py), so a test gets
its value and has nothing to wait for. The text is edited in place and keeps its lines, for messages
name them. A function that waits for anything besides the program stays as it is."""

from __future__ import annotations

import ast
from typing import TypeGuard

from egca.problems.callee import Callee
from egca.problems.parsing import parsed

_RUNNERS = ("run", "run_until_complete")  # asyncio.run(...), and what went before it
_WAITING = (ast.AsyncFor, ast.AsyncWith)
_OF_UNITTEST = ("asyncSetUp", "asyncTearDown")  # IsolatedAsyncioTestCase awaits them itself

Edit = tuple[int, int, str]  # bytes [start, end) of the source, and what stands there instead


def without_waiting(source: str, callee: Callee) -> str:
    """The test file without `await`, `asyncio.run` and `async def` around calls of the program.

    Raises: NOT_PYTHON of parsing.py.

    >>> without_waiting("assert asyncio.run(f(1)) == 2", Callee.of("f"))
    'assert (f(1)) == 2'
    """
    if "async" not in source:
        return source
    tree = parsed(source)
    names = {callee.method or callee.bound, *_parameters_of_checks(tree)}
    functions = _plain_functions(tree, names)
    names |= {function.name for function in functions}
    data = source.encode()
    text = _Text(data)
    edits: list[Edit] = []
    for function in functions:
        edits.append(text.async_of(function))
        edits += [text.await_of(node) for node in ast.walk(function) if isinstance(node, ast.Await)]
    for node in ast.walk(tree):
        if _runs(node, names):
            edits += text.run_of(node)
    for start, end, instead in sorted(edits, reverse=True):
        data = data[:start] + instead.encode() + data[end:]
    return data.decode()


def _parameters_of_checks(tree: ast.AST) -> set[str]:
    """What `check(candidate)` calls the program."""
    return {
        node.args.args[0].arg
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == "check"
        and len(node.args.args) == 1
    }


def _plain_functions(tree: ast.AST, names: set[str]) -> list[ast.AsyncFunctionDef]:
    """The async functions that wait only for the program and for one another."""
    kept = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef) and node.name not in _OF_UNITTEST
    ]
    while True:
        known = names | {node.name for node in kept}
        plain = [node for node in kept if not _waits_besides(node, known)]
        if len(plain) == len(kept):
            return plain
        kept = plain


def _waits_besides(function: ast.AsyncFunctionDef, names: set[str]) -> bool:
    return any(
        isinstance(node, _WAITING)
        or (isinstance(node, ast.comprehension) and bool(node.is_async))
        or (isinstance(node, ast.Await) and _name_called(node.value) not in names)
        for node in ast.walk(function)
    )


def _name_called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _runs(node: ast.AST, names: set[str]) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _RUNNERS
        and len(node.args) == 1
        and _name_called(node.args[0]) in names
    )


class _Text:
    """Edits of a source by the places of its nodes. Line breaks stay, within brackets."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.starts = [0]
        for line in data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def async_of(self, function: ast.AsyncFunctionDef) -> Edit:
        start = self.starts[function.lineno - 1] + function.col_offset
        end = start + len("async")
        return start, end + len(self.data[end:]) - len(self.data[end:].lstrip(b" \t")), ""

    def await_of(self, node: ast.Await) -> Edit:
        start, inner = self._place(node)[0], self._place(node.value)[0]
        return start, inner, self._breaks(start, inner)

    def run_of(self, call: ast.Call) -> tuple[Edit, Edit]:
        start, end = self._place(call)
        inner_start, inner_end = self._place(call.args[0])
        return (
            (start, inner_start, "(" + self._breaks(start, inner_start)),
            (inner_end, end, self._breaks(inner_end, end) + ")"),
        )

    def _breaks(self, start: int, end: int) -> str:
        return "\n" * self.data.count(b"\n", start, end)

    def _place(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )
