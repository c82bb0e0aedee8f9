"""Programs so plain that several may run in one process after another.

A child for each costs ten times what a short run does. What is allowed is listed, nodes and names:
functions, loops and expressions over plain data. No program of these can reach what outlives it:
no attribute is stored to, none that begins with an underscore or belongs to frames is read, no
class has finalizers, nothing catches a timeout, no module is at hand that holds others. The sandbox
around the process does not depend on any of this."""

from __future__ import annotations

import ast
from functools import lru_cache

from egca.localization.scope import walk
from egca.structure.normalise import parse

_NODES = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign,
    ast.AnnAssign, ast.For, ast.While, ast.If, ast.Expr, ast.Pass, ast.Break, ast.Continue,
    ast.Assert, ast.Raise, ast.Import, ast.ImportFrom, ast.alias, ast.BoolOp, ast.BinOp,
    ast.UnaryOp, ast.Lambda, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.keyword, ast.JoinedStr,
    ast.FormattedValue, ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List,
    ast.Tuple, ast.Slice, ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_BUILTINS = frozenset((
    "abs", "all", "any", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter",
    "float", "frozenset", "hash", "int", "isinstance", "iter", "len", "list", "map", "max", "min",
    "next", "ord", "pow", "print", "range", "repr", "reversed", "round", "set", "slice", "sorted",
    "str", "sum", "tuple", "zip", "ArithmeticError", "AssertionError", "Exception", "IndexError",
    "KeyError", "LookupError", "OverflowError", "StopIteration", "TypeError", "ValueError",
    "ZeroDivisionError",
))  # fmt: skip
_MODULES = frozenset(("math", "itertools"))  # written in C: nothing else is reached through them
_IMPORTED = {
    "collections": frozenset(("Counter", "OrderedDict", "defaultdict", "deque")),
    "functools": frozenset(("reduce",)),
    "typing": frozenset(("Any", "Callable", "Dict", "Iterable", "Iterator", "List", "Optional",
                         "Sequence", "Set", "Tuple", "Union")),
}  # fmt: skip
_INNER = ("_", "gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_")  # of frames and code objects


@lru_cache(maxsize=512)
def is_tame_source(source: str) -> bool:
    """As is_tame; a program that does not parse is not."""
    tree = parse(source)
    return tree is not None and is_tame(tree)


def is_tame(tree: ast.Module) -> bool:
    """Whether nothing that a program does can be seen by the next one in its process."""
    nodes = walk(tree)
    bound = {name for node in nodes for name in _bound(node)}
    return all(isinstance(node, _NODES) and _is_plain(node, bound) for node in nodes)


def _bound(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name) | ast.arg(arg=name):
            return (name,)
        case ast.alias(name=name, asname=asname):
            return (asname or name,)
    return ()


def _is_plain(node: ast.AST, bound: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return not name.startswith(("__", "_egca")) and (name in bound or name in _BUILTINS)
        case ast.FunctionDef(name=name) | ast.arg(arg=name):
            return not name.startswith(("__", "_egca"))
        case ast.Attribute(attr=name, ctx=context):
            return isinstance(context, ast.Load) and not name.startswith(_INNER)
        case ast.Import(names=names):
            return all(one.name in _MODULES for one in names)
        case ast.ImportFrom(module=module, names=names, level=0):
            known = _IMPORTED.get(module or "", frozenset())
            return module in _MODULES or all(one.name in known for one in names)
        case ast.ImportFrom():
            return False
    return True
