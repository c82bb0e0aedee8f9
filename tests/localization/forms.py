"""Other forms of the same program: nothing in here changes what it does.

Each transformation gives a new source; statements keep their order, so `statement_index` names the
same statement in both, once those that were put in are left out."""

from __future__ import annotations

import ast
from collections.abc import Callable

INSERTED = "inserted_by_the_test"


def statements(source: str) -> list[ast.stmt]:
    """All statements in the order of the text, without those that a transformation put in."""
    found: list[ast.stmt] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                if INSERTED in ast.unparse(child) and not isinstance(child, ast.FunctionDef):
                    continue
                found.append(child)
            visit(child)

    visit(ast.parse(source))
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def statement_index(source: str, line: int) -> int:
    """Which statement a line belongs to; -1 for none."""
    index = -1
    for i, node in enumerate(statements(source)):
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            index = i
    return index


def reformatted(source: str) -> str:
    """Other line breaks, quotes and parentheses, no comments."""
    return ast.unparse(ast.parse(source)) + "\n"


def commented(source: str) -> str:
    """A comment and an empty line above every statement."""
    lines = source.split("\n")
    for line in sorted({node.lineno for node in statements(source)}, reverse=True):
        lines[line - 1 : line - 1] = ["", "# a comment: if x == 1: return 2"]
    return "\n".join(lines)


def renamed(source: str) -> str | None:
    """Other names for all local variables and parameters; None where that is not safe by text."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    unsafe = ast.JoinedStr | ast.Global | ast.Nonlocal | ast.ExceptHandler
    if any(isinstance(n, unsafe) for n in nodes):
        return None
    keywords = {n.arg for n in nodes if isinstance(n, ast.keyword)}
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.Lambda)]
    local = {a.arg for f in functions for a in ast.walk(f.args) if isinstance(a, ast.arg)}
    local |= {
        n.id
        for f in functions
        for n in ast.walk(f)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    module_level = {
        n.id for s in tree.body if not isinstance(s, ast.FunctionDef) for n in ast.walk(s)
        if isinstance(n, ast.Name)
    }  # fmt: skip
    chosen = sorted(local - keywords - module_level)
    names = {name: f"v{number}_" for number, name in enumerate(reversed(chosen))}
    places = [(n.lineno, n.col_offset, n.id) for n in nodes if isinstance(n, ast.Name)]
    places += [(n.lineno, n.col_offset, n.arg) for n in nodes if isinstance(n, ast.arg)]
    lines = [line.encode() for line in source.split("\n")]
    for line, column, name in sorted(places, reverse=True):
        if name in names:
            text = lines[line - 1]
            end = column + len(name.encode())
            lines[line - 1] = text[:column] + names[name].encode() + text[end:]
    return b"\n".join(lines).decode()


def with_dead_code(source: str) -> str:
    """Code without effect at the start of every function."""
    lines = source.split("\n")
    for node in sorted(
        (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)),
        key=lambda n: -n.body[0].lineno,
    ):
        first = node.body[0]
        has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        at = node.body[1] if has_docstring and len(node.body) > 1 else first
        if (at is first and has_docstring) or at.lineno == node.lineno:
            continue
        indent = " " * at.col_offset
        dead = [f"{indent}if False:", f"{indent}    {INSERTED} = 1", f"{indent}{INSERTED} = 0"]
        lines[at.lineno - 1 : at.lineno - 1] = dead
    return "\n".join(lines)


FORMS: dict[str, Callable[[str], str | None]] = {
    "reformatted": reformatted,
    "commented": commented,
    "renamed": renamed,
    "dead code": with_dead_code,
}
