"""Calls: which of them are loops, operations, or functions of the program itself.

`sum`, `map`, `max` and their like come out as the loops they stand for, a function of the program
is handed to `inline`. Other expressions are in blocks.py, statements in lowering.py."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from egca.structure import operations
from egca.structure.blocks import Block, ExpressionLowering


class CallLowering(ExpressionLowering):
    """Writes calls into the current block."""

    def call(self, node: ast.Call) -> None:
        called = node.func
        if isinstance(called, ast.Name):
            meaning, what = self.scope().lookup(called.id)
            if meaning == "function" and not isinstance(what, dict | str | None):
                self.arguments(node)
                self.inline(what)
            elif isinstance(what, dict):
                self.arguments(node)
                if "__init__" in what:
                    self.inline(what["__init__"])
                self.emit("call:new")
            elif isinstance(what, str):
                self._named_call(what, node)
            elif meaning == "free" and called.id in operations.KNOWN_BUILTINS:
                self._named_call(called.id, node)
            else:
                self.arguments(node)
                self.emit("call:?")
        elif isinstance(called, ast.Attribute):
            self._attribute_call(called, node)
        else:
            self.value(called)
            self.arguments(node)
            self.emit("call:?")

    def _attribute_call(self, called: ast.Attribute, node: ast.Call) -> None:
        base = called.value
        if isinstance(base, ast.Name):
            meaning, what = self.scope().lookup(base.id)
            if meaning == "import":
                self._named_call(f"{what}.{called.attr}", node)
                return
        self.value(base)
        method = self.scope().methods().get(called.attr)
        if method is not None and called.attr not in operations.KNOWN_METHODS:
            self.arguments(node)
            self.inline(method)
        elif called.attr == "join" and len(node.args) == 1 and _is_comprehension(node.args[0]):
            self.comprehension(node.args[0], "add")  # type: ignore[arg-type]
        else:
            self.arguments(node)
            known = called.attr in operations.KNOWN_METHODS
            self.emit(operations.called(called.attr) if known else "call:?")

    def _named_call(self, name: str, node: ast.Call) -> None:
        """A call of a builtin or imported function; those that walk their argument are loops."""
        short = name.rpartition(".")[2]
        arguments = node.args
        starred = any(isinstance(argument, ast.Starred) for argument in arguments)
        if short in ("map", "filter", "reduce") and len(arguments) >= 2 and not starred:
            self._mapped(short, arguments)
        elif short in ("any", "all") and self._quantifier(node) is not None:
            self._as_value_of(node)
        elif short in operations.FOLDS and len(arguments) == 1 and not starred:
            self._fold(short, node)
        elif short == "len" and len(arguments) == 1 and _is_comprehension(arguments[0]):
            self.comprehension(arguments[0], "add")  # type: ignore[arg-type]
        else:
            self.arguments(node)
            self.emit(operations.called(name))

    def _as_value_of(self, node: ast.Call) -> None:
        join = self.new()
        self.test(node, join, join)
        self.current = join

    def _fold(self, name: str, node: ast.Call) -> None:
        argument = node.args[0]
        keyed = [keyword.value for keyword in node.keywords if keyword.arg == "key"]

        def fold(head: Block) -> None:
            for function in keyed:
                self._apply(function)
            self.emit(operations.FOLDS[name])
            if name in ("max", "min"):
                self.jump(head, head)

        after = self.new()
        if isinstance(argument, ast.GeneratorExp | ast.ListComp | ast.SetComp):
            element = argument.elt

            def leaf(head: Block) -> None:
                self.value(element)
                fold(head)

            self.generate(argument.generators, after, leaf)
        else:
            self.value(argument)
            head, inside = self.new(), self.new()
            self.jump(head)
            self.current = head
            self.jump(inside, after)
            self.current = inside
            fold(head)
            self.jump(head)
        self.current = after

    def _mapped(self, name: str, arguments: Sequence[ast.expr]) -> None:
        """map, filter and reduce: a loop that applies the function."""
        for argument in arguments[1:]:
            self.value(argument)

        def body() -> None:
            self._apply(arguments[0])
            if name == "filter":
                kept, following = self.new(), self.new()
                self.jump(kept, following)
                self.current = kept
                self.emit("put")
                self.jump(following)
                self.current = following
            elif name == "map":
                self.emit("put")

        self.loop(body)

    def _apply(self, function: ast.expr) -> None:
        """A call of a function that was passed as a value."""
        if isinstance(function, ast.Lambda):
            self.inline(function)
        elif isinstance(function, ast.Name):
            meaning, what = self.scope().lookup(function.id)
            if meaning == "function" and not isinstance(what, dict | str | None):
                self.inline(what)
            elif isinstance(what, str):
                self.emit(operations.called(what))
            elif meaning == "free" and function.id in operations.KNOWN_BUILTINS:
                self.emit(operations.called(function.id))
        elif isinstance(function, ast.Attribute) and function.attr in operations.KNOWN_METHODS:
            self.emit(operations.called(function.attr))

    def arguments(self, node: ast.Call) -> None:
        """Arguments of a call; a function among them runs some number of times."""
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            if self._is_function(argument):
                self.loop(lambda function=argument: self._apply(function))  # type: ignore[misc]
            else:
                self.value(argument)

    def _is_function(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Lambda):
            return True
        return isinstance(node, ast.Name) and self.scope().lookup(node.id)[0] == "function"


def _is_comprehension(node: ast.expr) -> bool:
    return isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp)
