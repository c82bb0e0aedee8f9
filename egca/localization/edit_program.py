"""All small edits of a whole program, in the order in which they are tried."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from egca.localization.edit_expressions import Place
from egca.localization.edit_statements import expression_edits, statement_edits
from egca.localization.edits import Edit, Replace
from egca.localization.ingredients import Ingredients, collect, counterpart, pair_names
from egca.localization.scope import Scope, blocks, scopes


def edits_of(
    tree: ast.Module,
    reference: ast.Module | None,
    entry_point: str,
    pairs: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Edit]:
    """Every edit of a candidate, grouped by statement in the order of the text.

    pairs gives, by function name, further pairs of reference and candidate variables (found by their
    values); pairs by position and by name are taken by themselves.
    """
    found = scopes(tree)
    known = frozenset(
        name
        for scope in found
        for name in (*scope.functions, *(scope.variables if scope.parent is None else ()))
    ) | frozenset(_imported(tree))
    edits: list[Edit] = []
    for scope in found:
        place = Place(scope.visible(), _ingredients(scope, reference, entry_point, known, pairs))
        for statement in scope.statements:
            edits += expression_edits(statement, place)
        edits += _blocks(scope.node.body, [scope.node], place)
        edits += _everywhere(edits, scope)
    loops = _in_loop(tree)
    return [edit for edit in edits if _fits(edit, loops)]


def _in_loop(tree: ast.Module) -> dict[int, bool | None]:
    """By statement: whether break is legal there; None at module level, where return is not either."""
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
            if state is None and any(isinstance(n, ast.Return) for n in ast.walk(statement)):
                return False
    return True


def _leaves_loop(node: ast.AST) -> bool:
    """Whether a break or continue in here belongs to a loop further out."""
    if isinstance(node, ast.Break | ast.Continue):
        return True
    if isinstance(node, ast.For | ast.While | ast.AsyncFor):
        return any(_leaves_loop(child) for child in node.orelse)
    return any(_leaves_loop(c) for c in ast.iter_child_nodes(node) if not isinstance(c, ast.expr))


def _blocks(body: list[ast.stmt], owners: list[ast.AST], place: Place) -> Iterator[Edit]:
    yield from statement_edits(body, owners, place)
    for statement in body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for block in blocks(statement):
                yield from _blocks(block, [*owners, statement], place)


def _everywhere(edits: list[Edit], scope: Scope) -> Iterator[Edit]:
    """The same name or constant exchanged wherever a function has it, for slips made throughout."""
    own = {id(node) for node in ast.walk(scope.node)}
    groups: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        match edit:
            case Edit(changes=[Replace(ast.Name() | ast.Constant() as old, ast.Name() | ast.Constant() as new)]):
                if id(old) in own:
                    groups.setdefault((_token(old), _token(new)), []).append(edit)
    for group in groups.values():
        if 2 <= len(group) <= 8:
            first = group[0]
            changes = tuple(change for edit in group for change in edit.changes)
            yield Edit(f"{first.kind} everywhere", changes, first.anchor, n_nodes=first.n_nodes)


def _token(node: ast.Name | ast.Constant) -> str:
    return node.id if isinstance(node, ast.Name) else repr(node.value)


def _ingredients(
    scope: Scope,
    reference: ast.Module | None,
    entry_point: str,
    known: frozenset[str],
    pairs: Mapping[str, Mapping[str, str]] | None,
) -> Ingredients:
    partner = counterpart(scope, reference, entry_point) if reference is not None else None
    names: dict[str, str] = {}
    if partner is not None:
        names = dict((pairs or {}).get(getattr(scope.node, "name", ""), {}))
        names |= pair_names(scope, partner)
    return collect(partner, names, known, scope.node)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0]


def reachable(edits: list[Edit], lines: Collection[int]) -> list[Edit]:
    """Only the edits that touch a line which was executed; nothing else can change a run."""
    return [
        edit
        for edit in edits
        if any(
            line in lines
            for change in edit.changes
            for line in range(change.node.lineno, (change.node.end_lineno or change.node.lineno) + 1)
        )
    ]
