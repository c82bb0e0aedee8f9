"""Which edits of a program are tried, in what order and how many: rounds of the edit search.

A round ends the search when one of its edits makes every input right. Inputs that the search cannot
run as the tests did are set aside for all rounds."""

from __future__ import annotations

import ast
from dataclasses import replace

from egca.execution.trace import Trace
from egca.localization.edit_program import edit_space, touches
from egca.localization.edits import Edit, Replace
from egca.localization.findings import Findings
from egca.localization.schemata import Schemata, build
from egca.localization.scope import Scope, scopes, simple_statements, stored_names, walk
from egca.localization.search import EditSearch, Score
from egca.localization.variants import SPARE_TICKS

# Of one round of edits, so that the later, rarer ones find something left.
MAX_RUNS, MAX_TICKS = 3_000, 80_000
OUT_OF_TIME = "the time budget ended before all edits were tried"
STUCK = "no more edits were tried, for run after run had to be killed"


def search_edits(found: Findings) -> None:
    """Try small edits; additions only when no change of what is there repairs everything.

    An edit that repairs every failing input changes a line that each failing run executes, so these
    come first; the others are tried for what they repair in part.
    """
    if found.budget.n_edits == 0:
        return
    if not all(one.is_known for one in found.inputs if one.is_failing):
        found.notes.append("a failing test has no expected value, so no repair can be checked")
        return
    space = edit_space(found.tree, found.reference_tree, found.problem.entry_point)
    runs = [executed(found, trace) for trace in found.runs.failing]
    everywhere = set.intersection(*runs) if runs else set()
    owners = {id(one): scope for scope in scopes(found.tree) for one in scope.statements}
    left = found.budget.n_edits
    skipped: list[Edit] = []
    for generate in (space.changes, space.additions):
        n = min(left, _n_affordable(found))
        common: list[Edit] = []
        for edit in generate() if n else ():
            if _makes_local(edit, owners):
                continue
            (common if touches(edit, everywhere) else skipped).append(edit)
            if len(common) == n:
                break
        if _try_all(found, common):
            return
        left -= len(common)
    n = min(left, _n_affordable(found))
    if n:
        somewhere = set().union(*runs)
        _try_all(found, [edit for edit in skipped if touches(edit, somewhere)][:n])


def _makes_local(edit: Edit, owners: dict[int, Scope]) -> bool:
    """Whether an edit stores to a name that its function reads from outside: woven in, it would
    make that a local one even while it is off."""
    for change in edit.changes:
        if isinstance(change, Replace):
            continue
        scope = owners.get(id(change.node))
        if scope is None or scope.parent is None:
            continue
        for new in change.new:
            for one in (new, *simple_statements(new)):
                if not set(stored_names(one)) <= set(scope.variables):
                    return True
    return False


def _n_affordable(found: Findings) -> int:
    """Edits that can still run at all: each on one input, after the program as it is on all.

    Where runs, ticks or time are spent no edit is made, nor one that would not get its turn.
    """
    if found.budget.n_ticks <= 0 or found.time_left_s <= 0:
        return 0
    return max(found.budget.n_runs - len(found.inputs), 0)


def _try_all(found: Findings, edits: list[Edit]) -> bool:
    """Try edits; whether the search is over: by a full repair, by the clock, or as hopeless."""
    scores = _try(found, edits)
    found.scores += scores
    is_hopeless = not any(
        one.is_failing for i, one in enumerate(found.inputs) if i not in found.set_aside
    )
    if is_hopeless or STUCK in found.notes:
        return True
    if found.time_left_s <= 0:
        found.notes.append(OUT_OF_TIME)
        return True
    return any(score.is_full(found.n_searched) for score in scores)


def executed(found: Findings, trace: Trace) -> set[int]:
    """Lines whose statements a run may have executed.

    A statement that raised has no event of its own, nor have break, continue, pass and loops over
    nothing: the places of the failure, everything inside a try, and those four always count.
    """
    lines = {
        line
        for site in trace.counts
        for line in range(trace.sites[site].statement[0], trace.sites[site].statement[2] + 1)
    }
    if trace.outcome.failure is not None:
        lines |= {frame.line for frame in trace.outcome.failure.frames}
    for node in walk(found.tree):
        if isinstance(node, ast.Break | ast.Continue | ast.Pass | ast.For):
            lines.add(node.lineno)
        elif isinstance(node, ast.Try):
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _try(found: Findings, edits: list[Edit]) -> list[Score]:
    if not edits or found.time_left_s <= 0:
        return []
    try:
        schemata = build(found.tree, edits)
    except (SyntaxError, ValueError, RecursionError):
        return _try_halves(found, edits)
    search = _search_of(found, schemata, edits)
    scores = search.find(found.set_aside)
    n_runs, n_ticks = search.spent
    found.budget = replace(
        found.budget,
        n_runs=max(found.budget.n_runs - n_runs, 0),
        n_ticks=max(found.budget.n_ticks - n_ticks, 0),
    )
    if search.has_given_up and STUCK not in found.notes:
        found.notes.append(STUCK)
    if search.set_aside <= found.set_aside:
        return scores
    if _set_aside(found):
        return _try(found, edits)
    # One of them changes the program even while it is off, or a run does not repeat itself.
    return _try_halves(found, edits)


def _try_halves(found: Findings, edits: list[Edit]) -> list[Score]:
    half = len(edits) // 2
    return _try(found, edits[:half]) + _try(found, edits[half:]) if half else []


def _set_aside(found: Findings) -> bool:
    """Set aside what not even the program without edits repeats; whether there is more of it."""
    bare = _search_of(found, build(found.tree, []), [])
    bare.find(frozenset())
    is_more = not bare.set_aside <= found.set_aside
    found.set_aside |= bare.set_aside
    found.is_complete = found.is_complete and not found.set_aside
    return is_more


def _search_of(found: Findings, schemata: Schemata, edits: list[Edit]) -> EditSearch:
    is_script = found.problem.kind == "script"
    return EditSearch(
        found.children.candidate,
        schemata,
        edits,
        [one.payload() for one in found.inputs],
        found.problem.kind,
        found.problem.entry_point,
        lambda call, output: found.inputs[call].accepts_output(output, is_script),
        lambda call, output: found.inputs[call].is_repeated(output, is_script),
        replace(
            found.budget,
            n_runs=min(found.budget.n_runs, MAX_RUNS),
            n_ticks=min(found.budget.n_ticks, MAX_TICKS),
            seconds=max(found.time_left_s, 0.01),
        ),
        _spare_ticks(found),
    )


def _spare_ticks(found: Findings) -> int:
    """Fewer where the reference shows how little it takes: edits that never end then cost less."""
    theirs = [trace.n_steps for trace in found.runs.reference_failing if trace.outcome.ok]
    return min(SPARE_TICKS, 60 + 4 * max(theirs)) if theirs else SPARE_TICKS
