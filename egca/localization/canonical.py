"""Programs as blocks of items: what is left when the ways to write one loop or branch are gone.

A loop over indices that begins with `x = values[i]` is a loop over values; `if not a: continue`
before the rest of a turn is `if a:` around it, a branch that returns has the rest of its block as
its else, and `if a: if b:` is `if a and b:`. Each item keeps the statements it was made of, so that
what is found about it can be said of the text. Equal items are a hypothesis, as equal keys are."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from egca.localization.keys import Key, all_of, condition_key, key_of
from egca.localization.scope import child_nodes, is_docstring, walk

Block = list["Item"]


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """A condition that has to hold, or with `negated` must not."""

    node: ast.expr
    negated: bool = False

    @property
    def key(self) -> Key:
        return condition_key(self.node, self.negated)


@dataclass(slots=True, eq=False)
class Item:
    """One statement in normal form.

    nodes: the statements of the program it stands for, side by side in one block; the first is its
    place. kind: what it is; two items of a kind can be compared part by part. tests: of a branch or
    loop, all of which have to hold. value: the expression of a simple statement, perhaps made here
    (without a position); of a loop what it goes over. bound: what is bound, by keys.
    """

    kind: str
    nodes: tuple[ast.stmt, ...]
    bound: Key = ()
    value: ast.expr | None = None
    tests: tuple[Test, ...] = ()
    body: Block = field(default_factory=list)
    orelse: Block = field(default_factory=list)
    loop: Loop | None = None
    key: Key = ()
    size: int = 1

    @property
    def is_simple(self) -> bool:
        """Whether it is an assignment, a return or a bare expression."""
        return self.kind in ("assign", "return", "expression")

    def sealed(self) -> Item:
        """Itself, with key and size worked out."""
        blocks = tuple(one.key for one in self.body), tuple(one.key for one in self.orelse)
        tests: Key = ()
        if self.tests:
            tests = all_of([test.key for test in self.tests])
            if self.kind == "if" and self.orelse and _is_later(tests, self._opposite()):
                tests, blocks = self._opposite(), blocks[::-1]
        value = key_of(self.value) if self.value is not None else ()
        self.key = (self.kind, self.bound, value, tests, *blocks)
        own = [test.node for test in self.tests] + ([self.value] if self.value is not None else [])
        self.size = 1 + sum(map(n_nodes, own))
        self.size += sum(one.size for one in self.body) + sum(one.size for one in self.orelse)
        return self

    def _opposite(self) -> Key:
        if len(self.tests) == 1:
            return condition_key(self.tests[0].node, not self.tests[0].negated)
        return ("not", all_of([test.key for test in self.tests]))


def _is_later(left: Key, right: Key) -> bool:
    return repr(left) > repr(right)


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """What a loop goes over and how its items come: `wrap` is the function applied to each.

    iterable: in the text; prelude: the statements at the begin of the body that only bind items.
    """

    iterable: ast.expr
    prelude: tuple[ast.Assign, ...] = ()
    wrap: str = ""


@lru_cache(maxsize=8192)
def n_nodes(node: ast.AST) -> int:
    """Size of an expression: its names, constants and operations."""
    if isinstance(node, ast.Name | ast.Constant):
        return 1
    return isinstance(node, ast.expr) + sum(map(n_nodes, child_nodes(node)))


def canonical(body: Sequence[ast.stmt], in_loop: bool = False) -> Block:
    """The items of a block. in_loop: whether `continue` at its end changes nothing."""
    found: Block = []
    statements = [
        one for one in body if not isinstance(one, ast.Pass) and not is_docstring(one)
    ]  # fmt: skip
    for at, statement in enumerate(statements):
        if isinstance(statement, ast.Continue) and in_loop and at == len(statements) - 1:
            break
        rest = statements[at + 1 :]
        if isinstance(statement, ast.If) and not statement.orelse and rest and _jumps(statement):
            found.append(_branch(statement, rest, in_loop))
            break
        is_last = not rest
        found.append(_item(statement, in_loop and is_last))
    return found


def _jumps(statement: ast.If) -> bool:
    return isinstance(statement.body[-1], ast.Return | ast.Continue | ast.Raise)


def _item(statement: ast.stmt, in_loop: bool) -> Item:
    nodes = (statement,)
    match statement:
        case ast.If():
            return _branch(statement, (), in_loop)
        case ast.For(orelse=[]):
            return _loop(statement)
        case ast.While(test=test, body=body, orelse=[]):
            inner = canonical(body, True)
            return Item("while", nodes, tests=(Test(test),), body=inner).sealed()
        case ast.Assign(targets=[target], value=value):
            return Item("assign", nodes, key_of(target), value).sealed()
        case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
            whole = ast.BinOp(left=ast.Name(id=name, ctx=ast.Load()), op=op, right=value)
            return Item("assign", nodes, key_of(target), whole).sealed()
        case ast.Return(value=ast.expr() as value):
            return Item("return", nodes, value=value).sealed()
        case ast.Expr(value=value):
            return Item("expression", nodes, value=value).sealed()
    item = Item("other", nodes, (type(statement).__name__, ast.dump(statement))).sealed()
    item.size = 1 + sum(isinstance(one, ast.stmt | ast.expr) for one in walk(statement))
    return item


def _branch(statement: ast.If, rest: Sequence[ast.stmt], in_loop: bool) -> Item:
    """A branch, with what follows it in the block where its body ends by leaving that."""
    body = canonical(statement.body, in_loop)
    orelse = canonical(rest or statement.orelse, in_loop)
    nodes = (statement, *rest)
    tests = (Test(statement.test),)
    if not body and orelse:
        tests, body, orelse = (Test(statement.test, True),), orelse, []
    return _joined(Item("if", nodes, tests=_split(tests), body=body, orelse=orelse))


def _joined(item: Item) -> Item:
    """`if a: if b:` as one branch with two tests."""
    if len(item.body) == 1 and not item.orelse:
        inner = item.body[0]
        if inner.kind == "if" and not inner.orelse:
            item.tests += inner.tests
            item.body = inner.body
    return item.sealed()


def _split(tests: tuple[Test, ...]) -> tuple[Test, ...]:
    found: list[Test] = []
    for test in tests:
        match test.node:
            case ast.BoolOp(op=ast.And(), values=values) if not test.negated:
                found += [Test(value) for value in values]
            case _:
                found.append(test)
    return tuple(found)


def _loop(statement: ast.For) -> Item:
    target, iterable, body = statement.target, statement.iter, statement.body
    prelude: tuple[ast.Assign, ...] = ()
    wrap = ""
    over = iterable
    match iterable:
        case ast.Call(func=ast.Name(id="map"), args=[ast.Name(id=wrap), inner], keywords=[]):
            over = inner
    if isinstance(target, ast.Name) and not wrap:
        found = _bound_items(target.id, iterable, body)
        if found is not None:
            target, over, prelude, wrap = found
    rest = body[len(prelude) :]
    loop = Loop(iterable, prelude, wrap)
    item = Item("for", (statement,), (key_of(target), wrap), _in_order(over), loop=loop)
    item.body = canonical(rest, True)
    return item.sealed()


Bound = tuple[ast.expr, ast.expr, tuple[ast.Assign, ...], str]


def _bound_items(name: str, iterable: ast.expr, body: list[ast.stmt]) -> Bound | None:
    """(target, what is gone over, prelude, wrap) of a loop whose variable only gets its items."""
    prelude: list[ast.Assign] = []
    for statement in body[:-1]:
        if not isinstance(statement, ast.Assign) or not _reads(statement.value, name):
            break
        prelude.append(statement)
    n = next((n for n in (2, 1) if len(prelude) >= n and not _used(body[n:], name)), 0)
    items = [_item_of(one, name) for one in prelude[:n]]
    known = [one for one in items if one is not None]
    if not known or len(known) != n:
        return None
    targets = [one.targets[0] for one in prelude[:n]]
    sources = [source for source, _ in known]
    wrap = known[0][1]
    if n == 2:
        if any(source is None or wrapped for source, wrapped in known):
            return None
        if _sliced(sources[0], iterable) is not sources[0]:
            return None
        called: list[ast.expr] = [source for source in sources if source is not None]
        over: ast.expr = ast.Call(ast.Name("zip", ast.Load()), called, [])
        return ast.Tuple(targets, ast.Store()), over, tuple(prelude[:2]), ""
    source = sources[0]
    if source is None:  # x = g(y)
        return targets[0], iterable, tuple(prelude[:1]), wrap
    sliced = _sliced(source, iterable)
    return None if sliced is None else (targets[0], sliced, tuple(prelude[:1]), wrap)


def _reads(value: ast.expr, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in walk(value))


def _used(body: list[ast.stmt], name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for s in body for one in walk(s))


def _item_of(statement: ast.Assign, name: str) -> tuple[ast.expr | None, str] | None:
    """(source, wrap) of `x = source[i]` or `x = wrap(source[i])`; of `x = wrap(i)` no source."""
    if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return None
    value, wrap = statement.value, ""
    match value:
        case ast.Call(func=ast.Name(id=wrap), args=[value], keywords=[]):
            pass
    match value:
        case ast.Subscript(value=ast.Name() as source, slice=ast.Name(id=index)) if index == name:
            return source, wrap
        case ast.Name(id=index) if index == name and wrap:
            return None, wrap
    return None


def _sliced(source: ast.expr | None, iterable: ast.expr) -> ast.expr | None:
    """What the items of `source` at these indices are, as a slice; the source itself for all."""
    match iterable:
        case ast.Call(func=ast.Name(id="range"), args=[stop], keywords=[]):
            parts = [ast.Constant(0), stop, ast.Constant(1)]
        case ast.Call(func=ast.Name(id="range"), args=[start, stop], keywords=[]):
            parts = [start, stop, ast.Constant(1)]
        case ast.Call(func=ast.Name(id="range"), args=[_, _, _] as parts, keywords=[]):
            pass
        case _:
            return None
    if not isinstance(source, ast.Name):
        return None
    lower, upper, step = (_literal(part, source.id) for part in parts)
    length = (1, 0)
    if lower == (1, -1) and upper == (0, -1) and step == (0, -1):
        bounds: tuple[ast.expr | None, ...] = (None, None, _number(-1))
    elif lower is None or upper is None or step is None:
        return None
    else:
        if lower[0] or step[0] or step[1] < 1 or (upper != length and upper[:1] != (1,)):
            return None
        first = None if lower[1] == 0 else _number(lower[1])
        last = None if upper == length else _number(upper[1])
        bounds = (first, last, None if step[1] == 1 else _number(step[1]))
    if bounds == (None, None, None):
        return source
    return ast.Subscript(source, ast.Slice(*bounds), ast.Load())


def _number(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _literal(node: ast.expr, name: str) -> tuple[int, int] | None:
    """(a, b) of a bound that is a * len(name) + b, for a in 0, 1; None for any other."""
    match node:
        case ast.Constant(value=int() as value):
            return 0, value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return 0, -value
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=inner)]) if inner == name:
            return 1, 0
        case ast.BinOp(left=left, op=ast.Sub(), right=ast.Constant(value=int() as value)):
            return (1, -value) if _literal(left, name) == (1, 0) else None
    return None


def _in_order(over: ast.expr) -> ast.expr:
    """`reversed(x)` as `x[::-1]`."""
    match over:
        case ast.Call(func=ast.Name(id="reversed"), args=[inner], keywords=[]):
            return ast.Subscript(inner, ast.Slice(None, None, _number(-1)), ast.Load())
    return over


def names_in(block: Block) -> dict[str, set[Key]]:
    """What is done with each name in these items, as labels; to tell which play the same part."""
    found: dict[str, set[Key]] = {}

    def note(node: ast.AST, label: Key) -> None:
        for child in child_nodes(node):
            if isinstance(child, ast.Name):
                found.setdefault(child.id, set()).add((*label, type(node).__name__))
            elif child._fields and not isinstance(child, ast.Constant):
                note(child, label[:1])

    def bound(key: Key, label: Key) -> None:
        if key and key[0] == "name":
            found.setdefault(key[1], set()).add(label)
        for place, part in enumerate(key):
            if isinstance(part, tuple):
                bound(part, (*label, place))

    def visit(items: Block, depth: int) -> None:
        for item in items:
            kind: Key = (item.kind, depth)
            value = item.value
            if value is not None:
                start = key_of(value) if isinstance(value, ast.Constant | ast.List) else ()
                bound(item.bound, ("=", *kind, start))
                note(ast.Expr(value), kind)
                if item.kind == "assign":
                    names = {one.id for one in walk(value) if isinstance(one, ast.Name)}
                    if item.bound[0] == "name" and item.bound[1] in names:
                        bound(item.bound, ("again", depth))
            for test in item.tests:
                note(ast.Expr(test.node), ("test", *kind))
            visit(item.body, depth + 1)
            visit(item.orelse, depth + 1)

    visit(block, 0)
    return found
