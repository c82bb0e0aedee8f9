"""pytest.mark.parametrize read as sets of arguments, and the names of fixtures, to refuse them."""

from __future__ import annotations

import ast

_OF_PYTEST = frozenset(
    {
        *("cache", "capfd", "capfdbinary", "caplog", "capsys", "capsysbinary", "doctest_namespace"),
        *("monkeypatch", "pytestconfig", "record_property", "recwarn", "request", "testdir"),
        *("tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory"),
    }
)


def fixtures_of(tree: ast.Module) -> set[str]:
    """Names of fixtures that a test in this file may take: those it defines, and pytest's own."""
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any("fixture" in ast.unparse(mark) for mark in node.decorator_list)
    } | _OF_PYTEST


def parameter_sets(node: ast.FunctionDef) -> list[dict[str, ast.expr]] | None:
    """The argument sets of a test function, [{}] for one without arguments.

    None when an argument comes from somewhere else (a fixture).
    """
    sets: list[dict[str, ast.expr]] = [{}]
    for decorator in node.decorator_list:
        made = _one(decorator)
        if made is not None:
            sets = [{**first, **second} for second in made for first in sets]
    arguments = [item.arg for item in node.args.args if item.arg != "self"]
    defaults = arguments[len(arguments) - len(node.args.defaults) :] if node.args.defaults else []
    if any(set(arguments) - set(defaults) - values.keys() for values in sets):
        return None
    return sets


def _one(decorator: ast.expr) -> list[dict[str, ast.expr]] | None:
    if not isinstance(decorator, ast.Call) or len(decorator.args) < 2:
        return None
    if not ast.unparse(decorator.func).endswith("mark.parametrize"):
        return None
    names, rows = _names(decorator.args[0]), decorator.args[1]
    if not names or not isinstance(rows, ast.List | ast.Tuple):
        return None
    sets = []
    for row in rows.elts:
        values = _values(row, len(names))
        if values is None:
            return None
        sets.append(dict(zip(names, values, strict=True)))
    return sets


def _names(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [name.strip() for name in node.value.split(",") if name.strip()]
    if isinstance(node, ast.List | ast.Tuple):
        return [str(item.value) for item in node.elts if isinstance(item, ast.Constant)]
    return []


def _values(row: ast.expr, n_names: int) -> list[ast.expr] | None:
    if isinstance(row, ast.Call) and ast.unparse(row.func).endswith("param"):
        return row.args if len(row.args) == n_names else None
    if n_names == 1:
        return [row]
    if isinstance(row, ast.List | ast.Tuple) and len(row.elts) == n_names:
        return list(row.elts)
    return None
