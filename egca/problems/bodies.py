"""The body of one test taken apart into tests that stand alone, where that changes nothing.

A body whose statements share mutable state stays one Check. Which functions are tests is decided in
python_tests.py, what one assert says in asserts.py."""

from __future__ import annotations

import ast
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from egca.problems.asserts import AssertReader, conjuncts
from egca.problems.callee import Callee, loads, stores
from egca.problems.literals import NotLiteral, literal_node
from egca.problems.parsing import parsed
from egca.problems.problem import Check, Example, Test

_IMMUTABLE = (int, float, complex, str, bytes, bool, type(None), range)
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OWN_MEANING = frozenset({"math", "collections", "numpy", "cmath", "pytest"})


@dataclass
class Module:
    """What surrounds the tests of a file: text, setup statements, helpers it may borrow."""

    source: str
    setup: Sequence[ast.stmt]
    callee: Callee
    context: Sequence[ast.stmt] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    shadowed: set[str] = field(default_factory=set)
    reaching: set[str] = field(default_factory=set)
    mutable: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        counts = Counter(name for statement in self.setup for name in stores(statement))
        for statement in self.setup:
            for name, value in _constants(statement).items():
                if counts[name] == 1:
                    self.constants[name] = value
            if not (isinstance(statement, ast.ImportFrom) and statement.module in _OWN_MEANING):
                self.shadowed |= stores(statement)
            if not isinstance(statement, _DEFINITIONS):
                self.mutable |= stores(statement) - self.constants.keys()
        self.reaching = _reaching(self.setup, set(self.callee.handles()))


@dataclass
class Body:
    """One test: statements, and how to run them as a whole.

    whole is the function or class that holds them, method the test within a class; entry is the
    parameter that stands for the program; parameters are values of pytest.mark.parametrize.
    """

    statements: Sequence[ast.stmt]
    callee: Callee
    name: str
    whole: ast.FunctionDef | ast.ClassDef | None = None
    entry: str = ""
    method: ast.FunctionDef | None = None
    parameters: Mapping[str, ast.expr] = field(default_factory=dict)


def split_body(body: Body, module: Module) -> list[Test]:
    """The tests in one body; none when it never reaches the program."""
    reaching = module.reaching | body.callee.handles()
    if not any(loads(statement) & reaching for statement in body.statements):
        return []
    is_class = len(body.statements) == 1 and body.statements[0] is body.whole
    pieces = None if is_class else _Splitter(body, module).pieces()
    return [_whole(body, module)] if pieces is None else pieces


