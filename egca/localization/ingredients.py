"""What a reference offers to a repair: its constants, conditions, values and statements.

A reference expression is of use once its variables have a counterpart in the candidate; `translate`
renames them, and gives nothing where one has none. Equal text in two programs by different authors
is rare, so ingredients widen the search without deciding it: only a verified edit counts."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from egca.localization.scope import Scope, is_docstring, own_expressions, scopes, walk

BUILTINS = frozenset(dir(builtins))
WRAPPERS = frozenset(
    ("abs", "int", "str", "float", "round", "len", "sorted", "set", "list", "tuple")
)
MAX_INGREDIENTS = 16  # of one kind; more only slow the search


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Reference material in the candidate's names. Nodes may stand in several edits at once."""

    conditions: Sequence[ast.expr] = ()
    iterables: Sequence[ast.expr] = ()
    values: Sequence[ast.expr] = ()
    statements: Sequence[ast.stmt] = ()
    parts: Sequence[ast.expr] = ()
    wrappers: Sequence[str] = ()
    constants: Sequence[object] = ()
    keywords: Mapping[str, Sequence[ast.keyword]] = field(default_factory=dict)


def collect(
    reference: Scope | None, names: Mapping[str, str], known: frozenset[str], own: ast.AST
) -> Ingredients:
    """Gather what a reference scope offers to one candidate function.

    Args:
        reference: the function (or module) of the reference that plays the same role.
        names: reference variable -> candidate variable.
        known: other names the candidate can use as they are (imports, its functions).
        own: the candidate's function; its own conditions and statements are material too.
    """
    conditions: list[ast.expr] = []
    iterables: list[ast.expr] = []
    values: list[ast.expr] = []
    statements: list[ast.stmt] = []
    parts: list[ast.expr] = []
    wrappers: list[str] = []
    keywords: dict[str, list[ast.keyword]] = {}
    constants: list[object] = []
    if reference is not None:
        translator = Translator(names, known)
        for statement in reference.statements:
            _gather(statement, translator, conditions, iterables, values, statements)
        for node in walk(reference.node):
            _literal(node, constants)
            stored = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
            if isinstance(node, ast.BinOp | ast.Subscript | ast.Call) and not stored:
                part = translator.expression(node)
                if part is not None:
                    parts.append(part)
            match node:
                case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]) if name in WRAPPERS:
                    wrappers.append(name)
            if isinstance(node, ast.Call) and node.keywords:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                for keyword in node.keywords:
                    value = translator.expression(keyword.value)
                    if value is not None and keyword.arg:
                        new = ast.keyword(arg=keyword.arg, value=value)
                        for alias in {name, *({"sort", "sorted"} if "sort" in name else ())}:
                            keywords.setdefault(alias, []).append(new)
    keywords.setdefault("sort", []).append(_reverse())
    keywords.setdefault("sorted", []).append(_reverse())
    conditions += [c for node in walk(own) for c in _conditions(node)]
    return Ingredients(
        conditions=_unique(conditions),
        iterables=_unique(iterables),
        values=_unique(values),
        statements=_unique(statements),
        parts=_unique(parts),
        wrappers=tuple(dict.fromkeys(wrappers)),
        constants=tuple(dict.fromkeys(constants))[:MAX_INGREDIENTS],
        keywords={name: _unique(found) for name, found in keywords.items()},
    )


def _reverse() -> ast.keyword:
    return ast.keyword(arg="reverse", value=ast.Constant(value=True))


def _gather(
    statement: ast.stmt,
    translator: Translator,
    conditions: list[ast.expr],
    iterables: list[ast.expr],
    values: list[ast.expr],
    statements: list[ast.stmt],
) -> None:
    if is_docstring(statement) or isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return
    new = translator.statement(statement)
    if new is not None and not isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
        statements.append(new)
    for expression in own_expressions(statement):
        for node in walk(expression):
            conditions += [c for c in map(translator.expression, _conditions(node)) if c]
        if not isinstance(getattr(expression, "ctx", None), ast.Store):
            translated = translator.expression(expression)
            if translated is not None:
                if isinstance(statement, ast.For):
                    iterables.append(translated)
                elif isinstance(statement, ast.If | ast.While):
                    conditions.append(translated)
                elif not isinstance(statement, ast.Expr):
                    values.append(translated)


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield test
            if isinstance(test, ast.BoolOp):
                yield from test.values
        case ast.comprehension(ifs=ifs):
            yield from ifs
        case ast.BoolOp(values=operands):
            yield from operands


