"""Expressions with hooks: the half of the instrumentation that works inside statements.

Every hook call has the form `hook(site, value)` and gives the value back, so evaluation order, the
number of evaluations and the positions in tracebacks stay the program's own. Statements are in
egca/execution/statements.py; annotations and match patterns are never touched, because the program
can look at them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from egca.execution.sites import (
    Position,
    Site,
    SiteKind,
    hook_call,
    load,
    position_of,
)

# Nodes inside an f-string have their true positions only since Python 3.12.
F_STRINGS_HAVE_POSITIONS = sys.version_info >= (3, 12)

# A local name that no program can write: the number of a generator's or coroutine's call.
TOKEN = ".call"


@dataclass
class Scope:
    """What the rewriter knows of the function (or class body, or module) it is in."""

    qualname: str
    number: int
    is_class: bool = False
    class_name: str = ""  # the innermost class around, for the mangling of private names
    has_token: bool = False
    resume_site: int = -1
    is_async_generator: bool = False
    loops: list[int] = field(default_factory=list)
    depth: int = 0

    @property
    def prefix(self) -> str:
        """What goes in front of the names of functions that are defined in here."""
        if not self.qualname:
            return ""
        return f"{self.qualname}." if self.is_class else f"{self.qualname}.<locals>."


class ExpressionRewriter(ast.NodeTransformer):
    """Puts hooks into expressions and hands out site numbers."""

    def __init__(self, source: str) -> None:
        data = source.encode("utf-8", "surrogatepass")
        # The line ends of the compiler, not those of str.splitlines.
        self.lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self.sites: list[Site] = []
        self.scope = Scope("", 0)
        self.n_scopes = 1
        self.statement: Position = (1, 0, 1, 0)

    def text(self, node: ast.AST) -> str:
        """Source of a node on one line."""
        line, column, end_line, end_column = position_of(node)
        if line == end_line:
            part = self.lines[line - 1][column:end_column]
        else:
            inner = self.lines[line - 1 : end_line]
            inner = [inner[0][column:], *inner[1:-1], inner[-1][:end_column]]
            part = b" ".join(piece.strip() for piece in inner)
        return part.decode("utf-8", "replace")

    def site(
        self,
        kind: SiteKind,
        role: str,
        node: ast.AST,
        target: str,
        parameters: tuple[str, ...] = (),
    ) -> int:
        """A new site at the position of `node`; returns its number."""
        scope = self.scope
        number = len(self.sites)
        self.sites.append(
            Site(
                number,
                kind,
                role,
                *position_of(node),
                self.statement,
                target,
                scope.qualname,
                tuple(scope.loops),
                scope.depth,
                parameters,
                scope.number,
            )
        )
        return number

    def hooked(
        self, hook: str, kind: SiteKind, role: str, value: ast.expr, target: str
    ) -> ast.Call:
        """`hook(new site, value)`."""
        return hook_call(hook, self.site(kind, role, value, target), value, at=value)

    def condition(
        self, role: str, test: ast.expr, hook: str = "branch", number: int | None = None
    ) -> ast.Call:
        """`branch(site, True if test else False)`: the test is decided once, as in a plain `if`."""
        if number is None:
            number = self.site("branch", role, test, self.text(test))
        return hook_call(hook, number, truth_of(self._visit_test(test)), at=test)

    def _visit_test(self, test: ast.expr) -> ast.expr:
        """As visit_expr, for an expression of which only the truth counts."""
        if isinstance(test, ast.BoolOp):
            return self._operands(test, is_test=True)
        if isinstance(test, ast.UnaryOp) and _is_not(test):
            test.operand = self._visit_test(test.operand)
            return test
        return self.visit_expr(test)

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """Within a scope of its own."""
        outer, self.scope = self.scope, scope
        statement = self.statement
        try:
            yield
        finally:
            self.scope, self.statement = outer, statement

    def visit_expr(self, node: ast.expr) -> ast.expr:
        """Rewritten expression."""
        result: ast.expr = self.visit(node)
        return result

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return self._visited(node) if F_STRINGS_HAVE_POSITIONS else node

    def _visited(self, node: ast.expr) -> ast.expr:
        self.generic_visit(node)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        return self._operands(node, is_test=False)

    def _operands(self, node: ast.BoolOp, is_test: bool) -> ast.expr:
        """Hooks on the operands of `and` and `or`.

        The compiler decides nested and chained operands once where a hook around them would have
        them decided twice, which a `__bool__` can tell: those get a hook inside, or none.
        """
        values: list[ast.expr] = []
        for operand in node.values:
            is_chain = isinstance(operand, ast.Compare) and len(operand.ops) > 1
            if isinstance(operand, ast.BoolOp):
                values.append(self._operands(operand, is_test))
            elif is_chain and not is_test:
                values.append(self.visit_expr(operand))
            else:
                number = self.site("expr", "operand", operand, self.text(operand))
                value = self._visit_test(operand) if is_test else self.visit_expr(operand)
                if is_test and (is_chain or _is_not(operand)):
                    value = truth_of(value)  # as a jump, with the positions of one
                values.append(hook_call("operand", number, value, at=operand))
        node.values = values
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node.test = self.condition("ternary", node.test)
        node.body = self.visit_expr(node.body)
        node.orelse = self.visit_expr(node.orelse)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        number = self.site("write", "walrus", node.value, node.target.id)
        node.value = hook_call("value", number, self.visit_expr(node.value), at=node.value)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self._visit_defaults(node.args)
        outer = self.scope
        scope = Scope(f"{outer.prefix}<lambda>", outer.number, class_name=outer.class_name)
        scope.loops, scope.depth = list(outer.loops), outer.depth
        with self.inside(scope):
            number = self.site("expr", "lambda", node.body, "return")
            node.body = hook_call("value", number, self.visit_expr(node.body), at=node.body)
        return node

    def _visit_defaults(self, args: ast.arguments) -> None:
        args.defaults = [self.visit_expr(default) for default in args.defaults]
        args.kw_defaults = [default and self.visit_expr(default) for default in args.kw_defaults]

    def visit_Yield(self, node: ast.Yield) -> ast.expr:
        value = node.value or ast.copy_location(ast.Constant(None), node)
        number = self.site("expr", "yield", value, "yield")
        node.value = hook_call("value", number, self.visit_expr(value), at=value)
        return self._resumed(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.expr:
        number = self.site("expr", "delegate", node.value, "yield from")
        node.value = hook_call("delegate", number, self.visit_expr(node.value), at=node.value)
        return self._resumed(node)

    def visit_Await(self, node: ast.Await) -> ast.expr:
        node.value = self.visit_expr(node.value)
        return self._resumed(node)

    def _resumed(self, node: ast.expr) -> ast.expr:
        scope = self.scope
        if not scope.has_token:
            return node
        return hook_call("resume", scope.resume_site, load(TOKEN, node), node, at=node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.expr:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.expr:
        return self._comprehension(node)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> ast.expr:
        loops = self.scope.loops
        n_loops = len(loops)
        for generator in node.generators:
            generator.iter = self.visit_expr(generator.iter)
            target = generator.target
            number = self.site("item", "comprehension", target, self.text(target))
            value = loaded(target) or ast.copy_location(ast.Constant(None), target)
            loops.append(number)
            item = hook_call("comprehension_item", number, value, at=target)
            conditions = [self.condition("comprehension", test) for test in generator.ifs]
            generator.ifs = [item, *conditions]
        if isinstance(node, ast.DictComp):
            node.key = self._element("key", node.key)
            node.value = self._element("element", node.value)
        else:
            node.elt = self._element("element", node.elt)
        del loops[n_loops:]
        return node

    def _element(self, role: str, node: ast.expr) -> ast.expr:
        number = self.site("expr", role, node, self.text(node))
        return hook_call("value", number, self.visit_expr(node), at=node)


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def truth_of(test: ast.expr) -> ast.expr:
    """`True if test else False`: decides as an `if` does, exactly once."""
    truth = ast.IfExp(test, ast.Constant(True), ast.Constant(False))
    for node in (truth, truth.body, truth.orelse):
        ast.copy_location(node, test)
    return truth


def loaded(target: ast.expr) -> ast.expr | None:
    """An assignment target read back; None if reading it could run code of the program.

    A starred name counts as the list that it holds.
    """
    if isinstance(target, ast.Name):
        return load(target.id, target)
    if isinstance(target, ast.Starred):
        return loaded(target.value)
    if isinstance(target, ast.Tuple | ast.List):
        parts = [loaded(element) for element in target.elts]
        if all(parts):
            tuple_ = ast.Tuple([part for part in parts if part], ast.Load())
            return ast.copy_location(tuple_, target)
    return None


def stored(target: ast.expr) -> ast.expr:
    """The target that takes what `loaded` read: the same without stars."""
    if isinstance(target, ast.Starred):
        return stored(target.value)
    if isinstance(target, ast.Tuple | ast.List):
        tuple_ = ast.Tuple([stored(element) for element in target.elts], ast.Store())
        return ast.copy_location(tuple_, target)
    name = ast.Name(target.id, ast.Store()) if isinstance(target, ast.Name) else target
    return ast.copy_location(name, target)


def names_in(target: ast.AST) -> Iterator[ast.Name]:
    """The names that an assignment target binds, left to right."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node
