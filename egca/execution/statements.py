"""Statements with hooks: the half of the instrumentation that adds and replaces statements.

Reads only names that the statement itself has just bound or used, so no hook can raise what the
plain program would not. Expressions are in egca/execution/rewrite.py."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from egca.execution.functions import FunctionRewriter
from egca.execution.rewrite import loaded, names_in, stored
from egca.execution.sites import (
    HOOK_MARK,
    MUTATING_FUNCTIONS,
    MUTATORS,
    SiteKind,
    assign,
    expression_statement,
    hook_call,
    load,
    position_of,
)


class StatementRewriter(FunctionRewriter):
    """Rewrites each statement into a list of statements."""

    def note(self, hook: str, kind: SiteKind, role: str, node: ast.AST, target: str) -> ast.stmt:
        """The statement `hook(new site)`."""
        return expression_statement(hook_call(hook, self.site(kind, role, node, target), at=node))

    def rebind(self, name: ast.Name, role: str, at: ast.AST | None = None) -> ast.stmt:
        """`x = value(site, x)`; in a class body, whose namespace may refuse, only a look."""
        node = at or name
        number = self.site("write", role, node, name.id)
        call = hook_call("value", number, load(name.id, node), at=node)
        return expression_statement(call) if self.scope.is_class else assign(name.id, call)

    # -- assignments ---------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        after: list[ast.stmt] = []
        changed = self.changed_by(node.value)
        first = node.targets[0]
        if len(node.targets) == 1 and _pairs(first, node.value):
            self._assign_pairwise(first, node.value, after)
        else:
            value = self.visit_expr(node.value)
            for target in node.targets:
                if not isinstance(target, ast.Tuple | ast.List):
                    number = self.site("write", "assign", node.value, self.text(target))
                    value = hook_call("value", number, value, at=node.value)
                else:
                    after += [self.rebind(name, "unpack") for name in names_in(target)]
            node.value = value
        for target in node.targets:
            self.visit_target(target, after)
        return [node, *after, *changed]

    def _assign_pairwise(self, target: ast.expr, value: ast.expr, after: list[ast.stmt]) -> None:
        """`a, b[i] = e, f`: each element has its own hook."""
        assert isinstance(target, ast.Tuple | ast.List)
        assert isinstance(value, ast.Tuple | ast.List)
        for i, (part, element) in enumerate(zip(target.elts, value.elts, strict=True)):
            if isinstance(part, ast.Tuple | ast.List):
                value.elts[i] = self.visit_expr(element)
                after += [self.rebind(name, "unpack") for name in names_in(part)]
            else:
                number = self.site("write", "unpack", element, self.text(part))
                value.elts[i] = hook_call("value", number, self.visit_expr(element), at=element)

    def visit_target(
        self, target: ast.expr, after: list[ast.stmt], role: str = "container"
    ) -> None:
        """Rewrite what a target evaluates; have `after` record the container that it changes."""
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self.visit_target(element, after, role)
        elif isinstance(target, ast.Starred):
            self.visit_target(target.value, after, role)
        elif isinstance(target, ast.Attribute):
            target.value = self.visit_expr(target.value)
        elif isinstance(target, ast.Subscript):
            self._visit_subscript(target, after, role)

    def _visit_subscript(self, target: ast.Subscript, after: list[ast.stmt], role: str) -> None:
        inner = target
        while True:
            inner.slice = self.visit_expr(inner.slice)
            if not isinstance(inner.value, ast.Subscript):
                break
            inner = inner.value
        held = self.watch(inner.value, after, role)
        inner.value = held

    def watch(self, root: ast.expr, after: list[ast.stmt], role: str) -> ast.expr:
        """Have `after` record what `root` evaluates to; returns what to put in its place."""
        if isinstance(root, ast.Name):
            if any(_looks_at(statement, root.id) for statement in after):
                return root
            number = self.site("write", role, root, root.id)
            look = hook_call("container", number, load(root.id, root), at=root)
            after.append(expression_statement(look))
            return root
        number = self.site("write", role, root, self.text(root))
        after.append(expression_statement(hook_call("release", number, at=root)))
        return hook_call("hold", number, self.visit_expr(root), at=root)

    def changed_by(self, node: ast.expr) -> list[ast.stmt]:
        """Looks at what a call like `xs.append(1)` or `heappush(xs, 1)` changes in place."""
        after: list[ast.stmt] = []
        if isinstance(node, ast.Await):
            node = node.value
        if not isinstance(node, ast.Call):
            return after
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if isinstance(func, ast.Attribute) and name in MUTATORS:
            root: ast.expr = func.value
            while isinstance(root, ast.Subscript):
                root = root.value
            if isinstance(root, ast.Name):
                self.watch(root, after, "container")
            elif isinstance(root, ast.Attribute) and root is func.value:
                func.value = self.watch(root, after, "container")
        elif name in MUTATING_FUNCTIONS and node.args and isinstance(node.args[0], ast.Name):
            self.watch(node.args[0], after, "container")
        return after

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        after: list[ast.stmt] = []
        if node.value is not None:  # the annotation stays as it is
            after = self.changed_by(node.value)
            number = self.site("write", "annotated", node.value, self.text(node.target))
            node.value = hook_call("value", number, self.visit_expr(node.value), at=node.value)
            self.visit_target(node.target, after)
        return [node, *after]

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        target = node.target
        after: list[ast.stmt] = []
        node.value = self.visit_expr(node.value)
        if isinstance(target, ast.Name):
            after.append(self.rebind(target, "augmented", node))
        elif isinstance(target, ast.Attribute):
            number = self.site("write", "augmented", node, self.text(target))
            base = self.visit_expr(target.value)
            target.value = hook_call("hold", number, base, at=target.value)
            attribute = ast.copy_location(ast.Constant(self.mangled(target.attr)), node)
            after.append(expression_statement(hook_call("attribute", number, attribute, at=node)))
        else:
            key = _simple_key(target)
            if key is not None and isinstance(target.value, ast.Name):
                number = self.site("write", "augmented", node, self.text(target))
                base = load(target.value.id, node)
                after.append(
                    expression_statement(hook_call("subscript", number, base, key, at=node))
                )
            self.visit_target(target, after)
        return [node, *after]

    def mangled(self, attribute: str) -> str:
        """The name under which an attribute written here is stored."""
        owner = self.scope.class_name.lstrip("_")
        is_private = attribute.startswith("__") and not attribute.endswith("__")
        return f"_{owner}{attribute}" if owner and is_private else attribute

    def visit_Delete(self, node: ast.Delete) -> list[ast.stmt]:
        after: list[ast.stmt] = []
        for target in node.targets:
            self.visit_target(target, after, "delete")
            if isinstance(target, ast.Name | ast.Attribute):
                after.append(self.note("mark", "write", "delete", target, self.text(target)))
        gone = [target.id for target in node.targets if isinstance(target, ast.Name)]
        after = [look for look in after if not any(_looks_at(look, name) for name in gone)]
        return [node, *after]

    # -- simple statements ----------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt]:
        value = node.value
        if isinstance(value, ast.Constant):
            return [node]
        after = self.changed_by(value)
        is_suspending = isinstance(value, ast.Yield | ast.YieldFrom | ast.Await)
        if after or is_suspending:
            node.value = self.visit_expr(value)
        else:
            number = self.site("expr", "statement", value, self.text(value))
            node.value = hook_call("value", number, self.visit_expr(value), at=value)
        return [node, *after]

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        node.test = self.condition("assert", node.test)
        if node.msg is not None:
            node.msg = self.visit_expr(node.msg)
        return [node]

    def visit_Raise(self, node: ast.Raise) -> list[ast.stmt]:
        mark = self.note("mark", "expr", "statement", node, self.text(node))
        self.generic_visit(node)
        return [mark, node]

    def visit_Break(self, node: ast.Break) -> list[ast.stmt]:
        return [self.note("mark", "expr", "statement", node, "break"), node]

    def visit_Continue(self, node: ast.Continue) -> list[ast.stmt]:
        return [self.note("mark", "expr", "statement", node, "continue"), node]

    # -- compound statements --------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> list[ast.stmt]:
        line = self.lines[node.lineno - 1][node.col_offset :]
        node.test = self.condition("elif" if line.startswith(b"elif") else "if", node.test)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        return [node]

    def visit_While(self, node: ast.While) -> list[ast.stmt]:
        loops = self.scope.loops
        if isinstance(node.test, ast.Constant):
            number = self.site("item", "while", node.test, "while")
            value = ast.copy_location(ast.Constant(None), node.test)
            tick = expression_statement(hook_call("item", number, value, at=node.test))
            node.body = [tick, *self.block(node.body, number)]
        else:
            number = self.site("branch", "while", node.test, self.text(node.test))
            loops.append(number)
            node.test = self.condition("while", node.test, "loop", number)
            loops.pop()
            node.body = self.block(node.body, number)
        node.orelse = self.block(node.orelse)
        return [node]

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        return self._for(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> list[ast.stmt]:
        return self._for(node)

    def _for(self, node: ast.For | ast.AsyncFor) -> list[ast.stmt]:
        node.iter = self.visit_expr(node.iter)
        target = node.target
        number = self.site("item", "for", target, self.text(target))
        value = loaded(target)
        none = ast.copy_location(ast.Constant(None), target)
        call = hook_call("item", number, value or none, at=target)
        start: list[ast.stmt] = []
        if value is None:
            self.visit_target(target, start)
        if value is None or self.scope.is_class:
            start.insert(0, expression_statement(call))
        else:
            start.append(ast.copy_location(ast.Assign([stored(target)], call), target))
        if isinstance(node, ast.AsyncFor):
            start[:0] = self.resumption(node)
        node.body = [*start, *self.block(node.body, number)]
        node.orelse = self.block(node.orelse)
        return [node]

    def visit_With(self, node: ast.With) -> list[ast.stmt]:
        return self._with(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> list[ast.stmt]:
        return self._with(node)

    def _with(self, node: ast.With | ast.AsyncWith) -> list[ast.stmt]:
        start: list[ast.stmt] = []
        if isinstance(node, ast.AsyncWith):
            start += self.resumption(node)
        for item in node.items:
            item.context_expr = self.visit_expr(item.context_expr)
            if item.optional_vars is not None:
                start += [self.rebind(name, "with") for name in names_in(item.optional_vars)]
                self.visit_target(item.optional_vars, start)
        node.body = [*start, *self.block(node.body)]
        return [node]

    def visit_Try(self, node: ast.Try) -> list[ast.stmt]:
        return self._try(node)

    def visit_TryStar(self, node: ast.TryStar) -> list[ast.stmt]:
        return self._try(node)

    def _try(self, node: ast.Try | ast.TryStar) -> list[ast.stmt]:
        node.body = self.block(node.body)
        for handler in node.handlers:
            self.statement = (*position_of(handler)[:2], *_end_of_header(handler))
            caught = self.note("caught", "raise", "caught", handler.type or handler, "except")
            if handler.type is not None:
                handler.type = self.visit_expr(handler.type)
            handler.body = [caught, *self.block(handler.body)]
        node.orelse = self.block(node.orelse)
        node.finalbody = self.block(node.finalbody)
        return [node]

    def visit_Match(self, node: ast.Match) -> list[ast.stmt]:
        node.subject = self.visit_expr(node.subject)
        for case in node.cases:
            start = (case.pattern.lineno, case.pattern.col_offset)
            end = position_of(case.guard or case.pattern)[2:]
            self.statement = (*start, *end)
            text = self.text(case.pattern)
            if case.guard is not None:
                case.guard = self.condition("guard", case.guard)
            number = self.site("branch", "case", case.pattern, text)
            true = ast.copy_location(ast.Constant(True), case.pattern)
            taken = expression_statement(hook_call("value", number, true, at=case.pattern))
            names = [self.rebind(name, "match") for name in _captures(case.pattern)]
            case.body = [taken, *names, *self.block(case.body)]
        return [node]


def _looks_at(statement: ast.stmt, name: str) -> bool:
    """Whether this is a look at a container that `watch` has made."""
    match statement:
        case ast.Expr(ast.Call(ast.Constant(value), [_, ast.Name(found)])):
            return value == HOOK_MARK + "container" and found == name
    return False


def _pairs(target: ast.expr, value: ast.expr) -> bool:
    """Whether `a, b = e, f` assigns element by element."""
    if not isinstance(target, ast.Tuple | ast.List) or not isinstance(value, ast.Tuple | ast.List):
        return False
    starred = [*target.elts, *value.elts]
    return len(target.elts) == len(value.elts) and not any(
        isinstance(element, ast.Starred) for element in starred
    )


def _simple_key(target: ast.Subscript) -> ast.expr | None:
    """The key of `d[k]` if it can be read again without a side effect."""
    key = target.slice
    if isinstance(key, ast.Name):
        return load(key.id, target)
    if isinstance(key, ast.Constant):
        return ast.copy_location(ast.Constant(key.value), target)
    return None


def _captures(pattern: ast.pattern) -> Sequence[ast.Name]:
    """The names that a match pattern binds, each once."""
    names: dict[str, ast.Name] = {}
    for node in ast.walk(pattern):
        name = node.rest if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
        if isinstance(name, str):
            names.setdefault(name, load(name, node))
    return list(names.values())


def _end_of_header(handler: ast.ExceptHandler) -> tuple[int, int]:
    if handler.type is None:
        return handler.lineno, handler.col_offset + len("except")
    return position_of(handler.type)[2:]