def _literal(node: ast.AST, constants: list[object]) -> None:
    match node:
        case ast.Constant(value=int() | float() | str() as value) if len(str(value)) <= 24:
            constants.append(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            constants.append(-value)


def _unique(nodes: Sequence[ast.AST]) -> list:  # type: ignore[type-arg]
    seen: dict[str, ast.AST] = {}
    for node in nodes:
        seen.setdefault(ast.dump(node), node)
        if len(seen) == MAX_INGREDIENTS:
            break
    return list(seen.values())


class Translator:
    """Renames variables of the reference to those of the candidate, or gives up on a node."""

    def __init__(
        self, names: Mapping[str, str], known: frozenset[str], keeps_unknown: bool = False
    ) -> None:
        self.names = names
        self.known = known
        self.keeps_unknown = keeps_unknown

    def renamed(self, node: ast.stmt) -> ast.stmt:
        """The statement with every name that has a counterpart exchanged."""
        new = self._node(node, frozenset())
        return new if isinstance(new, ast.stmt) else node

    def expression(self, node: ast.expr) -> ast.expr | None:
        new = self._node(node, frozenset())
        return new if isinstance(new, ast.expr) else None

    def statement(self, node: ast.stmt) -> ast.stmt | None:
        if sum(1 for child in walk(node) if isinstance(child, ast.stmt)) > 3:
            return None
        new = self._node(node, frozenset())
        return new if isinstance(new, ast.stmt) else None

    def _node(self, node: ast.AST, bound: frozenset[str]) -> ast.AST | None:
        if isinstance(node, ast.Name):
            if node.id in bound:
                return ast.Name(id=node.id, ctx=node.ctx)
            name = self.names.get(node.id)
            if name is None and (node.id in self.known or node.id in BUILTINS):
                name = node.id
            if name is None and self.keeps_unknown:
                name = node.id
            return ast.Name(id=name, ctx=node.ctx) if name else None
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            return None
        bound |= _bound_here(node)
        fields: dict[str, object] = {}
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                new: object = self._node(value, bound)
                if new is None:
                    return None
            elif isinstance(value, list):
                items = [self._node(v, bound) if isinstance(v, ast.AST) else v for v in value]
                if any(n is None and v is not None for n, v in zip(items, value, strict=True)):
                    return None
                new = items
            else:
                new = value
            fields[name] = new
        return type(node)(**fields)


def _bound_here(node: ast.AST) -> frozenset[str]:
    """Names that a comprehension or a lambda binds for what is inside it."""
    names: set[str] = set()
    for generator in getattr(node, "generators", ()):
        names |= {n.id for n in walk(generator.target) if isinstance(n, ast.Name)}
    if isinstance(node, ast.Lambda):
        names |= {argument.arg for argument in node.args.args}
    return frozenset(names)


def counterpart(scope: Scope, reference: ast.Module, entry_point: str) -> Scope | None:
    """The reference scope that plays a candidate scope's role: same name, else the entry point."""
    found = scopes(reference)
    if isinstance(scope.node, ast.Module):
        return found[0]
    by_name = {s.node.name: s for s in found if not isinstance(s.node, ast.Module)}
    return by_name.get(scope.node.name) or by_name.get(entry_point.rpartition(".")[2])


@lru_cache(maxsize=256)
def pair_names(scope: Scope, reference: Scope) -> dict[str, str]:
    """Reference variable -> candidate variable: parameters by position, the others by use.

    Use is how a variable starts and what is done with it (an accumulator that begins as [] and gets
    append); pairs are taken greedily from the most alike down.
    """
    same_role = getattr(scope.node, "name", "") == getattr(reference.node, "name", "")
    pairs: dict[str, str] = {}
    if same_role and len(scope.parameters) == len(reference.parameters):
        pairs.update(zip(reference.parameters, scope.parameters, strict=True))
    theirs, ours = uses(reference.node), uses(scope.node)
    alike = sorted(
        (-len(theirs[a] & ours[b]) / len(theirs[a] | ours[b]), i, j, a, b)
        for i, a in enumerate(theirs)
        for j, b in enumerate(ours)
        if theirs[a] & ours[b]
    )
    taken = set(pairs.values())
    for _, _, _, theirs_name, ours_name in alike:
        if theirs_name not in pairs and ours_name not in taken:
            pairs[theirs_name] = ours_name
            taken.add(ours_name)
    return pairs


def _kind(value: ast.expr) -> str:
    """A literal as it is, of anything else what it is."""
    plain = isinstance(value, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple)
    return ast.unparse(value) if plain else type(value).__name__


@lru_cache(maxsize=256)
def uses(function: ast.AST) -> dict[str, set[str]]:
    """What is done with each assigned variable of a function, as a set of short labels."""
    found: dict[str, set[str]] = {}

    def note(node: ast.AST | None, label: str) -> None:
        if isinstance(node, ast.Name):
            found.setdefault(node.id, set()).add(label)

    for node in walk(function):
        match node:
            case ast.Assign(targets=[target], value=value):
                note(target, f"= {_kind(value)}")
                if isinstance(target, ast.Tuple):
                    values = value.elts if isinstance(value, ast.Tuple) else []
                    for place, part in enumerate(target.elts):
                        note(part, f"{place} of {len(target.elts)}")
                        new = values[place] if len(values) == len(target.elts) else value
                        note(part, f"{place} = {_kind(new)}")
            case ast.AugAssign(target=target, op=op):
                note(target, f"{type(op).__name__}=")
                note(target, "grows")
            case ast.For(target=target, iter=iterable):
                note(target, "for")
                note(target, f"for in {type(iterable).__name__}")
                note(iterable, "iterated")
            case ast.comprehension(target=target, iter=iterable):
                note(target, "for")
                note(iterable, "iterated")
            case ast.Call(func=ast.Attribute(value=receiver, attr=name)):
                note(receiver, f".{name}")
                if name in ("append", "add", "extend", "insert"):
                    note(receiver, "grows")
            case ast.Return(value=value):
                note(value, "returned")
            case ast.While(test=test) | ast.If(test=test):
                for child in walk(test):
                    note(child, "tested")
            case ast.Subscript(value=value, slice=index):
                note(value, "indexed")
                note(index, "index")
    assigned = {
        n.id for n in walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return {name: labels for name, labels in found.items() if name in assigned}
