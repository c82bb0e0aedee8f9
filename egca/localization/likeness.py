"""Structural evidence: which statements of a candidate the reference has too.

Statements are compared as text after the reference's variables got the candidate's names. Where
most are shared, the few that are not are suspects; between different algorithms nothing is shared
and nothing follows (the weight of this evidence is the share that matches)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from egca.localization.ingredients import Translator, counterpart, pair_names
from egca.localization.scope import LEFT_ALONE, Scope, is_docstring, scopes


@dataclass(frozen=True, slots=True)
class Likeness:
    """share is the part of the candidate's statements that the reference has; alone the lines of
    the rest."""

    share: float
    alone: frozenset[int]


def likeness(candidate: ast.Module, reference: ast.Module | None, entry_point: str) -> Likeness:
    """Match the statements of two programs function by function."""
    if reference is None:
        return Likeness(0.0, frozenset())
    n_statements = 0
    alone: set[int] = set()
    for scope in scopes(candidate):
        partner = counterpart(scope, reference, entry_point)
        names = pair_names(scope, partner) if partner is not None else {}
        known = _statements_of(partner, names) if partner is not None else {}
        for statement in scope.statements:
            if is_docstring(statement) or isinstance(statement, LEFT_ALONE | ast.Pass):
                continue
            n_statements += 1
            text = _text(statement)
            if known.get(text, 0) > 0:
                known[text] -= 1
            else:
                alone.add(statement.lineno)
    share = 1.0 - len(alone) / n_statements if n_statements else 0.0
    return Likeness(max(share, 0.0), frozenset(alone))


def _statements_of(scope: Scope, names: Mapping[str, str]) -> dict[str, int]:
    """Texts of a reference scope's statements in the candidate's names, with their number."""
    translator = Translator(names, frozenset(), keeps_unknown=True)
    found: dict[str, int] = {}
    for statement in scope.statements:
        new = translator.renamed(statement)
        text = _text(new)
        found[text] = found.get(text, 0) + 1
    return found


def _text(statement: ast.stmt) -> str:
    """A statement without its blocks, as text that does not depend on formatting."""
    fields = [
        ast.dump(value) if isinstance(value, ast.AST) else repr([ast.dump(v) for v in value])
        for name in statement._fields
        if name not in ("body", "orelse", "finalbody", "handlers", "cases", "type_comment")
        and (value := getattr(statement, name, None)) is not None
        and (isinstance(value, ast.AST) or (isinstance(value, list) and _are_nodes(value)))
    ]
    return type(statement).__name__ + "(" + ", ".join(fields) + ")"


def _are_nodes(values: list[object]) -> bool:
    return all(isinstance(value, ast.AST) for value in values)
