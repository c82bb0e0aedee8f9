"""From a syntax tree to blocks: statements, functions and the calls between them.

Functions of the program are written out where they are called, so that a solution with helpers and
one without look alike; a call of a function that is being written out already is an edge back to
its entry, which makes a tail call a loop. The finished graph is made in cfg.py."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from egca.structure import operations
from egca.structure.blocks import Block
from egca.structure.calls import CallLowering
from egca.structure.normalise import (
    Function,
    Scope,
    counting_step,
    function_body,
    is_inert,
    is_main_guard,
    parameters,
    read_names,
    scope_of,
)

MAX_INLINED = 8  # calls written out inside each other
MAX_INLINE_DEPTH = 100
# Marks, not operations: they never reach a finished graph. Names in them are only compared.
TRUTH = {True: "=true ", False: "=false "}


@dataclass(slots=True)
class Frame:
    """A function being written out; function is None for the module body."""

    function: Function | None
    scope: Scope
    entry: Block
    exit: Block
    ends: tuple[Block, Block] | None = None  # after a true and a false result, in a condition
    reads: set[str] = field(default_factory=set)
    loops: list[tuple[Block, Block]] = field(default_factory=list)  # (continue, break) targets


class Lowering(CallLowering):
    """Writes functions of one module into blocks, starting in `current`."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        assert self.current is not None
        self.exit = self.new()
        self._homes: dict[int, Scope] = {}
        self._settle(scope)
        self.module = scope
        self.frames = [Frame(None, scope, self.current, self.exit)]

    def scope(self) -> Scope:
        return self.frames[-1].scope

    def _settle(self, scope: Scope) -> None:
        """Remember in which scope each function of it was defined."""
        for function in scope.functions.values():
            self._homes.setdefault(id(function), scope)
        for table in scope.classes.values():
            for method in table.values():
                self._homes.setdefault(id(method), scope)

    # Functions.

    def inline(self, function: Function, ends: tuple[Block, Block] | None = None) -> None:
        active = any(frame.function is function for frame in self.frames)
        if active or len(self.frames) > MAX_INLINED or self.depth > MAX_INLINE_DEPTH:
            self._stay_outside(function)
            if ends is not None:
                self.jump(*ends)
            return
        body = function_body(function)
        scope = scope_of(body, self._homes.get(id(function), self.scope()), parameters(function))
        self._settle(scope)
        entry, after = self.new(), self.new()
        self.jump(entry)
        self.current = entry
        self.frames.append(Frame(function, scope, entry, after, ends, read_names(body)))
        self.block(body)
        self.jump(after if ends is None else ends[1])  # falling off the end returns None
        self.frames.pop()
        self.current = after if ends is None else None

    def _stay_outside(self, function: Function) -> None:
        """A call that is not written out: an edge back to what is being written, or a word."""
        for frame in self.frames:
            if frame.function is function:
                self.emit("call:self")
                following = self.new()
                self.jump(frame.entry, following)
                self.current = following
                return
        self.emit("call:helper")

    # Statements.

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Write statements in order; what follows a jump is dead and left out."""
        for node in body:
            if self.current is None:
                return
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        self.enter()
        handler = _STATEMENTS.get(type(node))
        if handler is not None:
            handler(self, node)
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    self.statement(child)
                else:
                    self.value(child)
        self.depth -= 1

    def _ignore(self, node: ast.stmt) -> None:
        """Definitions, imports, pass, assert: nothing happens here that a caller could see."""

    def _expression(self, node: ast.Expr) -> None:
        if not is_inert(node.value):
            self.value(node.value)

    def _assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        if node.value is None:
            return
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        reads = self.frames[-1].reads
        if self.frames[-1].function is not None and is_inert(node.value):
            targets = [
                item for item in targets if not isinstance(item, ast.Name) or item.id in reads
            ]
            if not targets:
                return  # nobody reads it
        if not self._is_function(node.value):
            self.value(node.value)
        for target in targets:
            self._store(target)
            if isinstance(target, ast.Name):
                self._mark_truth(f"store {target.id}", node.value)

    def _mark_truth(self, what: str, node: ast.expr | None) -> None:
        """Note that True or False is returned or stored; cfg.py joins arms that do nothing else."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            self.emit(TRUTH[node.value] + what)

    def _store(self, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for item in target.elts:
                self._store(item)
        elif isinstance(target, ast.Starred):
            self._store(target.value)
        elif isinstance(target, ast.Subscript):
            self.value(target.value)
            self.value(target.slice)
            self.emit("put")
        elif isinstance(target, ast.Attribute):
            self.value(target.value)

    def _augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Subscript):
            self.emit("index")
        self.value(node.value)
        self.emit(operations.binary(node.op, node.value))
        self._store(node.target)

    def _return(self, node: ast.Return) -> None:
        frame = self.frames[-1]
        if isinstance(node.value, ast.Call) and self._calls(node.value, frame.function):
            self.arguments(node.value)
            self.jump(frame.entry)  # a tail call is a loop
        elif frame.ends is None:
            self.value(node.value)
            self._mark_truth("return", node.value)
            self.jump(frame.exit)
        elif node.value is None:
            self.jump(frame.ends[1])
        else:
            self.test(node.value, *frame.ends)

    def _calls(self, node: ast.Call, function: Function | None) -> bool:
        if isinstance(node.func, ast.Name):
            return function is not None and self.scope().lookup(node.func.id)[1] is function
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            return function is not None and self.scope().methods().get(node.func.attr) is function
        return False

    def _if(self, node: ast.If) -> None:
        join = self.new()
        while True:
            if self.frames[-1].function is None and is_main_guard(node.test):
                self.block(node.body)
                self.jump(join)
                break
            then, otherwise = self.new(), self.new()
            self.test(node.test, then, otherwise)
            self.current = then
            self.block(node.body)
            self.jump(join)
            self.current = otherwise
            rest = node.orelse
            if len(rest) == 1 and isinstance(rest[0], ast.If):
                node = rest[0]  # elif by elif, not by recursion: a chain may be long
                continue
            self.block(rest)
            self.jump(join)
            break
        self.current = join

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.value(node.iter)
        head, inside, otherwise, after = self.new(), self.new(), self.new(), self.new()
        self.jump(head)
        self.current = head
        self.jump(inside, otherwise)
        self._loop_body(node, head, inside, otherwise, after)

    def _while(self, node: ast.While) -> None:
        head, inside, otherwise, after = self.new(), self.new(), self.new(), self.new()
        self.jump(head)
        self.current = head
        step = counting_step(node)
        if step is None:
            self.test(node.test, inside, otherwise)
        else:
            first, rest = _first_link(node.test)
            self.value(first.left)
            self.value(first.comparators[0])
            following = self.new()
            self.jump(following, otherwise)
            self.current = following
            for link in rest:
                following = self.new()
                self.test(link, following, otherwise)
                self.current = following
            self.jump(inside)
        body = [inner for inner in node.body if inner is not step]
        self._loop_body(node, head, inside, otherwise, after, body)

    def _loop_body(
        self,
        node: ast.For | ast.AsyncFor | ast.While,
        head: Block,
        inside: Block,
        otherwise: Block,
        after: Block,
        body: Sequence[ast.stmt] | None = None,
    ) -> None:
        loops = self.frames[-1].loops
        loops.append((head, after))
        self.current = inside
        self.block(node.body if body is None else body)
        self.jump(head)
        loops.pop()
        self.current = otherwise
        self.block(node.orelse)
        self.jump(after)
        self.current = after

    def _leave_loop(self, node: ast.Break | ast.Continue) -> None:
        loops = self.frames[-1].loops
        if loops:
            self.jump(loops[-1][isinstance(node, ast.Break)])
        self.current = None

    def _raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call):
            self.arguments(node.exc)
        self.emit("raise")
        self.jump(self.exit)

    def _try(self, node: ast.Try) -> None:
        body, join = self.new(), self.new()
        handlers = [self.new() for _ in node.handlers]
        self.emit("try")
        # without a handler the body may still be left for `finally` at any point
        self.jump(body, *(handlers or [join]))
        self.current = body
        self.block(node.body)
        self.block(node.orelse)
        self.jump(join)
        for handler, start in zip(node.handlers, handlers, strict=True):
            self.current = start
            self.block(handler.body)
            self.jump(join)
        self.current = join
        self.block(node.finalbody)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.value(item.context_expr)
        self.block(node.body)

    def _match(self, node: ast.Match) -> None:
        """A match statement as the chain of ifs that it is."""
        self.value(node.subject)
        join = self.new()
        for case in node.cases:
            inside, following = self.new(), self.new()
            if not _is_irrefutable(case.pattern):
                self.emit("cmp")
                bound = self.new()
                self.jump(bound, following)
                self.current = bound
            if case.guard is not None:
                self.test(case.guard, inside, following)
            else:
                self.jump(inside)
            self.current = inside
            self.block(case.body)
            self.jump(join)
            self.current = following
        self.jump(join)
        self.current = join

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                self.value(target.value)
                self.value(target.slice)
                self.emit("pop")


