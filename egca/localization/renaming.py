"""Which variable of a reference plays the part of which of a candidate, and programs in other
names."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from egca.localization.canonical import Block, canonical, names_in
from egca.localization.keys import Key
from egca.localization.scope import walk

Node = TypeVar("Node", bound=ast.AST)
_SAME_NAME = 0.3  # what an equal name counts, where 1.0 is the same part in every way


def pair_variables(
    ours: ast.FunctionDef, theirs: ast.FunctionDef, block: Block, functions: Mapping[str, str]
) -> dict[str, str]:
    """Reference variable -> candidate variable: parameters by position, the others by use.

    Greedily from the most alike down, by what is done with them in normal form. A variable of the
    reference without partner gets a name that the candidate does not use.
    """
    pairs = dict(zip(_parameters(theirs), _parameters(ours), strict=True))
    taken = {*pairs.values(), *functions.values()}
    left, right = _labels_of(theirs), names_in(block)
    own, other = _stored(ours), _stored(theirs)
    alike = sorted(
        (-_likeness(left.get(a, set()), right.get(b, set())) - _SAME_NAME * (a == b), i, j, a, b)
        for i, a in enumerate(other)
        for j, b in enumerate(own)
        if a not in pairs and b not in taken
    )
    for score, _, _, a, b in alike:
        if score < 0 and a not in pairs and b not in taken:
            pairs[a] = b
            taken.add(b)
    every = taken | set(own)
    for name in other:
        if name not in pairs and name in every:
            pairs[name] = f"{name}_"
    return pairs


def _likeness(left: set[Key], right: set[Key]) -> float:
    return len(left & right) / len(left | right) if left and right else 0.0


@lru_cache(maxsize=512)
def _labels_of(function: ast.FunctionDef) -> dict[str, set[Key]]:
    return names_in(canonical(function.body))


def _parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [one.arg for one in (*named, arguments.vararg, arguments.kwarg) if one is not None]


@lru_cache(maxsize=512)
def _stored(function: ast.FunctionDef) -> tuple[str, ...]:
    found = {
        one.id: None
        for one in walk(function)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    return tuple(found)


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """A copy with every name exchanged that has a counterpart."""
    if isinstance(node, ast.Name):
        return type(node)(id=names.get(node.id, node.id), ctx=node.ctx)
    fields: dict[str, object] = {}
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            value = renamed(value, names) if value._fields else value
        elif isinstance(value, list):
            value = [renamed(one, names) if isinstance(one, ast.AST) else one for one in value]
        elif isinstance(value, str) and isinstance(node, ast.arg) and name == "arg":
            value = names.get(value, value)
        fields[name] = value
    return type(node)(**fields)
