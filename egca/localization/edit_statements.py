"""Edits of statements: dropped, moved, added, wrapped, and the walk over a whole program."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from egca.localization.edit_expressions import (
    BY_TYPE,
    Place,
    constant,
    load,
    of_any,
    of_condition,
    of_iterable,
    of_value,
)
from egca.localization.edits import Edit, Insert, Replace, Rewrite
from egca.localization.operators import ARITHMETIC, is_neutral
from egca.localization.scope import (
    LEFT_ALONE,
    FunctionNode,
    blocks,
    child_nodes,
    is_docstring,
    own_expressions,
    walk,
)

LOOPS = ast.For | ast.While | ast.AsyncFor


def expression_edits(statement: ast.stmt, place: Place) -> Iterator[Edit]:
    """All edits of the expressions of one statement (its blocks not included)."""
    for root in own_expressions(statement):
        role = Place(
            place.names,
            place.ingredients,
            is_condition=isinstance(statement, ast.If | ast.While),
            is_iterable=isinstance(statement, ast.For),
            is_value=isinstance(statement, ast.Return | ast.Assign | ast.AugAssign | ast.AnnAssign),
        )
        edits = _walk(root, role)
        if isinstance(statement, ast.AugAssign):
            edits = _telling(edits, statement.op, statement.target, statement.value)
        yield from edits


def _telling(
    edits: Iterator[Edit], operator: ast.operator, left: ast.expr, right: ast.expr
) -> Iterator[Edit]:
    """Edits within an operation, but for those of an operand by which it does nothing."""
    for edit in edits:
        match edit.changes[0]:
            case Replace(node=node, new=new) if node is left or node is right:
                operands = (new, right) if node is left else (left, new)
                if is_neutral(operator, *operands):
                    continue
        yield edit


def _walk(node: ast.AST, place: Place) -> Iterator[Edit]:
    if isinstance(node, ast.expr) and not isinstance(
        getattr(node, "ctx", None), ast.Store | ast.Del
    ):
        generator = BY_TYPE.get(type(node))
        if generator is not None:
            yield from generator(node, place)
        yield from of_any(node, place)
        if place.is_condition:
            yield from of_condition(node, place)
        if place.is_iterable:
            yield from of_iterable(node, place)
        if place.is_value:
            yield from of_value(node, place)
    plain = Place(place.names, place.ingredients)
    index = Place(place.names, place.ingredients, is_index=True)
    condition = Place(place.names, place.ingredients, is_condition=True)
    value = Place(place.names, place.ingredients, is_value=True)
    match node:
        case ast.BinOp(left=left, op=operator, right=right):
            for operand in (left, right):
                yield from _telling(_walk(operand, plain), operator, left, right)
        case ast.JoinedStr(values=parts):
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from _walk(part.value, plain)
        case ast.Subscript(value=base, slice=ast.Slice() as part):
            yield from _walk(base, plain)
            for bound in (part.lower, part.upper, part.step):
                if bound is not None:
                    yield from _walk(bound, index)
        case ast.Subscript(value=base, slice=key):
            yield from _walk(base, plain)
            yield from _walk(key, index)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield from _walk(test, condition)
            yield from _walk(body, value)
            yield from _walk(orelse, value)
        case ast.Lambda(body=body):
            names = [argument.arg for argument in node.args.args]
            yield from _walk(body, Place([*names, *place.names], place.ingredients))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _comprehension(node, place)
        case _:
            for child in child_nodes(node):
                yield from _walk(child, plain)


def _comprehension(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, place: Place
) -> Iterator[Edit]:
    names: list[str] = []
    for generator in node.generators:
        outer = [*names, *place.names]
        yield from _walk(generator.iter, Place(outer, place.ingredients, is_iterable=True))
        names += [n.id for n in walk(generator.target) if isinstance(n, ast.Name)]
        for test in generator.ifs:
            inner = Place([*names, *place.names], place.ingredients, is_condition=True)
            yield from _walk(test, inner)
    inside = Place([*names, *place.names], place.ingredients, is_value=True)
    elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    for element in elements:
        yield from _walk(element, inside)


def statement_edits(
    block: Sequence[ast.stmt], owners: Sequence[ast.AST], place: Place
) -> Iterator[Edit]:
    """Edits of the statements of one block; `owners` are the nodes around it, the nearest last."""
    for index, statement in enumerate(block):
        if is_docstring(statement) or isinstance(statement, LEFT_ALONE):
            continue
        following = block[index + 1] if index + 1 < len(block) else None
        yield from _alone(statement, place)
        if not isinstance(statement, ast.Pass):
            yield Edit("drop statement", (Rewrite(statement),), statement)
        if following is not None and not isinstance(following, LEFT_ALONE):
            yield from _pair(statement, following)
            both = (Rewrite(statement), Rewrite(following))
            yield Edit("drop statements", both, statement)
        yield from _moves(block, index, owners)


def addition_edits(
    block: Sequence[ast.stmt], owners: Sequence[ast.AST], place: Place
) -> Iterator[Edit]:
    """Edits that put something new into a block. Many, and right less often than the others."""
    for index, statement in enumerate(block):
        if is_docstring(statement) or isinstance(statement, LEFT_ALONE):
            continue
        following = block[index + 1] if index + 1 < len(block) else None
        if isinstance(statement, ast.If) and not statement.orelse:
            for new in _new_statements(statement.body[-1], statement, place):
                branched = ast.If(test=statement.test, body=statement.body, orelse=[new])
                yield Edit("add else", (Rewrite(statement, (branched,)),), statement)
        yield from _additions(statement, following, owners[-1], place)


def _alone(statement: ast.stmt, place: Place) -> Iterator[Edit]:
    """One statement becomes another."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=[_, _, *_] as parts)], value=value):
            for i in range(len(parts)):
                for j in range(i + 1, len(parts)):
                    swapped = list(parts)
                    swapped[i], swapped[j] = swapped[j], swapped[i]
                    new_target = ast.Tuple(elts=swapped, ctx=ast.Store())
                    yield _become(
                        "target", statement, ast.Assign(targets=[new_target], value=value)
                    )
        case ast.Break():
            yield _become("loop control", statement, ast.Continue())
        case ast.Continue():
            yield _become("loop control", statement, ast.Break())
        case ast.AugAssign(target=target, op=op, value=value):
            for other in ARITHMETIC:
                if isinstance(op, other) or other is ast.Pow:
                    continue
                if not is_neutral(other(), target, value):
                    new = ast.AugAssign(target=target, op=other(), value=value)
                    yield _become("arithmetic", statement, new)
            yield _become("augmented", statement, ast.Assign(targets=[target], value=value))
        case ast.Assign(targets=[ast.Name() as target], value=value):
            yield from _extremes(statement, target, value)
            for other in ARITHMETIC[:3]:
                new = ast.AugAssign(target=target, op=other(), value=value)
                yield _become("augmented", statement, new)
            for name in place.names:
                if name != target.id:
                    renamed = ast.Name(id=name, ctx=ast.Store())
                    yield _become("target", statement, ast.Assign(targets=[renamed], value=value))
            match value:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=receiver))) if (
                    receiver == target.id
                ):
                    yield _become("augmented", statement, ast.Expr(value=value))
        case ast.Assign(targets=[ast.Subscript() as target], value=value):
            yield from _extremes(statement, target, value)
            for other in ARITHMETIC[:2]:
                new = ast.AugAssign(target=target, op=other(), value=value)
                yield _become("augmented", statement, new)
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[first, *_])):
            yield _become("return", statement, ast.Return(value=first))
        case ast.Expr(value=ast.Call() as call):
            yield _become("return", statement, ast.Return(value=call))
        case ast.Expr(value=value):
            yield _become("return", statement, ast.Return(value=value))
        case ast.If(test=test, body=body, orelse=[]):
            loop = ast.While(test=test, body=body, orelse=[])
            yield _become("loop", statement, loop)
        case ast.While(test=test, body=body, orelse=[]):
            yield _become("loop", statement, ast.If(test=test, body=body, orelse=[]))
        case ast.If(test=test, body=body, orelse=orelse):
            exchanged = ast.If(test=test, body=orelse, orelse=body)
            yield _become("swap", statement, exchanged)
        case ast.Return(value=None):
            for name in place.names:
                yield _become("return", statement, ast.Return(value=load(name)))


