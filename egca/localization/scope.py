"""Which names a place in a program can see, and what role its expressions play."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
# Statements that no edit touches as a whole.
LEFT_ALONE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom


def child_nodes(node: ast.AST) -> list[ast.AST]:
    """Child nodes in the order of the fields; ast.iter_child_nodes, several times faster."""
    out: list[ast.AST] = []
    known = node.__dict__
    for name in node._fields:  # without positions, half of what a node holds
        value = known.get(name)
        if type(value) is list:
            out += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            out.append(value)
    return out


@lru_cache(maxsize=512)
def walk(tree: ast.AST) -> Sequence[ast.AST]:
    """A node and all below it, outer ones first; ast.walk, several times faster.

    Remembered: no tree is changed once it is made.
    """
    out = [tree]
    for node in out:  # grows as it is walked
        if node._fields:
            out += child_nodes(node)
    return out


@dataclass(slots=True, eq=False)
class Scope:
    """One function body (or the module): its variables, in order of first appearance."""

    node: ast.Module | FunctionNode
    parent: Scope | None = None
    parameters: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    statements: list[ast.stmt] = field(default_factory=list)

    def visible(self) -> list[str]:
        """Variables an expression here may read: own ones first, then those of enclosing scopes.

        Not what methods call their object: it stands for no value of its own."""
        names = list(self.variables)
        outer = self.parent
        while outer is not None:
            names += [name for name in outer.variables if name not in names]
            outer = outer.parent
        return [name for name in names if name not in ("self", "cls")]


@lru_cache(maxsize=64)
def scopes(tree: ast.Module) -> tuple[Scope, ...]:
    """All scopes of a program, the module first. Bodies of classes belong to what is around
    them."""
    root = Scope(tree)
    found = [root]
    _collect(tree.body, root, found)
    return tuple(found)


def _collect(body: list[ast.stmt], scope: Scope, found: list[Scope]) -> None:
    for statement in body:
        scope.statements.append(statement)
        if isinstance(statement, FunctionNode):
            scope.functions.append(statement.name)
            inner = Scope(statement, scope)
            arguments = statement.args
            inner.parameters = [
                argument.arg
                for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            ]
            inner.parameters += [a.arg for a in (arguments.vararg, arguments.kwarg) if a]
            inner.variables = list(inner.parameters)
            found.append(inner)
            _collect(statement.body, inner, found)
            continue
        for name in stored_names(statement):
            if name not in scope.variables:
                scope.variables.append(name)
        for block in blocks(statement):
            _collect(block, scope, found)


def stored_names(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement itself (not its blocks) assigns; names inside comprehensions are
    not."""
    stack: list[ast.AST] = [
        child
        for name in statement._fields
        if name not in BLOCK_FIELDS
        for child in _as_list(getattr(statement, name, None))
    ]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.comprehension | ast.Lambda):
            continue
        stack += child_nodes(node)


BLOCK_FIELDS = ("body", "orelse", "finalbody", "handlers", "cases")


def _as_list(value: object) -> list[ast.AST]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, ast.AST)]
    return [value] if isinstance(value, ast.AST) else []


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statement lists directly inside a statement."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block:
            yield block
    for holder in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
        yield holder.body


def simple_statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below a node, outer ones first, in the order of the text."""
    for node in child_nodes(tree):
        if isinstance(node, ast.stmt):
            yield node
            yield from simple_statements(node)
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            yield from simple_statements(node)


def own_expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions that belong to a statement itself: not those of its blocks, no
    annotations."""
    skip = ("annotation", "returns", "decorator_list", *BLOCK_FIELDS)
    for name in statement._fields:
        if name in skip or (name == "args" and isinstance(statement, FunctionNode)):
            continue
        for child in _as_list(getattr(statement, name, None)):
            if isinstance(child, ast.expr):
                yield child
            elif isinstance(child, ast.withitem):
                yield child.context_expr


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a bare string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
