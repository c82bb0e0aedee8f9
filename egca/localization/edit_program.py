"""All small edits of a whole program, in the order in which they are tried."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import filterfalse

from egca.localization.edit_expressions import Place
from egca.localization.edit_statements import addition_edits, expression_edits, statement_edits
from egca.localization.edits import Edit, Replace
from egca.localization.ingredients import Ingredients, collect, counterpart, pair_names
from egca.localization.scope import Scope, blocks, child_nodes, is_docstring, scopes, walk


@dataclass(frozen=True, slots=True)
class EditSpace:
    """All edits of one candidate: `changes` of what is there first, `additions` when those fail."""

    tree: ast.Module
    places: tuple[tuple[Scope, Place], ...]
    loops: Mapping[int, bool | None]

    def changes(self) -> Iterator[Edit]:
        """Edits of what is there, by statement in the order of the text."""
        for scope, place in self.places:
            own: list[Edit] = []
            for statement in filterfalse(is_docstring, scope.statements):
                own += expression_edits(statement, place)
            yield from self._legal(own)
            yield from self._legal(_everywhere(own))
            yield from self._legal(_blocks(scope.node.body, [scope.node], place, statement_edits))

    def additions(self) -> Iterator[Edit]:
        """Edits that put in something new: statements, branches, conditions around statements.

        Made one by one: of the many only the first are tried.
        """
        for scope, place in self.places:
            yield from self._legal(_blocks(scope.node.body, [scope.node], place, addition_edits))

    def _legal(self, edits: Iterable[Edit]) -> Iterator[Edit]:
        return (edit for edit in edits if _fits(edit, self.loops))


def edit_space(
    tree: ast.Module,
    reference: ast.Module | None,
    entry_point: str,
) -> EditSpace:
    """What can be edited in a candidate, with the reference's material in its names."""
    found = scopes(tree)
    known = frozenset(
        name
        for scope in found
        for name in (*scope.functions, *(scope.variables if scope.parent is None else ()))
    ) | frozenset(_imported(tree))
    places = tuple(
        (scope, Place(scope.visible(), _ingredients(scope, reference, entry_point, known)))
        for scope in found
    )
    return EditSpace(tree, places, _in_loop(tree))


def _in_loop(tree: ast.Module) -> dict[int, bool | None]:
    """By statement: whether break is legal there; None at module level, where return is not
    either."""
    found: dict[int, bool | None] = {}

    def visit(body: list[ast.stmt], state: bool | None) -> None:
        for statement in body:
            found[id(statement)] = state
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                visit(statement.body, False)
            elif isinstance(statement, ast.For | ast.While | ast.AsyncFor):
                visit(statement.body, True)
                visit(statement.orelse, state)
            else:
                for block in blocks(statement):
                    visit(block, state)

    visit(tree.body, None)
    return found


def _fits(edit: Edit, loops: Mapping[int, bool | None]) -> bool:
    """Whether the grammar allows the new statements where they are put."""
    for change in edit.changes:
        if isinstance(change, Replace):
            continue
        state = loops.get(id(change.node))
        for statement in change.new:
            if not state and _leaves_loop(statement):
                return False
            if state is None and any(isinstance(n, ast.Return) for n in walk(statement)):
                return False
    return True


_SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return)  # most of what is put in


def _leaves_loop(node: ast.AST) -> bool:
    """Whether a break or continue in here belongs to a loop further out."""
    if isinstance(node, ast.Break | ast.Continue):
        return True
    if isinstance(node, _SIMPLE):
        return False
    if isinstance(node, ast.For | ast.While | ast.AsyncFor):
        return any(_leaves_loop(child) for child in node.orelse)
    return any(_leaves_loop(c) for c in child_nodes(node) if not isinstance(c, ast.expr))


def _blocks(
    body: list[ast.stmt],
    owners: list[ast.AST],
    place: Place,
    generate: Callable[[list[ast.stmt], list[ast.AST], Place], Iterator[Edit]],
) -> Iterator[Edit]:
    yield from generate(body, owners, place)
    for statement in body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for block in blocks(statement):
                yield from _blocks(block, [*owners, statement], place, generate)


def _everywhere(edits: list[Edit]) -> list[Edit]:
    """The same constant exchanged wherever a function has it, for slips made throughout."""
    groups: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        match edit:
            case Edit(changes=[Replace(ast.Constant() as old, ast.Name() | ast.Constant() as new)]):
                groups.setdefault((_token(old), _token(new)), []).append(edit)
    return [
        Edit(
            f"{group[0].kind} everywhere",
            tuple(change for edit in group for change in edit.changes),
            group[0].anchor,
        )
        for group in groups.values()
        if 2 <= len(group) <= 8
    ]


def _token(node: ast.Name | ast.Constant) -> str:
    return node.id if isinstance(node, ast.Name) else repr(node.value)


def _ingredients(
    scope: Scope, reference: ast.Module | None, entry_point: str, known: frozenset[str]
) -> Ingredients:
    partner = counterpart(scope, reference, entry_point) if reference is not None else None
    names = pair_names(scope, partner) if partner is not None else {}
    return collect(partner, names, known, scope.node)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0]


def touches(edit: Edit, lines: Collection[int]) -> bool:
    """Whether an edit changes something on one of these lines."""
    for change in edit.changes:
        first, last = change.node.lineno, change.node.end_lineno or change.node.lineno
        if first in lines or (last > first and any(n in lines for n in range(first + 1, last + 1))):
            return True
    return False