def _extremes(
    statement: ast.stmt, target: ast.Name | ast.Subscript, value: ast.expr
) -> Iterator[Edit]:
    """What is there stays if it is larger (smaller): a running maximum that forgets."""
    if isinstance(value, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple):
        return
    fields = {name: getattr(target, name) for name in target._fields} | {"ctx": ast.Load()}
    for function in ("max", "min"):
        new = ast.Call(func=load(function), args=[type(target)(**fields), value], keywords=[])
        yield _become("augmented", statement, ast.Assign(targets=[target], value=new))


def _become(kind: str, old: ast.stmt, *new: ast.stmt) -> Edit:
    return Edit(kind, (Rewrite(old, new),), old)


def _pair(first: ast.stmt, second: ast.stmt) -> Iterator[Edit]:
    """Two neighbours change places, or come to depend on each other."""
    changes = (Rewrite(first), Insert(second, (first,), after=True))
    if not isinstance(first, ast.Return | ast.Break | ast.Continue):
        yield Edit("order", changes, first)
    if isinstance(first, ast.If) and not first.orelse:
        # The second statement becomes the else branch.
        joined = ast.If(test=first.test, body=first.body, orelse=[second])
        yield Edit("else", (Rewrite(first, (joined,)), Rewrite(second)), first)
    match first, second:
        case ast.If(orelse=[]), ast.If():
            pass
        case ast.If(orelse=[ast.If() as last]), _ if not last.orelse:
            inner = ast.If(test=last.test, body=last.body, orelse=[second])
            joined = ast.If(test=first.test, body=first.body, orelse=[inner])
            yield Edit("else", (Rewrite(first, (joined,)), Rewrite(second)), last)


