"""How many loops of a program lie inside each other: its complexity class, as far as text shows it.

Loops over a literal or over `range` of literals have a constant length and do not count; a call of
the program's own function adds the loops in it. What builtins do inside (sorted, `in` on a list) is
not counted: two ways of writing the same loop must not differ by what Python does for one of
them."""

from __future__ import annotations

import ast

from egca.structure.normalise import Function, constant_truth
from egca.structure.reach import Table, callees

Nest = tuple[int, ast.expr | ast.stmt | None]  # depth, innermost loop of the deepest nest

_NONE: Nest = (0, None)


def loop_nest(root: ast.AST, table: Table) -> Nest:
    """Deepest loop nest below a node. For a program without recursion: the caller has looked."""
    return _Reader(table).body(root)


class _Reader:
    def __init__(self, table: Table) -> None:
        self.table = table
        self.known: dict[int, Nest] = {}

    def function(self, function: Function) -> Nest:
        if id(function) not in self.known:
            self.known[id(function)] = _NONE  # met again below: recursion, unknown anyway
            self.known[id(function)] = self.body(function)
        return self.known[id(function)]

    def body(self, root: ast.AST) -> Nest:
        return max(
            (self.node(child) for child in ast.iter_child_nodes(root)), key=_depth, default=_NONE
        )

    def node(self, node: ast.AST) -> Nest:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import):
            return _NONE  # counted where it is called
        if isinstance(node, ast.For | ast.AsyncFor):
            inside = self._loop(node, node.iter, [*node.body, *node.orelse])
            return max(self.node(node.iter), inside, key=_depth)
        if isinstance(node, ast.While):
            return self._loop(node, None, [node.test, *node.body, *node.orelse])
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self._comprehension(node)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            own = [self.function(function) for function, _place in callees(node, self.table)]
            return max([*own, self.body(node)], key=_depth)
        return self.body(node)

    def _loop(
        self, node: ast.stmt | ast.expr, over: ast.expr | None, inside: list[ast.stmt | ast.expr]
    ) -> Nest:
        depth, place = max((self.node(inner) for inner in inside), key=_depth, default=_NONE)
        if over is not None and is_constant_length(over):
            return depth, place
        if isinstance(node, ast.While) and constant_truth(node.test) is False:
            return _NONE
        return depth + 1, place if place is not None else node

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Nest:
        inner = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        depth, place = max((self.node(part) for part in inner), key=_depth)
        for generator in reversed(node.generators):
            tests = [self.node(test) for test in generator.ifs]
            depth, place = max([(depth, place), *tests], key=_depth)
            if not is_constant_length(generator.iter):
                depth, place = depth + 1, place if place is not None else node
            depth, place = max([(depth, place), self.node(generator.iter)], key=_depth)
        return depth, place


def _depth(nest: Nest) -> int:
    return nest[0]


def is_constant_length(node: ast.expr) -> bool:
    """Whether what is looped over has the same length whatever the input is.

    >>> is_constant_length(ast.parse("range(2, 10)", mode="eval").body)
    True
    """
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not any(isinstance(item, ast.Starred) for item in node.elts)
    if isinstance(node, ast.Dict):
        return None not in node.keys
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    if node.func.id in ("range", "enumerate", "reversed", "zip", "list", "tuple", "sorted"):
        return bool(node.args) and all(map(is_constant_length, node.args))
    return False
