"""What two ways of writing the same program have in common, before any graph is made.

Works on syntax trees alone: parsing that cannot fail, the functions a program defines, writes
nobody reads, counting loops. What becomes of it is decided in
lowering.py."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from egca.problems.parsing import NOT_PYTHON, parsed

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@lru_cache(maxsize=128)  # a program is judged, and soon after localized
def parse(source: str) -> ast.Module | None:
    """Syntax tree of a program, None if there is none: a syntax error, a null byte, too deep.

    The same tree each time: it must not be changed.
    """
    try:
        return parsed(source)
    except NOT_PYTHON:
        return None


@dataclass(slots=True)
class Scope:
    """Names whose meaning is known from the text: functions, classes, imported things.

    imports maps a local name to what it stands for ("sqrt" to "math.sqrt"); taken holds names that
    are bound to something else, which hide builtins. parent is the enclosing scope.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, dict[str, Function]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    parent: Scope | None = None

    def lookup(self, name: str) -> tuple[str, Function | dict[str, Function] | str | None]:
        """("function" | "class" | "import" | "taken" | "free", what it is)."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.functions:
                return "function", scope.functions[name]
            if name in scope.classes:
                return "class", scope.classes[name]
            if name in scope.imports:
                return "import", scope.imports[name]
            if name in scope.taken:
                return "taken", None
            scope = scope.parent
        return "free", None

    def methods(self) -> dict[str, Function]:
        """Methods of all classes in sight by name; the innermost and latest class wins."""
        found: dict[str, Function] = {} if self.parent is None else self.parent.methods()
        for table in self.classes.values():
            found.update(table)
        return found


_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


def statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Statements of a body and of the blocks in it, in order; not those of nested functions."""
    stack = list(body)[::-1]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        for name in reversed(_BODIES):
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                stack.extend(inner[::-1])