def _moves(block: Sequence[ast.stmt], index: int, owners: Sequence[ast.AST]) -> Iterator[Edit]:
    """A statement leaves its block, or enters the one before it."""
    statement, owner = block[index], owners[-1]
    if isinstance(statement, ast.Pass):
        return
    if isinstance(owner, ast.stmt) and not isinstance(owner, FunctionNode | ast.ClassDef):
        leaves = (Rewrite(statement), Insert(owner, (statement,), after=True))
        if not isinstance(statement, ast.Break | ast.Continue):
            yield Edit("move out", leaves, statement)
            ahead = (Rewrite(statement), Insert(owner, (statement,)))
            yield Edit("move out", ahead, statement)
            outer = owners[-2] if len(owners) > 1 else None
            if isinstance(outer, LOOPS | ast.If):
                far = (Rewrite(statement), Insert(outer, (statement,), after=True))
                yield Edit("move out", far, statement)
    if index:
        before = block[index - 1]
        for inner in _last_blocks(before):
            enters = (Rewrite(statement), Insert(inner[-1], (statement,), after=True))
            yield Edit("move in", enters, statement)
        if isinstance(before, LOOPS):
            enters = (Rewrite(statement), Insert(before.body[0], (statement,)))
            yield Edit("move in", enters, statement)
    if index + 1 < len(block) and isinstance(block[index + 1], LOOPS):
        loop = block[index + 1]
        enters = (Rewrite(statement), Insert(loop.body[0], (statement,)))  # type: ignore[attr-defined]
        yield Edit("move in", enters, statement)


def _last_blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks whose end is the end of a statement, outer ones first."""
    if isinstance(statement, LEFT_ALONE):
        return
    for block in blocks(statement):
        yield block
        yield from _last_blocks(block[-1])


def _additions(
    statement: ast.stmt, following: ast.stmt | None, owner: ast.AST, place: Place
) -> Iterator[Edit]:
    """Something new before (or, at the end of a block, after) a statement; a condition around
    it."""
    spots = [False] if following is not None else [False, True]
    for after in spots:
        for new in _new_statements(statement, owner, place):
            if after and isinstance(statement, ast.Return | ast.Break | ast.Continue):
                continue
            change = Insert(statement, (new,), after=after)
            yield Edit("add statement", (change,), statement)
    if not isinstance(statement, ast.If | ast.While | LOOPS):
        for condition in place.ingredients.conditions:
            wrapped = ast.If(test=condition, body=[statement], orelse=[])
            yield Edit("guard", (Rewrite(statement, (wrapped,)),), statement)


def _new_statements(statement: ast.stmt, owner: ast.AST, place: Place) -> Iterator[ast.stmt]:
    yield from place.ingredients.statements
    if isinstance(owner, LOOPS | ast.If | ast.With | ast.Try):
        yield ast.Break()
        yield ast.Continue()
    names = place.names[:6]
    for name in names:
        target = ast.Name(id=name, ctx=ast.Store())
        for operator in (ast.Add(), ast.Sub()):
            yield ast.AugAssign(target=target, op=operator, value=constant(1))
        for other in names:
            if other != name:
                yield ast.Assign(targets=[target], value=load(other))
                yield ast.AugAssign(target=target, op=ast.Add(), value=load(other))
                append = ast.Attribute(value=load(name), attr="append", ctx=ast.Load())
                call = ast.Call(func=append, args=[load(other)], keywords=[])
                yield ast.Expr(value=call)
        yield ast.Return(value=load(name))


def only_replaces(edit: Edit) -> bool:
    """Whether an edit stays inside one expression."""
    return all(isinstance(change, Replace) for change in edit.changes)
