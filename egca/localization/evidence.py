"""All evidence on each line of a candidate, as numbers that a score can be made of.

A `Feature` is a name and a number in [0, 1] or a small logarithm; absent means 0. What the numbers
are worth is learnt from data (scoring.py); here is only what they are."""

from __future__ import annotations

import ast
import builtins
import difflib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from egca.execution.trace import Trace
from egca.localization.edits import Edit, Replace
from egca.localization.likeness import likeness
from egca.localization.scope import (
    LEFT_ALONE,
    FunctionNode,
    blocks,
    is_docstring,
    scopes,
    simple_statements,
    stored_names,
    walk,
)
from egca.localization.search import Score
from egca.localization.spectrum import (
    Parting,
    branch_spectrum,
    pair_sites,
    statement_spectrum,
)
from egca.types import Failure


@dataclass(slots=True)
class Evidence:
    """Features by line, and the material they came from."""

    features: dict[int, dict[str, float]] = field(default_factory=dict)
    partings: list[Parting] = field(default_factory=list)
    repairs: list[Score] = field(default_factory=list)

    @property
    def has_repair(self) -> bool:
        """Whether one small edit makes every input right."""
        return bool(self.repairs)

    def note(self, line: int, name: str, value: float = 1.0) -> None:
        """Keep the largest value of a feature."""
        row = self.features.get(line)
        if row is not None and value > row.get(name, 0.0):
            row[name] = value


@dataclass(frozen=True, slots=True)
class Runs:
    """Traces of the same inputs; the reference's are empty without a reference."""

    failing: Sequence[Trace] = ()
    passing: Sequence[Trace] = ()
    reference_failing: Sequence[Trace] = ()
    reference_passing: Sequence[Trace] = ()
    failures: Sequence[Failure] = ()


def gather(
    tree: ast.Module,
    reference: ast.Module | None,
    entry_point: str,
    runs: Runs,
    scores: Sequence[Score],
    n_calls: int,
) -> Evidence:
    """Collect the features of every line that holds code."""
    evidence = Evidence({line: {} for line in code_lines(tree, scores)})
    _from_form(tree, evidence)
    _from_spectrum(tree, runs, evidence)
    _from_histories(runs, evidence)
    _from_failures(tree, runs, evidence)
    alike = likeness(tree, reference, entry_point)
    for line in alike.alone:
        evidence.note(line, "differs from reference", alike.share)
    _from_edits(tree, scores, n_calls, evidence)
    return evidence


def code_lines(tree: ast.Module, scores: Sequence[Score] = ()) -> list[int]:
    """Lines on which a statement begins (no docstrings, imports, headers of functions), or an
    edit."""
    lines = {
        statement.lineno
        for statement in simple_statements(tree)
        if not is_docstring(statement) and not isinstance(statement, LEFT_ALONE)
    }
    lines |= {score.edit.anchor.lineno for score in scores}
    return sorted(lines) or [1]


def _from_form(tree: ast.Module, evidence: Evidence) -> None:
    """What a statement is and where it stands."""
    for statement in simple_statements(tree):
        line = statement.lineno
        match statement:
            case ast.Return():
                evidence.note(line, "return")
            case ast.If() | ast.While():
                evidence.note(line, "condition")
            case ast.For():
                evidence.note(line, "loop")
            case ast.Assign(value=ast.Constant() | ast.List() | ast.Dict()):
                evidence.note(line, "plain assignment")
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                evidence.note(line, "assignment")
            case ast.Expr():
                evidence.note(line, "call")
            case ast.Pass():
                evidence.note(line, "pass")
        if isinstance(statement, ast.For | ast.While):
            for block in blocks(statement):
                for inner in block:
                    for one in [inner, *simple_statements(inner)]:
                        evidence.note(one.lineno, "in a loop")
        if isinstance(statement, FunctionNode) and statement.body:
            evidence.note(statement.body[-1].lineno, "last statement")
    for line in undefined_names(tree):
        evidence.note(line, "undefined name")


def undefined_names(tree: ast.Module) -> Iterator[int]:
    """Lines of functions that read a name which nothing visible can have defined."""
    defined = set(dir(builtins)) | {"__name__", "__file__"}
    for node in walk(tree):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                defined |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                defined.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                defined.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                defined.add(name)
            case ast.Global(names=globals_):
                defined |= set(globals_)
    if "*" in defined:
        return
    for scope in scopes(tree)[1:]:
        seen = defined | set(scope.visible())
        for node in walk(scope.node):  # what is bound further in: lambdas, comprehensions
            if isinstance(node, ast.arg):
                seen.add(node.arg)
            elif isinstance(node, ast.comprehension):
                seen |= {n.id for n in walk(node.target) if isinstance(n, ast.Name)}
        inside = {id(n) for s in scopes(tree)[1:] if s.parent is scope for n in walk(s.node)}
        for node in walk(scope.node):
            match node:
                case ast.Name(id=name, ctx=ast.Load()) if name not in seen:
                    if id(node) not in inside:
                        yield node.lineno


