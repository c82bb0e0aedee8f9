"""Words of the normalised control-flow graph: what an operation is called, whoever wrote it.

Names here come from Python (builtins, methods of its types, standard modules), never from the
program, so that renaming a program changes nothing. How code becomes a graph: lowering.py."""

from __future__ import annotations

import ast
import builtins

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "add", ast.Mult: "mul", ast.MatMult: "mul", ast.Div: "div",
    ast.FloorDiv: "div", ast.Mod: "mod", ast.Pow: "pow", ast.LShift: "bit", ast.RShift: "bit",
    ast.BitOr: "bit", ast.BitXor: "bit", ast.BitAnd: "bit",
}  # fmt: skip

# Calls that only carry values from one place to another: no operation of their own.
PLUMBING = frozenset(
    {"range", "enumerate", "len", "iter", "next", "list", "tuple", "set", "frozenset", "dict",
     "zip", "reversed", "bool", "print", "super", "cast"}
)  # fmt: skip
CONVERSIONS = frozenset({"int", "float", "str", "repr", "complex", "bytes", "ord", "chr"})
# Calls that walk their one argument: written out as the loop they stand for.
FOLDS: dict[str, str] = {"sum": "add", "any": "", "all": "", "max": "cmp", "min": "cmp"}

ALIASES = {
    "append": "put", "add": "put", "insert": "put", "extend": "put", "update": "put",
    "appendleft": "put", "setdefault": "put", "get": "index", "sort": "sort", "sorted": "sort",
    "copy": "", "deepcopy": "", "items": "", "keys": "", "values": "", "pow": "pow",
    "sqrt": "pow", "isqrt": "pow", "popleft": "pop", "heappush": "heap", "heappop": "heap",
    "heapify": "heap", "divmod": "div", "fsum": "add",
}  # fmt: skip

_TYPES = (str, bytes, list, tuple, dict, set, frozenset, int, float)
KNOWN_METHODS = frozenset(
    name for kind in _TYPES for name in dir(kind) if not name.startswith("_")
) | frozenset({"appendleft", "popleft", "rotate", "most_common", "group", "groups", "elements"})
KNOWN_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))


def binary(operator: ast.operator, right: ast.expr) -> str:
    """Operation of `left operator right`; adding a list display is putting items in.

    >>> binary(ast.Sub(), ast.Constant(1))
    'add'
    """
    if isinstance(operator, ast.Add) and isinstance(right, ast.List):
        return "put"
    return BINARY.get(type(operator), "op")


def called(name: str) -> str:
    """Operation of a call of a builtin, a known method or an imported function; "" for plumbing.

    >>> called("append"), called("len"), called("math.sqrt"), called("lower")
    ('put', '', 'pow', 'call:lower')
    """
    short = name.rpartition(".")[2]
    if short in ALIASES:
        return ALIASES[short]
    if short in PLUMBING:
        return ""
    return "convert" if short in CONVERSIONS else f"call:{short}"