class _Splitter:
    """One pass over the statements; `pieces` gives None as soon as they do not come apart."""

    def __init__(self, body: Body, module: Module) -> None:
        self.body, self.module = body, module
        self.callee = body.callee
        self.uses: Counter[str] = Counter(
            node.id
            for statement in body.statements
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )
        self.binds = Counter(name for statement in body.statements for name in stores(statement))
        self.constants = dict(module.constants)
        for name in self.binds:
            self.constants.pop(name, None)
        self.pending: dict[str, ast.expr] = {}
        self.setup: list[ast.stmt] = []
        self.mutable: set[str] = set()
        self.readers: Counter[str] = Counter()
        self.found: list[Test] = []

    def pieces(self) -> list[Test] | None:
        for name, node in self.body.parameters.items():
            if not self._bind(name, node):
                return None
        for statement in self.body.statements:
            if not self._statement(statement):
                return None
        if any(self._reaches(node) for node in self.pending.values()):
            return None
        return None if any(self.readers[name] > 1 for name in self.mutable) else self.found

    def _reaches(self, node: ast.AST) -> bool:
        reaching = self.module.reaching | self.callee.handles()
        return bool(loads(node) & (reaching | _reaching(self.setup, set(reaching))))

    def _statement(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Pass | ast.Global) or _is_talk(node):
            return True
        if isinstance(node, ast.Assert):
            return self._assert(node)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target: ast.expr = node.targets[0]
            if isinstance(target, ast.Name):
                return self._assign(target.id, node.value, node)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            return self._assign(node.target.id, node.value, node)
        if isinstance(node, _DEFINITIONS):
            self.setup.append(node)
            return True
        if isinstance(node, ast.Return | ast.Delete | ast.Nonlocal | ast.AugAssign):
            return False
        return self._block(node)

    def _block(self, node: ast.stmt) -> bool:
        """A loop, with, if, try, tuple assignment or bare call."""
        is_test = self._reaches(node) or any(
            isinstance(item, ast.Assert) for item in ast.walk(node)
        )
        bound = stores(node)
        if not is_test:
            self.setup.append(node)
            self.mutable |= bound
            return True
        if isinstance(node, ast.Assign) or any(name in self.pending for name in loads(node)):
            return False
        inside = Counter(
            item.id
            for item in ast.walk(node)
            if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load)
        )
        if any(self.uses[name] > inside[name] for name in bound):
            return False  # what it binds is read elsewhere
        self._check(node, source_of(self.module.source, node))
        return True

    def _assign(self, name: str, value: ast.expr, node: ast.stmt) -> bool:
        if self.binds[name] != 1:
            return False
        if self.callee.is_instance(value):
            self.callee = self.callee.with_instances({name})
            self.setup.append(node)
            return True
        inlined = self._inlined(value)
        if inlined is None or (inlined is not value and not self._reaches(inlined)):
            return False
        value = inlined
        if self._bind(name, value):
            if name in self.constants:
                self.setup.append(node)
            return True
        if self._reaches(value):
            return False
        self.setup.append(node)
        self.mutable.add(name)
        return True

    def _bind(self, name: str, value: ast.expr) -> bool:
        """Know a name by its value, or put its value where it is used, if it is used just once."""
        try:
            known = literal_node(value, self.constants)
        except NotLiteral:
            known = Ellipsis
        if _is_immutable(known):
            self.constants[name] = known
            return True
        if self.uses[name] > 1 or (known is Ellipsis and not self._reaches(value)):
            return False
        self.pending[name] = value
        return True

    def _inlined(self, node: ast.expr) -> ast.expr | None:
        """The expression with pending names' values in place; None where that is not sound."""
        names = loads(node) & self.pending.keys()
        if not names:
            return node
        if any(isinstance(item, _SCOPES) for item in ast.walk(node)):
            return None  # it may run more than once, or never
        values = {name: self.pending.pop(name) for name in names}
        made: ast.expr = _Inline(values).visit(deepcopy(node))
        return made

    def _assert(self, node: ast.Assert) -> bool:
        test = self._inlined(node.test)
        if test is None:
            return False
        inlined = test is not node.test
        parts = conjuncts(test)
        shadowed = self.module.shadowed | set(self.binds)
        reader = AssertReader(self.callee, self.constants, shadowed)
        for part in parts:
            if not self._reaches(part):
                if loads(part) & (self.mutable | self.module.mutable):
                    return False  # what an earlier call may have changed
                continue
            told = reader.read(part)
            if told is not None:
                self.found.append(
                    Example(
                        self.body.name, told.args, told.kwargs, None, told.expected, told.comparison
                    )
                )
                continue
            whole = len(parts) == 1 and not inlined
            piece = node if whole else ast.copy_location(ast.Assert(part, None), node)
            text = source_of(self.module.source, node) if whole else ast.unparse(piece)
            self._check(piece, text)
        return True

    def _check(self, node: ast.stmt, text: str) -> None:
        names = loads(node)
        needed = _needed(self.setup, names)
        wanted = names | {name for statement in needed for name in loads(statement)}
        self.readers.update(wanted & self.mutable)
        parameters = [
            f"{name} = {ast.unparse(value)}"
            for name, value in self.body.parameters.items()
            if name in wanted
        ]
        setup = [
            _module_setup(self.module, wanted),
            *parameters,
            *(ast.unparse(statement) for statement in needed),
        ]
        self.found.append(
            Check(
                self.body.name,
                text,
                self.body.entry or _entry(self.module.callee),
                "\n".join(part for part in setup if part),
                node.lineno,
            )
        )