def scope_of(
    body: Iterable[ast.AST], parent: Scope | None = None, taken: Iterable[str] = ()
) -> Scope:
    """Scope of a module or function body. `taken` are its parameters."""
    scope = Scope(taken=set(taken), parent=parent)
    for node in statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            scope.functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            scope.classes[node.name] = {
                inner.name: inner
                for inner in node.body
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        elif isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                scope.imports[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                scope.imports[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
        else:
            _bind(node, scope)
    return scope


def _bind(node: ast.AST, scope: Scope) -> None:
    """Enter names that an assignment or loop binds; `f = lambda ...` and `f = g` name functions."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Lambda):
                scope.functions[target.id] = node.value
                continue
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Name):
                meaning, what = scope.lookup(node.value.id)
                if meaning == "function" and not isinstance(what, dict | str | None):
                    scope.functions[target.id] = what
                    continue
            _take(target, scope)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.AnnAssign | ast.AugAssign):
        _take(node.target, scope)


def _take(target: ast.expr, scope: Scope) -> None:
    names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)
             and isinstance(node.ctx, ast.Store)}  # fmt: skip
    scope.taken.update(names - scope.functions.keys())


def parameters(function: Function) -> list[str]:
    """Names of a function's parameters, in order."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    extra = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
    return [arg.arg for arg in (*named, *extra)]


def function_body(function: Function) -> list[ast.stmt]:
    """Statements of a function; a lambda returns its expression."""
    if isinstance(function, ast.Lambda):
        return [ast.copy_location(ast.Return(function.body), function.body)]
    return function.body


def entry_function(scope: Scope, entry_point: str) -> Function | None:
    """The function "f" or the method "Class.f", the last definition; None if missing."""
    owner, _, name = entry_point.rpartition(".")
    if owner:
        return scope.classes.get(owner, {}).get(name)
    return scope.functions.get(name)


def roots(scope: Scope) -> list[Function]:
    """Functions and methods of a module that no other of its functions mentions, in order.

    If all mention each other, all of them.
    """
    functions = list(dict.fromkeys(scope.functions.values()))
    methods = [method for table in scope.classes.values() for method in table.values()]
    mentioned: dict[str, set[int]] = {}
    for function in (*functions, *methods):
        for node in ast.walk(function):
            name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
            if isinstance(name, str):
                mentioned.setdefault(name, set()).add(id(function))
    named = [(name, function) for name, function in scope.functions.items()]
    named += [(name, method) for table in scope.classes.values() for name, method in table.items()]
    free = [function for name, function in named if not mentioned.get(name, set()) - {id(function)}]
    return list(dict.fromkeys(free)) or [*functions, *methods]


def constant_truth(test: ast.expr) -> bool | None:
    """Truth value of a test that is a literal (`if False`, `while 1`, `not 0`), else None."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = constant_truth(test.operand)
        return None if inner is None else not inner
    return None


def is_main_guard(test: ast.expr) -> bool:
    """Whether a test is `__name__ == "__main__"`."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
    )


def counting_step(node: ast.While) -> ast.stmt | None:
    """The `i += 1` of a loop `while i < limit: ...` that counts like a for loop, else None.

    Sound as a normal form where i is written by that one top-level statement only, by a constant.
    """
    test = node.test
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        test = test.values[0]
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    sides = {side.id for side in (test.left, test.comparators[0]) if isinstance(side, ast.Name)}
    steps = {name: step for step in node.body if (name := _stepped(step)) in sides}
    if not steps:
        return None
    for inner in statements(node.body):
        for name in _written(inner):
            if name in steps and steps[name] is not inner:
                del steps[name]
    return next(iter(steps.values()), None)


def _stepped(node: ast.stmt) -> str | None:
    """Name that `i += 1`, `i -= 2` or `i = i + 1` steps by a constant."""
    target: ast.expr
    if isinstance(node, ast.AugAssign):
        target, operator, value = node.target, node.op, node.value
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        target, operator, value = node.targets[0], node.value.op, node.value.right
        left = node.value.left
        if not (isinstance(left, ast.Name) and isinstance(target, ast.Name)):
            return None
        if left.id != target.id or len(node.targets) != 1:
            return None
    else:
        return None
    is_step = isinstance(operator, ast.Add | ast.Sub) and isinstance(value, ast.Constant)
    return target.id if is_step and isinstance(target, ast.Name) else None


def _written(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.AsyncFor):
        targets = [node.target]
    else:
        return []
    return [
        inner.id
        for target in targets
        for inner in ast.walk(target)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    ]


def is_inert(node: ast.expr) -> bool:
    """Whether evaluating it can neither fail nor have an effect, whatever the names in it hold.

    Literals, displays of them, lambdas, arithmetic other than division on numbers. A name may be
    unbound, and `a + b` may raise: not inert.
    """
    if isinstance(node, ast.Constant | ast.Lambda):
        return True
    if isinstance(node, ast.List | ast.Tuple):
        return all(is_inert(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        keys = node.keys
        return all(isinstance(key, ast.Constant) for key in keys) and all(
            map(is_inert, node.values)
        )
    if isinstance(node, ast.Set):
        return all(isinstance(item, ast.Constant) for item in node.elts)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not | ast.USub | ast.UAdd) and _is_number(node.operand)
    if isinstance(node, ast.BinOp):
        if not isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
            return False
        return all(_is_number(side) or (isinstance(side, ast.BinOp) and is_inert(side))
                   for side in (node.left, node.right))  # fmt: skip
    if isinstance(node, ast.Compare):
        sides = (node.left, *node.comparators)
        return all(_is_number(side) for side in sides) and all(
            isinstance(op, ast.Eq | ast.NotEq | ast.Lt | ast.LtE | ast.Gt | ast.GtE)
            for op in node.ops
        )
    return False


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def read_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that are read anywhere below, nested functions included, and those declared global."""
    found: set[str] = set()
    for root in nodes:
        for node in ast.walk(root):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add(node.id)
            elif isinstance(node, ast.Global | ast.Nonlocal):
                found.update(node.names)
    return found
