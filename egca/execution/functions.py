"""Functions, classes and blocks with hooks: where a call begins and how it ends.

A function's body is put into `try ... except BaseException: escape(site); raise`, which costs
nothing until an exception passes and leaves the traceback as it was. Simple statements are in
egca/execution/statements.py, which builds on this."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from egca.execution.rewrite import TOKEN, ExpressionRewriter, Scope
from egca.execution.sites import (
    HOOK_MARK,
    Position,
    assign,
    expression_statement,
    header_of,
    hook_call,
    load,
    store,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef

# Code that looks at its own local names must not find one of ours among them.
_LOOKS_AT_LOCALS = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe"})
# The same, at those of a generator or coroutine from wherever in the program.
_LOOKS_INSIDE = frozenset(
    {"gi_frame", "cr_frame", "ag_frame", "getgeneratorlocals", "getcoroutinelocals"}
)


class FunctionRewriter(ExpressionRewriter):
    """Scopes: blocks of statements, functions, classes."""

    wraps_functions = True  # False where the program is nested so deep that a try too many fails
    looks_inside = False  # whether the program reads the local names of a generator that waits

    def block(self, body: list[ast.stmt], loop: int | None = None) -> list[ast.stmt]:
        """Rewritten statements, one level deeper; `loop` is the site that counts iterations."""
        scope = self.scope
        n_loops = len(scope.loops)
        if loop is not None:
            scope.loops.append(loop)
        scope.depth += 1
        rewritten: list[ast.stmt] = []
        for statement in body:
            rewritten += self._rewritten(statement)
        scope.depth -= 1
        del scope.loops[n_loops:]
        return rewritten

    def _rewritten(self, statement: ast.stmt) -> list[ast.stmt]:
        outer = self.statement
        self.statement = header_of(statement, self.lines)
        result = self.visit(statement)
        self.statement = outer
        return result if isinstance(result, list) else [result]

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self.looks_inside = any(_name_of(part) in _LOOKS_INSIDE for part in ast.walk(node))
        node.body = self.block(node.body)
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> list[ast.stmt]:
        node.decorator_list = [self.visit_expr(part) for part in node.decorator_list]
        node.bases = [self.visit_expr(base) for base in node.bases]
        for keyword in node.keywords:
            keyword.value = self.visit_expr(keyword.value)
        outer = self.scope
        scope = Scope(f"{outer.prefix}{node.name}", outer.number, True, node.name)
        scope.loops = list(outer.loops)
        with self.inside(scope):
            node.body = self.block(node.body)
        return [node]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> list[ast.stmt]:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> list[ast.stmt]:
        return self._function(node)

    def _function(self, node: Function) -> list[ast.stmt]:
        node.decorator_list = [self.visit_expr(part) for part in node.decorator_list]
        self._visit_defaults(node.args)
        outer = self.scope
        parameters = _parameters(node, outer.is_class)
        scope = Scope(f"{outer.prefix}{node.name}", self.n_scopes, class_name=outer.class_name)
        self.n_scopes += 1
        own = list(_own_nodes(node))
        is_generator = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in own)
        is_async = isinstance(node, ast.AsyncFunctionDef)
        scope.is_async_generator = is_generator and is_async
        looks = any(_name_of(part) in _LOOKS_AT_LOCALS for part in own)
        scope.has_token = (is_generator or is_async) and not looks and not self.looks_inside
        with self.inside(scope):
            node.body = self._body(node, parameters, own)
        return [node]

    def _body(
        self, node: Function, parameters: tuple[str, ...], own: list[ast.AST]
    ) -> list[ast.stmt]:
        scope, body = self.scope, node.body
        n_docs = int(_is_docstring(body[0]))
        header = self.statement
        at = _placed(header)
        number = self.site("call", "function", at, node.name, parameters)
        if scope.has_token:
            scope.resume_site = self.site("expr", "resume", at, "resume")
        start = self._entry(number, parameters, at)
        last = body[-1]
        inner = self.block(body[n_docs:])
        self.statement = header_of(last, self.lines)
        if not isinstance(last, ast.Return | ast.Raise):
            end_at = _placed(self.statement)
            end = self.site("return", "implicit", end_at, "return")
            none = ast.copy_location(ast.Constant(None), end_at)
            call = hook_call("value", end, none, at=end_at)
            inner.append(
                expression_statement(call)
                if scope.is_async_generator
                else ast.copy_location(ast.Return(call), end_at)
            )
        self.statement = header
        return [*body[:n_docs], start, *self._guarded(inner, node.name, own, at)]

    def _entry(self, number: int, parameters: tuple[str, ...], at: ast.AST) -> ast.stmt:
        """The first statement of a function: it records the arguments, and may replace them."""
        names = [load(name, at) for name in parameters]
        packed = ast.copy_location(ast.Tuple([*names], ast.Load()), at)
        value = names[0] if len(names) == 1 else packed
        if self.scope.has_token:
            return assign(TOKEN, hook_call("start", number, value, at=at))
        call = hook_call("enter", number, value, at=at)
        if not names:
            return expression_statement(call)
        if len(names) == 1:
            return assign(parameters[0], call)
        targets = ast.Tuple([store(name, at) for name in parameters], ast.Store())
        ast.copy_location(targets, at)
        return ast.copy_location(ast.Assign([targets], call), at)

    def _guarded(
        self, inner: list[ast.stmt], name: str, own: list[ast.AST], at: ast.AST
    ) -> list[ast.stmt]:
        """`try: inner; except BaseException: escape(site); raise`.

        Where a `finally` may run after a return, one of our own says when the call is really over.
        """
        scope = self.scope
        number = self.site("raise", "escape", at, name)
        if scope.has_token:
            resume = ast.Constant(scope.resume_site)
            ast.copy_location(resume, at)
            call = hook_call("escape_token", number, resume, load(TOKEN, at), at=at)
        else:
            call = hook_call("escape", number, at=at)
        kind = ast.copy_location(ast.Constant(HOOK_MARK + "BaseException"), at)
        again = ast.copy_location(ast.Raise(), at)
        handler = ast.ExceptHandler(kind, None, [expression_statement(call), again])
        ast.copy_location(handler, at)
        final: list[ast.stmt] = []
        if any(isinstance(part, ast.Try | ast.TryStar) and part.finalbody for part in own):
            leave = self.site("expr", "leave", at, "leave")
            final = [expression_statement(hook_call("leave", leave, at=at))]
        if not self.wraps_functions:  # the sites are numbered all the same
            return inner
        return [ast.copy_location(ast.Try(inner, [handler], [], final), at)]

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        where = node.value or node
        number = self.site("return", "return", where, "return")
        if node.value is None:
            call = hook_call("value", number, ast.copy_location(ast.Constant(None), node), at=node)
            if self.scope.is_async_generator:
                return [expression_statement(call), node]
            node.value = call
        else:
            node.value = hook_call("value", number, self.visit_expr(node.value), at=node.value)
        return [node]

    def resumption(self, node: ast.stmt) -> list[ast.stmt]:
        """After `async for` and `async with` have waited: say which call goes on."""
        if not self.scope.has_token:
            return []
        none = ast.copy_location(ast.Constant(None), node)
        call = hook_call("resume", self.scope.resume_site, load(TOKEN, node), none, at=node)
        return [expression_statement(call)]


def _placed(position: Position) -> ast.stmt:
    """A node at a position, for what has no node of its own: a function's header."""
    line, column, end_line, end_column = position
    return ast.Pass(lineno=line, col_offset=column, end_lineno=end_line, end_col_offset=end_column)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _parameters(node: Function, is_method: bool) -> tuple[str, ...]:
    """Names of the parameters in order, without the object or class that a method is bound to."""
    args = node.args
    plain = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    is_static = any(_name_of(part) == "staticmethod" for part in node.decorator_list)
    if is_method and not is_static:
        plain = plain[1:]
    names = [*plain, *(arg.arg for arg in args.kwonlyargs)]
    names += [arg.arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return tuple(names)


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions and classes inside it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
