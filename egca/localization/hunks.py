"""Where a candidate's text differs from its reference's: hunks, each one edit of the candidate.

Two programs in normal form (canonical.py) are matched block by block at the least cost, after the
reference's variables got the names of the candidate's that play the same part. What does not match
becomes a hunk: an expression or a statement to replace, to drop, to put in or to move. With all of
them the candidate is the reference; which of them matter is found out by running it (quick.py)."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from egca.localization.canonical import Block, Item, Test, canonical, n_nodes
from egca.localization.edits import Change, Edit, Insert, Replace, Rewrite
from egca.localization.keys import all_of, condition_key, key_of
from egca.localization.narrowing import indices_of, narrowed
from egca.localization.renaming import pair_variables, renamed

_COST = 2  # of a hunk beside its nodes: fewer are likelier; a condition turned round costs one more
_NEVER = 1_000_000  # cost of what cannot be expressed as a change of the text


@dataclass(frozen=True, slots=True)
class Hunk:
    """One difference. edit: what makes it go away.

    dropped, added: keys of the items that it only takes out or puts in, for telling moves.
    """

    edit: Edit
    dropped: tuple[object, ...] = ()
    added: tuple[object, ...] = ()


Match = tuple[int, tuple[Hunk, ...]]
_EQUAL: Match = (0, ())


def hunks_between(
    candidate: ast.Module, reference: ast.Module, entry_point: str
) -> tuple[list[Hunk], float] | None:
    """The hunks in the order of the text, and which part of the candidate they leave as it is.

    None where the two cannot be compared so: classes, other parameters, no such function.
    """
    ours, theirs = _functions(candidate), _functions(reference)
    if ours is None or theirs is None or entry_point not in ours or entry_point not in theirs:
        return None
    partners = _partners(ours, theirs, entry_point)
    names = {other: one for one, other in partners.items()}
    found: list[Hunk] = []
    cost = size = 0
    for name, other in partners.items():
        one, two = ours[name], theirs[other]
        if _shape(one.args) != _shape(two.args) or one.decorator_list or two.decorator_list:
            return None
        block = canonical(one.body)
        known = names | pair_variables(one, two, block, names)
        other_block = _renamed_block(two, tuple(sorted(known.items())))
        if not block:
            return None
        spent, hunks = _blocks(block, other_block)
        if spent >= _NEVER:
            return None
        found += hunks
        cost += spent
        size += sum(item.size for item in block) + sum(item.size for item in other_block)
    found = _moves(found)
    added = _top_level(candidate, reference, set(names))
    if added:
        first = candidate.body[0]
        edit = Edit("statement inserted", (Insert(first, tuple(added)),), first)
        found.append(Hunk(edit))
    return sorted(found, key=_place), 1.0 - min(cost / max(size, 1), 1.0)


def _place(hunk: Hunk) -> tuple[int, int]:
    return hunk.edit.anchor.lineno, hunk.edit.anchor.col_offset


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef] | None:
    found: dict[str, ast.FunctionDef] = {}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.ClassDef | ast.AsyncFunctionDef):
            return None
    return found


def _partners(
    ours: dict[str, ast.FunctionDef], theirs: dict[str, ast.FunctionDef], entry_point: str
) -> dict[str, str]:
    """Functions of the candidate and of the reference that belong together."""
    found = {name: name for name in ours if name in theirs}
    left = [name for name in ours if name not in found]
    right = [name for name in theirs if name not in found]
    return found | dict(zip(left, right, strict=False))


def _shape(arguments: ast.arguments) -> tuple[object, ...]:
    lists = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
    values = [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]
    extra = (arguments.vararg is None, arguments.kwarg is None)
    return (*map(len, lists), *extra, *map(key_of, values))


_blocks_of: dict[tuple[ast.FunctionDef, tuple[tuple[str, str], ...]], Block] = {}


def _renamed_block(function: ast.FunctionDef, names: tuple[tuple[str, str], ...]) -> Block:
    """The items of a reference in other names; remembered, for many candidates ask for the same."""
    known = _blocks_of.get((function, names))
    if known is None:
        if len(_blocks_of) >= 512:
            _blocks_of.clear()
        mapping = dict(names)
        body = [renamed(statement, mapping) for statement in function.body]
        known = _blocks_of[function, names] = canonical(body)
    return known


def _top_level(candidate: ast.Module, reference: ast.Module, known: set[str]) -> list[ast.stmt]:
    """What the reference has beside functions that both have, and the candidate lacks."""
    have = {ast.dump(one) for one in candidate.body if not isinstance(one, ast.FunctionDef)}
    return [
        one
        for one in reference.body
        if not (isinstance(one, ast.FunctionDef) and one.name in known)
        and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        and (isinstance(one, ast.FunctionDef) or ast.dump(one) not in have)
    ]


def _moves(hunks: list[Hunk]) -> list[Hunk]:
    """One hunk for what is dropped here and put in there."""
    found = [hunk for hunk in hunks if not hunk.added]
    for hunk in hunks:
        if not hunk.added:
            continue
        source = next((one for one in found if one.dropped == hunk.added), None)
        if source is None:
            found.append(hunk)
            continue
        edit = source.edit
        both = Edit("statement moved", (*edit.changes, *hunk.edit.changes), edit.anchor)
        found[found.index(source)] = Hunk(both)
    return found


def _blocks(ours: Block, theirs: Block) -> Match:
    """The cheapest way to make one block the other: edit distance over items."""
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start].key == theirs[start].key:
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end].key == theirs[-1 - end].key:
        end += 1
    left, right = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    if not left and not right:
        return _EQUAL
    if right and not ours:
        return _NEVER, ()
    # best[j]: of making left[:i] right[:j]; steps as (kind, i, j) come out of the back pointers.
    table: list[list[tuple[int, str, Match]]] = [[(0, "", _EQUAL)]]
    for j, item in enumerate(right):
        table[0].append((table[0][j][0] + _COST + item.size, "insert", _EQUAL))
    for i, one in enumerate(left):
        row = [(table[i][0][0] + _COST + one.size, "drop", _EQUAL)]
        for j, other in enumerate(right):
            match = _items(one, other)
            options = (
                (table[i][j][0] + match[0], "match", match),
                (table[i][j + 1][0] + _COST + one.size, "drop", _EQUAL),
                (row[j][0] + _COST + other.size, "insert", _EQUAL),
            )
            row.append(min(options, key=lambda option: option[0]))
        table.append(row)
    return table[-1][-1][0], _walked(table, left, right, ours, start)


def _walked(
    table: list[list[tuple[int, str, Match]]],
    left: Block,
    right: Block,
    ours: Block,
    start: int,
) -> tuple[Hunk, ...]:
    """The hunks along the cheapest path; insertions side by side are one."""
    found: list[Hunk] = []
    inserted: list[Item] = []
    i, j = len(left), len(right)
    while i or j:
        _, step, match = table[i][j]
        if step == "insert":
            j -= 1
            inserted.insert(0, right[j])
            continue
        if inserted:
            found.append(_insertion(ours, start + i, inserted))
            inserted = []
        i -= 1
        if step == "match":
            j -= 1
            found += match[1]
        else:
            found.append(_dropping(left[i]))
    if inserted:
        found.append(_insertion(ours, start, inserted))
    return tuple(found[::-1])


def _insertion(ours: Block, at: int, items: Sequence[Item]) -> Hunk:
    new = tuple(node for item in items for node in item.nodes)
    if at < len(ours):
        place = ours[at].nodes[0]
        change = Insert(place, new)
    else:
        place = ours[-1].nodes[-1]
        change = Insert(place, new, after=True)
    added = tuple(item.key for item in items)
    return Hunk(Edit("statement inserted", (change,), place), added=added)


def _dropping(item: Item) -> Hunk:
    changes = tuple(Rewrite(node) for node in item.nodes)
    place = item.nodes[0]
    return Hunk(Edit("statement removed", changes, place), dropped=(item.key,))


def _items(one: Item, other: Item) -> Match:
    """The cheapest way to make one item another, at worst by replacing all of it."""
    if one.key == other.key:
        return _EQUAL
    changes: list[Change] = [Rewrite(one.nodes[0], other.nodes)]
    changes += [Rewrite(node) for node in one.nodes[1:]]
    place = one.nodes[0]
    kind = "statement" if one.is_simple and other.is_simple else "block"
    whole: Match = (
        _COST + one.size + other.size,
        (Hunk(Edit(kind, tuple(changes), place)),),
    )
    if one.kind != other.kind:
        return whole
    found = [whole]
    match one.kind:
        case "assign" | "return" | "expression":
            found += _values(one, other)
        case "if":
            found += _branches(one, other)
        case "for":
            found += _loops(one, other)
        case "while":
            tests = _tests(one.tests, other.tests)
            found.append(_together(tests, _blocks(one.body, other.body)))
    return min(reversed(found), key=lambda match: match[0])


def _together(*matches: Match) -> Match:
    return sum(cost for cost, _ in matches), tuple(hunk for _, more in matches for hunk in more)


def _values(one: Item, other: Item) -> list[Match]:
    if one.bound != other.bound or one.value is None or other.value is None:
        return []
    old, new = narrowed(one.value, other.value)
    if not hasattr(old, "lineno"):
        return []
    return [_replaced(old, new)]


def _replaced(old: ast.expr, new: ast.expr, *more: Change) -> Match:
    edit = Edit("expression", (Replace(old, new), *more), old)
    return _COST + n_nodes(old) + n_nodes(new), (Hunk(edit),)


def _branches(one: Item, other: Item) -> list[Match]:
    straight = _together(
        _tests(one.tests, other.tests),
        _blocks(one.body, other.body),
        _blocks(one.orelse, other.orelse),
    )
    if len(other.tests) != 1 or not (one.orelse or other.orelse):
        return [straight]
    opposite = (replace(other.tests[0], negated=not other.tests[0].negated),)
    crossed = _together(
        _tests(one.tests, opposite),
        _blocks(one.body, other.orelse),
        _blocks(one.orelse, other.body),
    )
    return [crossed, straight]


def _tests(ours: Sequence[Test], theirs: Sequence[Test]) -> Match:
    """Make conditions that all have to hold others: one by one where there are as many."""
    if all_of([one.key for one in ours]) == all_of([one.key for one in theirs]):
        return _EQUAL
    if len(ours) == len(theirs):
        pairs = [
            _test(one, other)
            for one, other in zip(ours, theirs, strict=True)
            if one.key != other.key
        ]
        return _together(*pairs)
    first, *rest = ours
    wanted: list[ast.expr] = [_holding(one, False) for one in theirs]
    new = wanted[0] if len(wanted) == 1 else ast.BoolOp(ast.And(), wanted)
    if first.negated:
        new = _opposite(new)
    others = [Replace(one.node, ast.Constant(not one.negated)) for one in rest]
    return _replaced(first.node, new, *others)


def _test(one: Test, other: Test) -> Match:
    if one.key == condition_key(other.node, not other.negated):
        _, hunks = _replaced(one.node, _holding(other, one.negated))
        return _COST + 1, hunks
    old, new = one.node, _holding(other, one.negated)
    if one.negated == other.negated:
        old, new = narrowed(old, new)
    return _replaced(old, new)


def _holding(test: Test, negated: bool) -> ast.expr:
    """The expression that says what a test says, or with `negated` its opposite."""
    return test.node if test.negated == negated else _opposite(test.node)


_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def _opposite(node: ast.expr) -> ast.expr:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[op], comparators=rights):
            return ast.Compare(left, [_OPPOSITES[type(op)]()], rights)
    return ast.UnaryOp(ast.Not(), node)


def _loops(one: Item, other: Item) -> list[Match]:
    """A loop over something else; a loop with other variables is another statement."""
    if one.bound != other.bound or one.loop is None or one.value is None or other.value is None:
        return []
    body = _blocks(one.body, other.body)
    if key_of(one.value) == key_of(other.value):
        return [body]
    loop, new = one.loop, other.value
    if loop.prelude and key_of(loop.iterable) != key_of(one.value):  # over indices
        if len(loop.prelude) != 1 or not isinstance(loop.prelude[0].targets[0], ast.Name):
            return []
        inner = loop.prelude[0].value
        if isinstance(inner, ast.Call):
            inner = inner.args[0]
        if not isinstance(inner, ast.Subscript):
            return []
        indices = indices_of(new, inner.value)
        if indices is not None:
            return [_together(_replaced(loop.iterable, indices), body)]
        item = Replace(inner, inner.slice)
        return [_together(_replaced(loop.iterable, new, item), body)]
    old = loop.iterable
    if loop.wrap and not loop.prelude and isinstance(old, ast.Call):  # map(wrap, old)
        old = old.args[1]
    return [_together(_replaced(*narrowed(old, new)), body)]
