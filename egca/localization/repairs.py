"""Which repair of a line is suggested: one that passes every test as text, near ones first.

The search tried edits woven into the program, input by input; what a person would paste in can
differ from that: tests share the program's state, look at arguments afterwards, and text has rules
of its own."""

from __future__ import annotations

import ast
import builtins

from egca.execution.judging import judge
from egca.localization.edit_text import as_text
from egca.localization.edits import Edit, Replace
from egca.localization.evidence import closeness
from egca.localization.findings import Findings
from egca.localization.scope import walk
from egca.localization.tame import is_tame_source
from egca.types import Program, Repair, SourceMap

N_JUDGED = 3  # until one holds as text
N_WRITTEN = 12  # until one can be written
_OPERATOR = 0.8  # closeness of "a + b" to "a - b"
_TRUTHS = frozenset(("all", "any", "bool", "callable", "hasattr", "isinstance", "issubclass"))


def suggested(
    found: Findings, source_map: SourceMap, line: int
) -> tuple[tuple[Edit, Repair] | None, str]:
    """The repair to show for a line, or why there is none; "" where no edit of it is one."""
    edits = _near_first(found, line)
    texts = ((edit, as_text(found.tree, source_map, edit)) for edit in edits[:N_WRITTEN])
    n_judged = 0
    for edit, repair in texts:
        if repair is None:
            continue
        if _holds(found, repair.source):
            return (edit, repair), ""
        n_judged += 1
        if n_judged == N_JUDGED:
            break
    if n_judged:
        return None, (
            "an edit makes each input right that was tried, but the edited program does not pass "
            "every test"
        )
    return None, "an edit makes every input right, but cannot be written as text" if edits else ""


def _holds(found: Findings, source: str) -> bool:
    """Whether an edited program passes every test.

    In the child that is there already, unless something may have been left behind in it.
    """
    is_plain = is_tame_source(found.program.source) and is_tame_source(source)
    try:
        return judge(
            found.problem,
            Program(source),
            sandbox=found.sandbox,
            limits=found.limits,
            stop_at_first=True,
            children=found.children if is_plain else None,
        ).passed
    except ValueError:
        return False


def _near_first(found: Findings, line: int) -> list[Edit]:
    """Full repairs on a line: those that change least of the text first."""
    full = [score.edit for score in found.evidence.repairs if score.edit.anchor.lineno == line]
    conditions = _conditions(found.tree)

    def key(edit: Edit) -> tuple[object, ...]:
        change = edit.changes[0]
        is_odd = isinstance(change, Replace) and _is_odd(change, conditions)
        nearness = _nearness(edit)
        return not isinstance(change, Replace), is_odd, -nearness, -closeness(edit), edit.n_nodes

    return sorted(full, key=key)


def _nearness(edit: Edit) -> float:
    """Closeness; what leaves a part away or does as the reference is no farther than an operator.

    By the characters alone "n" would be far from "n + 1", and "not float(x)" near to "float(x)".
    """
    change = edit.changes[0]
    near = closeness(edit)
    if not isinstance(change, Replace):
        return near
    if edit.kind == "ingredient" or any(part is change.new for part in walk(change.node)[1:]):
        return max(near, _OPERATOR)
    return near


def _is_odd(change: Replace, conditions: frozenset[int]) -> bool:
    """Whether it takes the opposite of a builtin's number or text, where no truth is wanted."""
    match change.new:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Name(id=name))):
            is_number = name in dir(builtins) and name not in _TRUTHS
            return is_number and id(change.node) not in conditions
    return False


def _conditions(tree: ast.Module) -> frozenset[int]:
    """Expressions, by id, of which only the truth matters."""
    found: list[ast.expr] = []
    for node in walk(tree):
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                found.append(test)
            case ast.Assert(test=test) | ast.UnaryOp(op=ast.Not(), operand=test):
                found.append(test)
            case ast.BoolOp(values=values) | ast.comprehension(ifs=values):
                found += values
    return frozenset(map(id, found))
