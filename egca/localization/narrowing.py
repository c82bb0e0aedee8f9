"""The part in which two expressions differ, and loops over indices made from loops over items."""

from __future__ import annotations

import ast

from egca.localization.keys import commutes, key_of


def indices_of(value: ast.expr, source: ast.expr) -> ast.expr | None:
    """The range whose items are the places of a slice in its source, in order."""
    length = ast.Call(ast.Name("len", ast.Load()), [source], [])
    parts: list[ast.expr | None] = [None, None, None]
    if key_of(value) != key_of(source):
        match value:
            case ast.Subscript(value=inner, slice=ast.Slice(lower=lower, upper=upper, step=step)):
                parts = [lower, upper, step]
            case _:
                return None
        if key_of(inner) != key_of(source):
            return None
    bounds = [None if part is None else key_of(part)[-1] for part in parts]
    arguments: list[ast.expr]
    match bounds:
        case [None, None, "-1"]:
            minus = ast.UnaryOp(ast.USub(), ast.Constant(1))
            arguments = [ast.BinOp(length, ast.Sub(), ast.Constant(1)), minus, minus]
        case [None, None, None]:
            arguments = [length]
        case [None, "-1", None]:
            arguments = [ast.BinOp(length, ast.Sub(), ast.Constant(1))]
        case [lower, None, step] if (lower or "0").isdigit() and (step or "1").isdigit():
            arguments = [parts[0] or ast.Constant(0), length]
            arguments += [parts[2]] if parts[2] is not None else []
        case _:
            return None
    return ast.Call(ast.Name("range", ast.Load()), arguments, [])


def narrowed(old: ast.expr, new: ast.expr) -> tuple[ast.expr, ast.expr]:
    """The one part in which two expressions differ, or both whole."""
    for mine, other in _parts(old, new):
        unequal = [
            (a, b) for a, b in zip(mine, other, strict=True) if key_of(a) != key_of(b)
        ]  # fmt: skip
        if len(unequal) == 1:
            return narrowed(*unequal[0])
    return old, new


Parts = tuple[list[ast.expr], list[ast.expr]]


def _parts(old: ast.expr, new: ast.expr) -> list[Parts]:
    """Ways to take two expressions of one form apart."""
    match old, new:
        case ast.BinOp(), ast.BinOp() if type(old.op) is type(new.op):
            straight: Parts = [old.left, old.right], [new.left, new.right]
            crossed: Parts = [old.left, old.right], [new.right, new.left]
            operands = map(key_of, [*straight[0], *straight[1]])
            is_free = commutes(type(old.op).__name__, *operands)
            return [straight, crossed] if is_free else [straight]
        case ast.Compare(ops=[a]), ast.Compare(ops=[b]) if type(a) is type(b):
            return [([old.left, *old.comparators], [new.left, *new.comparators])]
        case ast.Call(), ast.Call() if len(old.args) == len(new.args):
            keywords = [[(one.arg, key_of(one.value)) for one in call.keywords]
                        for call in (old, new)]  # fmt: skip
            if keywords[0] != keywords[1]:
                return []
            mine, other = _receiver(old.func), _receiver(new.func)
            if mine[0] != other[0]:
                return []
            return [([*mine[1], *old.args], [*other[1], *new.args])]
        case ast.UnaryOp(), ast.UnaryOp() if type(old.op) is type(new.op):
            return [([old.operand], [new.operand])]
        case ast.Subscript(), ast.Subscript():
            if isinstance(old.slice, ast.Slice) or isinstance(new.slice, ast.Slice):
                same = key_of(old.slice) == key_of(new.slice)
                return [([old.value], [new.value])] if same else []
            return [([old.value, old.slice], [new.value, new.slice])]
        case (ast.List(elts=a), ast.List(elts=b)) | (ast.Tuple(elts=a), ast.Tuple(elts=b)):
            return [(a, b)] if len(a) == len(b) else []
    return []


def _receiver(function: ast.expr) -> tuple[object, list[ast.expr]]:
    """What is called, and the object whose method that is."""
    match function:
        case ast.Attribute(value=value, attr=name):
            return ("method", name), [value]
    return key_of(function), []
