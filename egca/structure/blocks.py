"""Blocks under construction, and how one expression becomes operations and branches in them.

Expressions only; statements and functions are in lowering.py. Short circuits, conditional
expressions, comprehensions and folds (`sum`, `any`, ...) come out as the branches and loops they
stand for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from egca.structure import operations
from egca.structure.normalise import Function, Scope, constant_truth

MAX_DEPTH = 150  # nested statements and expressions, calls written out included
MAX_BLOCKS = 1500

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class TooComplexError(Exception):
    """The program is nested too deeply or too large to be written out; never leaves this room."""


@dataclass(slots=True)
class Block:
    """Operations in order, then where control goes: nothing, one block, or several."""

    operations: list[str] = field(default_factory=list)
    successors: list[Block] = field(default_factory=list)


class ExpressionLowering:
    """Writes expressions into the current block; `current` is None where control cannot come."""

    def __init__(self) -> None:
        self.current: Block | None = Block()
        self.n_blocks = 1
        self.depth = 0

    # What the statement half provides.

    def scope(self) -> Scope:
        """Scope of the function being written out."""
        raise NotImplementedError

    def inline(self, function: Function, ends: tuple[Block, Block] | None = None) -> None:
        """Write a function's body in place of a call of it; its arguments are already there.

        ends: where to go when it returns something true or false, for a call that is a condition.
        """
        raise NotImplementedError

    def predicate(self, node: ast.expr) -> Function | None:
        """The function of the program that an expression calls by its name, if it does."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None
        meaning, what = self.scope().lookup(node.func.id)
        return what if meaning == "function" and not isinstance(what, dict | str) else None

    # Blocks.

    def new(self) -> Block:
        self.n_blocks += 1
        if self.n_blocks > MAX_BLOCKS:
            raise TooComplexError
        return Block()

    def emit(self, operation: str) -> None:
        if operation and self.current is not None:
            self.current.operations.append(operation)

    def jump(self, *targets: Block) -> None:
        """End the current block; control goes to any of the targets."""
        if self.current is not None:
            self.current.successors.extend(targets)
        self.current = None

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplexError

    # Values and tests.

    def value(self, node: ast.AST | None) -> None:
        """Write the evaluation of an expression."""
        if node is None or self.current is None or isinstance(node, ast.Constant | ast.Name):
            return
        self.enter()
        handler = _VALUES.get(type(node))
        if handler is not None:
            handler(self, node)
        else:
            for child in ast.iter_child_nodes(node):
                self.value(child)
        self.depth -= 1

    def test(self, node: ast.expr, yes: Block, no: Block) -> None:
        """Write a condition that goes to `yes` or `no`."""
        if self.current is None:
            return
        self.enter()
        truth = constant_truth(node)
        if truth is not None:
            self.jump(yes if truth else no)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.test(node.operand, no, yes)
        elif isinstance(node, ast.BoolOp):
            is_and = isinstance(node.op, ast.And)
            for operand in node.values[:-1]:
                following = self.new()
                self.test(operand, following if is_and else yes, no if is_and else following)
                self.current = following
            self.test(node.values[-1], yes, no)
        elif isinstance(node, ast.NamedExpr):
            self.test(node.value, yes, no)
        elif isinstance(node, ast.IfExp):
            then, otherwise = self.new(), self.new()
            self.test(node.test, then, otherwise)
            self.current = then
            self.test(node.body, yes, no)
            self.current = otherwise
            self.test(node.orelse, yes, no)
        elif isinstance(node, ast.Compare) and len(node.ops) > 1:
            self._compare_chain(node, yes, no)
        elif (quantifier := self._quantifier(node)) is not None:
            self._quantified(quantifier, node, yes, no)
        elif (function := self.predicate(node)) is not None:
            assert isinstance(node, ast.Call)
            self.arguments(node)
            self.inline(function, (yes, no))
        elif self._is_builtin(node, "bool") and isinstance(node, ast.Call) and len(node.args) == 1:
            self.test(node.args[0], yes, no)
        else:
            self.value(node)
            self.jump(yes, no)
        self.depth -= 1

    def _is_builtin(self, node: ast.expr, *names: str) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in names
            and self.scope().lookup(node.func.id)[0] == "free"
        )

    def _as_value(self, node: ast.AST) -> None:
        """A condition in a place that wants its value: branches that meet again."""
        if isinstance(node, ast.BoolOp):
            join = self.new()
            for operand in node.values[:-1]:
                following = self.new()
                ends = (following, join) if isinstance(node.op, ast.And) else (join, following)
                self.test(operand, *ends)
                self.current = following
            self.value(node.values[-1])
            self.jump(join)
            self.current = join
        elif isinstance(node, ast.expr):
            join = self.new()
            self.test(node, join, join)
            self.current = join

    def _conditional(self, node: ast.IfExp) -> None:
        arms = (node.body, node.orelse)
        if all(isinstance(arm, ast.Constant) and isinstance(arm.value, bool) for arm in arms):
            self.value(node.test)  # True if c else False
            return
        then, otherwise, join = self.new(), self.new(), self.new()
        self.test(node.test, then, otherwise)
        for block, arm in ((then, node.body), (otherwise, node.orelse)):
            self.current = block
            self.value(arm)
            self.jump(join)
        self.current = join

    def _compare(self, node: ast.Compare) -> None:
        if len(node.ops) > 1:
            join = self.new()
            self._compare_chain(node, join, join)
            self.current = join
            return
        self.value(node.left)
        self.value(node.comparators[0])
        self.emit(_comparison(node.ops[0]))

    def _compare_chain(self, node: ast.Compare, yes: Block, no: Block) -> None:
        """a < b < c is a < b and b < c; its last link needs no branch where the value is wanted."""
        self.value(node.left)
        last = len(node.ops) - 1
        for i, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            self.value(right)
            self.emit(_comparison(operator))
            if i < last:
                following = self.new()
                self.jump(following, no)
                self.current = following
        if yes is no:
            self.jump(yes)
        else:
            self.jump(yes, no)

    def _binary(self, node: ast.BinOp) -> None:
        self.value(node.left)
        self.value(node.right)
        self.emit(operations.binary(node.op, node.right))

    def _unary(self, node: ast.UnaryOp) -> None:
        self.value(node.operand)
        if isinstance(node.op, ast.Invert):
            self.emit("bit")

    def _subscript(self, node: ast.Subscript) -> None:
        self.value(node.value)
        self.value(node.slice)
        self.emit("slice" if isinstance(node.slice, ast.Slice) else "index")

    def _skip(self, node: ast.AST) -> None:
        """A function that is only made here does nothing here."""

    def _format(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self.value(child)
        self.emit("convert")

    def _yield(self, node: ast.Yield) -> None:
        self.value(node.value)
        self.emit("put")

    def _yield_from(self, node: ast.YieldFrom) -> None:
        self.value(node.value)
        self.loop(lambda: self.emit("put"))

    # Loops that expressions stand for.

    def loop(self, body: Callable[[], None]) -> None:
        """A loop of unknown length whose body is written by `body`."""
        head, inside, after = self.new(), self.new(), self.new()
        self.jump(head)
        self.current = head
        self.jump(inside, after)
        self.current = inside
        body()
        self.jump(head)
        self.current = after

    def generate(
        self, generators: Sequence[ast.comprehension], after: Block, leaf: Callable[[Block], None]
    ) -> None:
        """Nested loops of a comprehension; leaf gets the head to go on with; ends at `after`."""
        back = after
        for generator in generators:
            head, inside = self.new(), self.new()
            self.value(generator.iter)
            self.jump(head)
            self.current = head
            self.jump(inside, back)
            self.current = inside
            for condition in generator.ifs:
                following = self.new()
                self.test(condition, following, head)
                self.current = following
            back = head
        leaf(back)
        self.jump(back)

    def comprehension(self, node: Comprehension, operation: str = "put") -> None:
        """A comprehension as loops around its element, which is then stored or folded."""

        def leaf(_head: Block) -> None:
            if isinstance(node, ast.DictComp):
                self.value(node.key)
                self.value(node.value)
            else:
                self.value(node.elt)
            self.emit(operation)

        after = self.new()
        self.generate(node.generators, after, leaf)
        self.current = after

    def _quantifier(self, node: ast.expr) -> str | None:
        """ "any" or "all" for a call of it on one argument, else None."""
        if not self._is_builtin(node, "any", "all"):
            return None
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return node.func.id if len(node.args) == 1 and not node.keywords else None

    def _quantified(self, name: str, node: ast.expr, yes: Block, no: Block) -> None:
        """any/all: a loop left at the first element that decides."""
        assert isinstance(node, ast.Call)
        argument = node.args[0]
        found, exhausted = (yes, no) if name == "any" else (no, yes)

        def decide(element: ast.expr | None, head: Block) -> None:
            if element is None:
                self.jump(found, head)
            elif name == "any":
                self.test(element, found, head)
            else:
                self.test(element, head, found)

        if isinstance(argument, ast.GeneratorExp | ast.ListComp | ast.SetComp):
            element = argument.elt
            self.generate(argument.generators, exhausted, lambda head: decide(element, head))
        else:
            self.value(argument)
            head, inside = self.new(), self.new()
            self.jump(head)
            self.current = head
            self.jump(inside, exhausted)
            self.current = inside
            decide(None, head)

    def call(self, node: ast.Call) -> None:
        """A call; calls.py knows what it calls."""
        raise NotImplementedError

    def arguments(self, node: ast.Call) -> None:
        """The arguments of a call; see calls.py."""
        raise NotImplementedError


def _comparison(operator: ast.cmpop) -> str:
    if isinstance(operator, ast.In | ast.NotIn):
        return "in"
    return "" if isinstance(operator, ast.Is | ast.IsNot) else "cmp"


_VALUES: dict[type[ast.AST], Callable[..., None]] = {
    ast.BoolOp: ExpressionLowering._as_value,
    ast.IfExp: ExpressionLowering._conditional,
    ast.Compare: ExpressionLowering._compare,
    ast.BinOp: ExpressionLowering._binary,
    ast.UnaryOp: ExpressionLowering._unary,
    ast.Subscript: ExpressionLowering._subscript,
    ast.Lambda: ExpressionLowering._skip,
    ast.JoinedStr: ExpressionLowering._format,
    ast.Yield: ExpressionLowering._yield,
    ast.YieldFrom: ExpressionLowering._yield_from,
    ast.ListComp: ExpressionLowering.comprehension,
    ast.SetComp: ExpressionLowering.comprehension,
    ast.GeneratorExp: ExpressionLowering.comprehension,
    ast.DictComp: ExpressionLowering.comprehension,
    ast.Call: lambda self, node: self.call(node),
}