class _Inline(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.values and isinstance(node.ctx, ast.Load):
            return ast.copy_location(deepcopy(self.values[node.id]), node)
        return node


def source_of(source: str, node: ast.stmt) -> str:
    """The statement as written, dedented; unparsed where that would not be the same code."""
    text = textwrap.dedent(ast.get_source_segment(source, node, padded=True) or "")
    try:
        again = parsed(text).body
    except SyntaxError:
        again = []
    if len(again) == 1 and ast.dump(again[0]) == ast.dump(node):
        return text
    return ast.unparse(node)


def _whole(body: Body, module: Module) -> Check:
    """The body as one piece of code, with the call that runs it."""
    node = body.whole
    arguments = ", ".join(f"{name}={ast.unparse(value)}" for name, value in body.parameters.items())
    if node is None:
        text = "\n".join(source_of(module.source, statement) for statement in body.statements)
    else:
        text = source_of(module.source, _undecorated(node))
        if isinstance(node, ast.FunctionDef):
            text += f"\n\n{node.name}({body.entry or arguments})\n"
        else:
            text += _class_call(node, body.method, arguments)
    names = set().union(*(loads(item) for item in (body.statements if node is None else [node])))
    first = node if node is not None else body.statements[0]
    entry = body.entry or _entry(module.callee)
    return Check(body.name, text, entry, _module_setup(module, names), first.lineno)


def _undecorated(node: ast.FunctionDef | ast.ClassDef) -> ast.FunctionDef | ast.ClassDef:
    made = deepcopy(node)
    made.decorator_list = []
    for item in ast.walk(made):
        if isinstance(item, ast.FunctionDef):
            item.decorator_list = [
                mark for mark in item.decorator_list if not ast.unparse(mark).startswith("pytest.")
            ]
    return made


def _class_call(node: ast.ClassDef, method: ast.FunctionDef | None, arguments: str) -> str:
    name = method.name if method is not None else ""
    if any("TestCase" in ast.unparse(base) for base in node.bases):
        defined = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        once = f"{node.name}.setUpClass()\n" if "setUpClass" in defined else ""
        return f"\n\n{once}{node.name}({name!r}).debug()\n"
    defined = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    prepare = "made.setup_method()\n" if "setup_method" in defined else ""
    return f"\n\nmade = {node.name}()\n{prepare}made.{name}({arguments})\n"


def _module_setup(module: Module, names: set[str]) -> str:
    own = _needed(module.setup, names)
    wanted = names | {name for statement in own for name in loads(statement)}
    bound = {name for statement in module.setup for name in stores(statement)}
    borrowed = _needed(module.context, wanted - bound - module.callee.handles())
    return "\n".join(ast.unparse(statement) for statement in [*borrowed, *own])


def _needed(statements: Sequence[ast.stmt], names: set[str]) -> list[ast.stmt]:
    """Those statements, in order, that bind the names, and what these need; bare calls always."""
    wanted = set(names)
    kept: set[int] = {i for i, item in enumerate(statements) if isinstance(item, ast.Expr)}
    for i in kept:
        wanted |= loads(statements[i])
    grown = True
    while grown:
        grown = False
        for i, statement in enumerate(statements):
            if i not in kept and stores(statement) & wanted:
                kept.add(i)
                wanted |= loads(statement)
                grown = True
    return [statements[i] for i in sorted(kept)]


def _reaching(statements: Sequence[ast.stmt], names: set[str]) -> set[str]:
    """Names, and the functions and classes that reach the program through them."""
    reaching = set(names)
    grown = bool(names)
    while grown:
        before = len(reaching)
        for statement in statements:
            if (
                isinstance(statement, ast.FunctionDef | ast.ClassDef)
                and loads(statement) & reaching
            ):
                reaching.add(statement.name)
        grown = len(reaching) > before
    return reaching


def _constants(statement: ast.stmt) -> dict[str, Any]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            try:
                value = literal_node(statement.value)
            except NotLiteral:
                return {}
            return {target.id: value} if _is_immutable(value) else {}
    return {}


def _is_immutable(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(_is_immutable(item) for item in value)
    return isinstance(value, _IMMUTABLE)


def _is_talk(node: ast.stmt) -> bool:
    """A docstring, or a print that tells only constants."""
    if not isinstance(node, ast.Expr):
        return False
    call = node.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
        return not any(isinstance(item, ast.Call) for arg in call.args for item in ast.walk(arg))
    return isinstance(call, ast.Constant)


def _entry(callee: Callee) -> str:
    return f"{callee.owner}.{callee.method}" if callee.owner else callee.bound
