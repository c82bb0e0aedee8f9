"""Which functions of a program lead to which, by name: what facts.py and its kin start from.

An approximation from above: a function counts as reached where it is mentioned. A name that a
function binds itself (a parameter, a local) is not a mention of a function of that name."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from egca.structure.normalise import Function, parameters

_MAX_NODES = 50_000
_MAX_NESTING = 200


@dataclass(frozen=True, slots=True)
class Table:
    """Functions of a module by name, nested ones too, and methods; the last definition wins."""

    functions: dict[str, Function]
    methods: dict[str, Function]

    def named(self, node: ast.expr) -> Function | None:
        """The function that a name or an attribute of self or of a class stands for."""
        if isinstance(node, ast.Name):
            return self.functions.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Call):
            return self.methods.get(node.attr)
        return None


def is_readable(tree: ast.AST) -> bool:
    """Whether a tree is small and shallow enough for readers that use recursion."""
    level: list[ast.AST] = [tree]
    n_nodes = n_levels = 0
    while level:
        n_nodes += len(level)
        n_levels += 1
        if n_nodes > _MAX_NODES or n_levels > _MAX_NESTING:
            return False
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return True


def function_table(tree: ast.Module) -> Table:
    table = Table({}, {})
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, in_class = stack.pop()
        for child in reversed(list(ast.iter_child_nodes(node))):
            stack.append((child, isinstance(node, ast.ClassDef)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            (table.methods if in_class else table.functions)[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    table.functions[target.id] = node.value
    return table


def callees(root: ast.AST, table: Table) -> list[tuple[Function, ast.expr]]:
    """Functions of the program mentioned below a node, with the place of each mention."""
    bound: set[str] = set()
    places: list[ast.expr] = []
    for node in ast.walk(root):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                places.append(node)
            elif node.id not in table.functions or not isinstance(
                table.functions[node.id], ast.Lambda
            ):
                bound.add(node.id)
        elif isinstance(node, ast.Attribute):
            places.append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            bound.update(parameters(node))
    found = []
    for place in places:
        if not (isinstance(place, ast.Name) and place.id in bound):
            function = table.named(place)
            if function is not None:
                found.append((function, place))
    return found


def reached(start: ast.AST, table: Table) -> list[ast.AST]:
    """A node and every function that it leads to, each once, nearest first."""
    found = [start]
    seen = {id(start)}
    for node in found:  # grows while it is read
        for function, _place in callees(node, table):
            if id(function) not in seen:
                seen.add(id(function))
                found.append(function)
    return found


def recursive_call(found: list[ast.AST], table: Table) -> ast.expr | None:
    """A mention that leads a function back to itself, None if nothing is recursive."""
    edges = {id(node): callees(node, table) for node in found}
    for start in found:
        stack = [(id(function), place) for function, place in edges[id(start)]]
        seen: set[int] = set()
        while stack:
            target, place = stack.pop()
            if target == id(start):
                return place
            if target not in seen:
                seen.add(target)
                stack += [(id(function), place) for function, place in edges.get(target, ())]
    return None