def _is_irrefutable(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and (
        pattern.pattern is None or _is_irrefutable(pattern.pattern)
    )


def _first_link(test: ast.expr) -> tuple[ast.Compare, list[ast.expr]]:
    """The comparison of a counting loop, and what else its test asks."""
    if isinstance(test, ast.BoolOp):
        first, *rest = test.values
    else:
        first, rest = test, []
    assert isinstance(first, ast.Compare)
    return first, rest


_STATEMENTS: dict[type[ast.stmt], Callable[..., None]] = {
    ast.FunctionDef: Lowering._ignore,
    ast.AsyncFunctionDef: Lowering._ignore,
    ast.ClassDef: Lowering._ignore,
    ast.Import: Lowering._ignore,
    ast.ImportFrom: Lowering._ignore,
    ast.Global: Lowering._ignore,
    ast.Nonlocal: Lowering._ignore,
    ast.Pass: Lowering._ignore,
    ast.Assert: Lowering._ignore,
    ast.Expr: Lowering._expression,
    ast.Assign: Lowering._assign,
    ast.AnnAssign: Lowering._assign,
    ast.AugAssign: Lowering._augmented,
    ast.Return: Lowering._return,
    ast.If: Lowering._if,
    ast.For: Lowering._for,
    ast.AsyncFor: Lowering._for,
    ast.While: Lowering._while,
    ast.Break: Lowering._leave_loop,
    ast.Continue: Lowering._leave_loop,
    ast.Raise: Lowering._raise,
    ast.Try: Lowering._try,
    ast.TryStar: Lowering._try,
    ast.With: Lowering._with,
    ast.AsyncWith: Lowering._with,
    ast.Match: Lowering._match,
    ast.Delete: Lowering._delete,
}
