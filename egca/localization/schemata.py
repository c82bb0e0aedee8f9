"""Mutation schemata: all edits of a program compiled in at once, each behind a switch.

A slot is a module-level integer that is 0 for the original; every place that edits touch asks its
slot. Switching an edit on is then a store, where recompiling costs a tenth of a millisecond and
more. Loops and functions also count ticks, so that an edit that never ends is stopped after a
fixed number of steps and not after some time. (Untch, Offutt and Harrold, "Mutation analysis using
mutant schemata", 1993.)"""

from __future__ import annotations

import ast
import marshal
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, TypeVar

from egca.localization.edits import Change, Edit, Insert, Replace, Rewrite
from egca.localization.scope import child_nodes, walk

# Not two underscores: in a class body such names are mangled.
SLOT = "_egca_{}"
TICK = "_egca_tick"
FILENAME = "<program>"

Node = TypeVar("Node", bound=ast.AST)
_LOAD = ast.Load()
_EQUAL: list[ast.cmpop] = [ast.Eq()]
AT: Any = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


@dataclass(frozen=True, slots=True)
class Schemata:
    """A compiled program with its edits.

    switches[i] are the (slot, value) pairs that turn edit i on; module_level tells the edits that
    only take effect when the module is executed again (code outside functions).
    """

    code: CodeType
    n_slots: int
    switches: tuple[tuple[tuple[int, int], ...], ...]
    module_level: frozenset[int]
    is_stateful: bool
    uses_random: bool

    def payload(self) -> bytes:
        """The code for a child that runs the same interpreter."""
        return marshal.dumps(self.code)