def _from_spectrum(tree: ast.Module, runs: Runs, evidence: Evidence) -> None:
    spectrum = statement_spectrum(runs.failing, runs.passing)
    for owner in simple_statements(tree):
        for block in blocks(owner):
            for statement in block:  # without events of their own: as what decides on them
                if isinstance(statement, ast.Pass | ast.Break | ast.Continue):
                    spectrum.setdefault(statement.lineno, spectrum.get(owner.lineno, 0.0))
    for line, value in spectrum.items():
        evidence.note(line, "spectrum", value)
        if value:
            evidence.note(line, "executed")
    for line, value in branch_spectrum(runs.failing, runs.passing).items():
        evidence.note(line, "branch spectrum", value)


def _from_histories(runs: Runs, evidence: Evidence) -> None:
    """Places that agreed with the reference on passing inputs and part from it on a failing one."""
    if not runs.reference_failing:
        return
    pairing = pair_sites(runs.passing, runs.reference_passing)
    for candidate, reference in zip(runs.failing, runs.reference_failing, strict=False):
        partings = pairing.partings(candidate, reference)
        if not evidence.partings:
            evidence.partings = partings
        for rank, parting in enumerate(partings):
            evidence.note(parting.site.statement[0], "values part", 1 / (1 + rank))
        for site in pairing.partners:
            if site in candidate.counts and site not in {p.site.id for p in partings}:
                evidence.note(candidate.sites[site].statement[0], "values agree")


def _from_failures(tree: ast.Module, runs: Runs, evidence: Evidence) -> None:
    for failure in runs.failures:
        if failure.frames:
            last = failure.frames[-1]
            name = "timeout" if failure.cause == "timeout" else "raises"
            evidence.note(last.line, name)
            for frame in failure.frames[:-1]:
                evidence.note(frame.line, f"{name} below")
            if name == "timeout":
                for loop in loops_around(tree, last.line):
                    evidence.note(loop.lineno, "loop that does not end")
                    tested = _names(loop.test) if isinstance(loop, ast.While) else set()
                    for one in simple_statements(loop):
                        evidence.note(one.lineno, "in a loop that does not end")
                        if not tested.isdisjoint(stored_names(one)):
                            evidence.note(one.lineno, "feeds a loop that does not end")


def loops_around(tree: ast.Module, line: int) -> list[ast.stmt]:
    return [
        statement
        for statement in simple_statements(tree)
        if isinstance(statement, ast.While | ast.For)
        and statement.lineno <= line <= (statement.end_lineno or line)
    ]


def closeness(edit: Edit) -> float:
    """How much of the edited text stays, in [0, 1]; an addition counts by its size alone."""
    change = edit.changes[0]
    if not isinstance(change, Replace):
        return 1 / (1 + edit.n_nodes)
    old, new = ast.unparse(change.node), ast.unparse(change.new)
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio()


def kept_names(edit: Edit) -> float:
    """Share of the names read by the original that the new expression reads too.

    A repair that reads nothing of what was worked out before replaces the program, not its fault.
    """
    change = edit.changes[0]
    if not isinstance(change, Replace):
        return 0.0
    old, new = _names(change.node), _names(change.new)
    return len(old & new) / len(old) if old else 1.0


def keeps_work(edit: Edit, worked_out: set[str]) -> bool:
    """Whether an edit goes on using what the program has worked out until there.

    One that reads no variable where the original read some, or returns without any, goes round
    the program: it says little about where the fault is.
    """
    for change in edit.changes:
        if isinstance(change, Replace):
            if _names(change.node) & worked_out and not _names(change.new) & worked_out:
                return False
            continue
        for node in (node for statement in change.new for node in walk(statement)):
            names = _names(node) if isinstance(node, ast.Return) and worked_out else set()
            if names and not names & worked_out:
                return False
    return True


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in walk(node) if isinstance(n, ast.Name)}


def _from_edits(
    tree: ast.Module, scores: Sequence[Score], n_calls: int, evidence: Evidence
) -> None:
    """Repairs of everything by kind; without one, what the partial ones achieve."""
    worked_out = {
        name
        for statement in simple_statements(tree)
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for name in stored_names(statement)
    } - {node.arg for node in walk(tree) if isinstance(node, ast.arg)}
    # One that goes round the program says nothing about where its fault is.
    scores = [score for score in scores if keeps_work(score.edit, worked_out)]
    full = evidence.repairs = [score for score in scores if score.is_full(n_calls)]
    counts: dict[int, int] = defaultdict(int)
    for score in full:
        line = score.edit.anchor.lineno
        counts[line] += 1
        evidence.note(line, "repair")
        evidence.note(line, f"repair: {score.edit.kind}")
        evidence.note(line, "small repair", 1 / (1 + score.edit.n_nodes))
        evidence.note(line, "close repair", closeness(score.edit))
        evidence.note(line, "repair keeps names", kept_names(score.edit))
    for line, number in counts.items():
        evidence.note(line, "number of repairs", math.log1p(number) / 3)
        evidence.note(line, "share of repairs", number / len(full))
    if full:
        return
    n_failing = max((len(score.repaired) for score in scores), default=0)
    for score in scores:
        line = score.edit.anchor.lineno
        share = len(score.repaired) / n_failing
        if not score.broken:
            evidence.note(line, "partial repair", share)
        else:
            evidence.note(line, "costly repair", share * (1 - len(score.broken) / n_calls))
