"""What a program uses, read from its text: calls, imports, constructs, loops, writes to input.

One pass over the functions that the entry point reaches by name, never an execution. Each fact
carries the place where it was seen first. What follows from a fact is decided in constraints.py."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import lru_cache

from egca.structure.depth import loop_nest
from egca.structure.mutation import mutated_parameters
from egca.structure.normalise import (
    Function,
    Scope,
    entry_function,
    function_body,
    parameters,
    parse,
    roots,
    scope_of,
)
from egca.structure.reach import (
    Table,
    function_table,
    is_readable,
    reached,
    recursive_call,
)
from egca.types import SourceMap, Span


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one program; the dicts map a name to the first place of it.

    calls: "sorted", "math.sqrt", ".append" (a method); imports: top-level modules; constructs: see
    CONSTRUCTS; structures: "list", "dict", "set", "tuple", "deque", "heap", "counter". recursion: a
    call that leads back to its own function. loop_depth: loops inside each other that do not have a
    constant length, helpers included; None where recursion or size makes it unknown. mutated:
    parameters of the entry point that the text writes into. is_known is False for a program that
    does not parse or is too large to read: then nothing else is set.
    """

    is_known: bool = False
    calls: dict[str, Span] = field(default_factory=dict)
    imports: dict[str, Span] = field(default_factory=dict)
    constructs: dict[str, Span] = field(default_factory=dict)
    structures: dict[str, Span] = field(default_factory=dict)
    recursion: Span | None = None
    loop_depth: int | None = None
    deepest_loop: Span | None = None
    mutated: dict[str, Span] = field(default_factory=dict)


CONSTRUCTS: dict[type[ast.AST], str] = {
    ast.For: "for", ast.AsyncFor: "for", ast.While: "while", ast.If: "if", ast.IfExp: "if",
    ast.ListComp: "comprehension", ast.SetComp: "comprehension", ast.DictComp: "comprehension",
    ast.GeneratorExp: "comprehension", ast.Lambda: "lambda", ast.Try: "try", ast.TryStar: "try",
    ast.With: "with", ast.AsyncWith: "with", ast.ClassDef: "class", ast.Global: "global",
    ast.Nonlocal: "nonlocal", ast.Yield: "yield", ast.YieldFrom: "yield", ast.Match: "match",
    ast.Raise: "raise", ast.Assert: "assert", ast.Delete: "del", ast.Await: "await",
}  # fmt: skip
LOOPS = ("for", "while", "comprehension")

_DISPLAYS: dict[type[ast.AST], str] = {
    ast.List: "list", ast.ListComp: "list", ast.Dict: "dict", ast.DictComp: "dict", ast.Set: "set",
    ast.SetComp: "set", ast.Tuple: "tuple",
}  # fmt: skip
_MAKERS = {
    "list": "list", "sorted": "list", "dict": "dict", "collections.defaultdict": "dict", "set":
    "set", "frozenset": "set", "tuple": "tuple", "collections.OrderedDict": "dict",
    "collections.deque": "deque", "collections.Counter": "counter", "heapq.heappush": "heap",
    "heapq.heappop": "heap", "heapq.heapify": "heap",
}  # fmt: skip


@lru_cache(maxsize=512)
def facts(source: str, entry_point: str = "") -> Facts:
    """Facts of a program, as reached from its entry point; of the whole module without one."""
    tree = parse(source)
    if tree is None or not is_readable(tree):
        return Facts()
    scope = scope_of(tree.body)
    entry = entry_function(scope, entry_point) if entry_point else None
    if entry is None and len(starts := roots(scope)) == 1 and not entry_point:
        entry = starts[0]
    return _collect(SourceMap(source), tree, scope, entry, function_table(tree))


def _collect(
    source_map: SourceMap, tree: ast.Module, scope: Scope, entry: Function | None, table: Table
) -> Facts:
    found = Facts(is_known=True)
    for node in ast.walk(tree):
        for module in _imported(node):
            found.imports.setdefault(module, source_map.span_of(node))
    functions = reached(tree if entry is None else entry, table)
    seen: set[int] = set()
    for root in functions:
        local = scope
        if isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            local = scope_of(function_body(root), scope, parameters(root))
        annotations = _annotations(root)
        for node in ast.walk(root):
            if id(node) not in seen and id(node) not in annotations:
                seen.add(id(node))
                _see(node, local, source_map, found)
    back = recursive_call([node for node in functions if node is not tree], table)
    depth, deepest = loop_nest(functions[0], table)
    mutated = mutated_parameters(entry, table) if entry is not None else {}
    return replace(
        found,
        recursion=source_map.span_of(back) if back is not None else None,
        loop_depth=depth if back is None else None,
        deepest_loop=source_map.span_of(deepest) if deepest is not None else None,
        mutated={name: source_map.span_of(place) for name, place in mutated.items()},
    )


def _annotations(root: ast.AST) -> set[int]:
    """Nodes of type annotations: a Tuple in Dict[str, int] is no tuple that the program makes."""
    found: set[int] = set()
    for node in ast.walk(root):
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if isinstance(part, ast.AST):
                found.update(id(inner) for inner in ast.walk(part))
    return found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or ".").partition(".")[0]]
    return []


def _see(node: ast.AST, scope: Scope, source_map: SourceMap, found: Facts) -> None:
    construct = CONSTRUCTS.get(type(node))
    if construct is not None:
        found.constructs.setdefault(construct, source_map.span_of(node))
    if type(node) in _DISPLAYS and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        found.structures.setdefault(_DISPLAYS[type(node)], source_map.span_of(node))
    if isinstance(node, ast.Call):
        name = _called_name(node.func, scope)
        if name:
            found.calls.setdefault(name, source_map.span_of(node))
        if name in _MAKERS:
            found.structures.setdefault(_MAKERS[name], source_map.span_of(node))


def _called_name(function: ast.expr, scope: Scope) -> str:
    """ "sorted", "math.sqrt" (also where it was imported by itself), ".append", or ""."""
    if isinstance(function, ast.Name):
        meaning, what = scope.lookup(function.id)
        if meaning == "free":
            return function.id
        return what if isinstance(what, str) else ""
    if isinstance(function, ast.Attribute):
        if isinstance(function.value, ast.Name):
            meaning, what = scope.lookup(function.value.id)
            if meaning == "import":
                return f"{what}.{function.attr}"
        return f".{function.attr}"
    return ""