@dataclass
class _Sites:
    replace: dict[int, list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    rewrite: dict[int, list[tuple[ast.stmt, ...]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    before: dict[int, list[tuple[ast.stmt, ...]]] = field(default_factory=lambda: defaultdict(list))
    after: dict[int, list[tuple[ast.stmt, ...]]] = field(default_factory=lambda: defaultdict(list))
    slots: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, change: Change) -> tuple[int, int]:
        key: tuple[str, int]
        match change:
            case Replace(node, new):
                self.replace[id(node)].append(new)
                key, value = ("replace", id(node)), len(self.replace[id(node)])
            case Rewrite(node, statements):
                self.rewrite[id(node)].append(statements)
                key, value = ("rewrite", id(node)), len(self.rewrite[id(node)])
            case Insert(node, statements, after):
                where = self.after if after else self.before
                where[id(node)].append(statements)
                key, value = ("after" if after else "before", id(node)), len(where[id(node)])
        return self.slots.setdefault(key, len(self.slots)), value


def build(tree: ast.Module, edits: Sequence[Edit]) -> Schemata:
    """Compile a program with all these edits in it.

    Raises: SyntaxError or ValueError if the edits do not fit their places (the caller then halves
    them).
    """
    sites = _Sites()
    switches = tuple(tuple(sites.add(change) for change in edit.changes) for edit in edits)
    weaver = _Weaver(sites)
    module = ast.Module(body=weaver.block(tree.body), type_ignores=[])
    outside = _outside_functions(tree)
    return Schemata(
        code=compile(module, FILENAME, "exec"),
        n_slots=len(sites.slots),
        switches=switches,
        module_level=frozenset(
            index
            for index, edit in enumerate(edits)
            if any(id(change.node) in outside for change in edit.changes)
        ),
        is_stateful=has_state(tree),
        uses_random=any(
            isinstance(node, ast.Name | ast.alias)
            and "random" in (getattr(node, "id", "") or getattr(node, "name", ""))
            for node in walk(tree)
        ),
    )


class _Weaver:
    """Builds the woven tree. Unchanged subtrees are shared with the original, which stays as it
    is; new nodes all have the same position, for nobody asks where they are."""

    def __init__(self, sites: _Sites) -> None:
        self.sites = sites
        self.numbers: list[ast.expr] = []

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for statement in statements:
            out += self.statement(statement)
        return out

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        sites, key = self.sites, id(node)
        woven = self._children(node)
        out = self._optional("before", node, sites.before.get(key, ()))
        options = sites.rewrite.get(key)
        if options:
            slot = self._slot("rewrite", node)
            out.append(ast.If(slot, self._chosen(slot, options), [woven], **AT))
        else:
            out.append(woven)
        return out + self._optional("after", node, sites.after.get(key, ()))

    def _optional(
        self, role: str, node: ast.stmt, options: Sequence[tuple[ast.stmt, ...]]
    ) -> list[ast.stmt]:
        """Statements that are there when their switch is on; one question for all that are not."""
        if not options:
            return []
        slot = self._slot(role, node)
        return [ast.If(slot, self._chosen(slot, options), [], **AT)]

    def _chosen(self, slot: ast.expr, options: Sequence[tuple[ast.stmt, ...]]) -> list[ast.stmt]:
        return [
            ast.If(self._is(slot, index), [*map(place, new)] or [ast.Pass(**AT)], [], **AT)
            for index, new in enumerate(options, 1)
        ]

    def _slot(self, role: str, node: ast.AST) -> ast.expr:
        """The slot of a node, true when one of its edits is on."""
        return ast.Name(SLOT.format(self.sites.slots[role, id(node)]), _LOAD, **AT)

    def _is(self, slot: ast.expr, value: int) -> ast.expr:
        """`slot == value`."""
        while len(self.numbers) <= value:
            self.numbers.append(ast.Constant(len(self.numbers), **AT))
        return ast.Compare(slot, _EQUAL, [self.numbers[value]], **AT)

    def expression(self, node: ast.expr) -> ast.expr:
        woven = self._children(node)
        options = self.sites.replace.get(id(node))
        if not options:
            return woven
        slot = self._slot("replace", node)
        chain = place(options[-1])
        for index in range(len(options) - 1, 0, -1):
            chain = ast.IfExp(self._is(slot, index), place(options[index - 1]), chain, **AT)
        return ast.IfExp(slot, chain, woven, **AT)

    def _children(self, node: Node) -> Node:
        changed: dict[str, object] = {}
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.expr):
                new: object = self.expression(value)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                new = self._tick(node, name, self.block(value))
            elif isinstance(value, list) and value and isinstance(value[0], ast.AST | None):
                new = [self._any(item) for item in value]
                if all(a is b for a, b in zip(new, value, strict=True)):
                    continue
            elif isinstance(value, ast.AST):
                new = self._any(value)
            else:
                continue
            if new is not value:
                changed[name] = new
        if not changed:
            return node
        fields = {name: getattr(node, name, None) for name in node._fields} | changed
        return type(node)(**fields, **(AT if node._attributes else {}))

    def _any(self, node: object) -> object:
        if isinstance(node, ast.expr):
            return self.expression(node)
        if isinstance(node, ast.AST) and node._fields:
            return self._children(node)
        return node

    def _tick(self, node: ast.AST, name: str, body: list[ast.stmt]) -> list[ast.stmt]:
        counts = isinstance(
            node, ast.For | ast.While | ast.AsyncFor | ast.FunctionDef | ast.AsyncFunctionDef
        )
        if not counts or name != "body":
            return body
        call = ast.Call(ast.Name(TICK, _LOAD, **AT), [], [], **AT)
        # Behind a docstring, so that it stays one.
        first = body[0]
        cut = int(
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        )
        return [*body[:cut], ast.Expr(call, **AT), *body[cut:]]


def place(new: Node) -> Node:
    """Give a new tree a position wherever it has none; parts of the original keep theirs."""
    stack: list[ast.AST] = [new]
    while stack:
        known = stack.pop().__dict__
        if "lineno" in known:
            continue
        for value in known.values():
            if isinstance(value, ast.AST):
                if value._fields:  # operators and contexts have no place
                    stack.append(value)
            elif type(value) is list:
                stack += [item for item in value if isinstance(item, ast.AST)]
        known.update(AT)
    return new


def _outside_functions(tree: ast.Module) -> set[int]:
    """Nodes evaluated when the module is executed: everything but bodies of functions."""
    found: set[int] = set()
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        found.add(id(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            stack += [*node.decorator_list, node.args]
        elif isinstance(node, ast.Lambda):
            stack.append(node.args)
        else:
            stack += child_nodes(node)
    return found


def has_state(tree: ast.Module) -> bool:
    """Whether calls can leave something behind that later calls see.

    Module variables that a function could change, mutable defaults, caches: such a module is
    executed again for every run. Constants and imports do not count.
    """
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.ClassDef):
            value = getattr(statement, "value", None)
            if not isinstance(value, ast.Constant | ast.Lambda):
                return True
    for node in walk(tree):
        if isinstance(node, ast.Global):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            if node.decorator_list or any(
                not isinstance(value, ast.Constant | ast.UnaryOp | None) for value in defaults
            ):
                return True
    return False
