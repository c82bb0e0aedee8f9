"""Which arguments a function writes into, as its text shows it.

An approximation: aliases by plain assignment and loop variables are followed, values kept in
containers are not. With observed calls at hand constraints.py looks at those instead."""

from __future__ import annotations

import ast

from egca.structure.normalise import Function, function_body, parameters, statements
from egca.structure.reach import Table

MUTATORS = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard",
     "update", "setdefault", "popitem", "appendleft", "popleft", "extendleft", "rotate",
     "difference_update", "intersection_update", "symmetric_difference_update"}
)  # fmt: skip
_MUTATING_CALLS = frozenset({"heappush", "heappop", "heapify", "heapreplace", "shuffle", "insort"})


def mutated_parameters(function: Function, table: Table) -> dict[str, ast.expr | ast.stmt]:
    """Parameters whose value the function changes in place, with the place of the first write."""
    return _mutated(function, table, {})


def _mutated(
    function: Function, table: Table, active: dict[int, dict[str, ast.expr | ast.stmt]]
) -> dict[str, ast.expr | ast.stmt]:
    if id(function) in active:
        return active[id(function)]
    found = active[id(function)] = {}
    # name -> parameter whose value, or a part of it, the name holds
    holds = {name: name for name in parameters(function)}
    for node in statements(function_body(function)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in _own_parts(node):
            _writes(part, holds, table, active, found)
        _rebind(node, holds)
    return found


def _own_parts(node: ast.AST) -> list[ast.AST]:
    """A statement's own expressions and itself, without the statements inside it."""
    parts: list[ast.AST] = [node]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr | ast.withitem):
            parts.extend(ast.walk(child))
    return parts


def _writes(
    node: ast.AST,
    holds: dict[str, str],
    table: Table,
    active: dict[int, dict[str, ast.expr | ast.stmt]],
    found: dict[str, ast.expr | ast.stmt],
) -> None:
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        _note(node.value, node, holds, found)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        if isinstance(node.value, ast.List | ast.ListComp):  # += on anything else may rebind
            _note(node.target, node, holds, found)
    elif isinstance(node, ast.Call):
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if isinstance(called, ast.Attribute) and name in MUTATORS:
            _note(called.value, node, holds, found)
        elif name in _MUTATING_CALLS and node.args:
            _note(node.args[0], node, holds, found)
        helper = table.named(called)
        if helper is not None:
            inner = _mutated(helper, table, active)
            names = parameters(helper)[1 if isinstance(called, ast.Attribute) else 0 :]
            for parameter, argument in zip(names, node.args, strict=False):
                if parameter in inner:
                    _note(argument, node, holds, found)


def _note(
    value: ast.expr,
    place: ast.expr | ast.stmt,
    holds: dict[str, str],
    found: dict[str, ast.expr | ast.stmt],
) -> None:
    root = _root(value)
    if root in holds and holds[root] != "self":
        found.setdefault(holds[root], place)


def _root(node: ast.expr) -> str:
    """Name at the bottom of a.b[c].d, "" for anything else; a slice is a copy."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return ""
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _rebind(node: ast.AST, holds: dict[str, str]) -> None:
    """Follow plain aliases; a name that gets anything else no longer holds an argument."""
    if isinstance(node, ast.For | ast.AsyncFor) and isinstance(node.target, ast.Name):
        _bind(node.target.id, _root(node.iter), holds)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                _bind(target.id, _root(node.value), holds)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        _bind(node.target.id, _root(node.value), holds)


def _bind(name: str, source: str, holds: dict[str, str]) -> None:
    if source in holds:
        holds[name] = holds[source]
    else:
        holds.pop(name, None)
