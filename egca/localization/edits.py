"""Small edits of a program: what they change, and which statement a place belongs to.

An edit is a list of changes to nodes of one parsed program. Hundreds of them are compiled in at
once by schemata.py, which never changes the tree; edit_text.py makes a single one real, as a
suggested repair."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from egca.localization.scope import simple_statements
from egca.types import SourceMap, Span


@dataclass(frozen=True, slots=True, eq=False)
class Replace:
    """An expression becomes another one."""

    node: ast.expr
    new: ast.expr


@dataclass(frozen=True, slots=True, eq=False)
class Rewrite:
    """A statement becomes these; an empty list drops it."""

    node: ast.stmt
    new: tuple[ast.stmt, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """Statements appear before a statement (or after it)."""

    node: ast.stmt
    new: tuple[ast.stmt, ...]
    after: bool = False


Change = Replace | Rewrite | Insert


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """One small edit.

    kind is the operator's name ("comparison", "constant", ...), used for its weight; anchor is the
    node that it makes suspicious.
    """

    kind: str
    changes: tuple[Change, ...]
    anchor: ast.expr | ast.stmt

    @property
    def n_nodes(self) -> int:
        """Size of what comes in; 0 for what is only dropped."""
        change = self.changes[0]
        if isinstance(change, Replace):
            return size(change.new)
        if isinstance(change, Rewrite) and len(self.changes) == 1 and change.new:
            return max(sum(map(size, change.new)) - size(change.node), 1)
        if isinstance(change, Insert):
            return sum(map(size, change.new))
        return 0 if not any(c.new for c in self.changes if not isinstance(c, Replace)) else 1


def replace(kind: str, node: ast.expr, new: ast.expr) -> Edit:
    """An edit of a single expression."""
    return Edit(kind, (Replace(node, new),), node)


def size(node: ast.AST) -> int:
    """Number of nodes, contexts and operators not counted."""
    return 1 + sum(size(child) for child in children(node))


def children(node: ast.AST) -> Iterator[ast.AST]:
    """Child nodes that have a meaning of their own: no contexts, no operators."""
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            if value._attributes or value._fields:
                yield value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, ast.AST) and (item._attributes or item._fields):
                    yield item


def header_span(source_map: SourceMap, statement: ast.stmt) -> Span:
    """What a person would underline: the statement, or the deciding part of a compound one."""
    whole = statement_span(source_map, statement)
    match statement:
        case ast.If(test=part) | ast.While(test=part) | ast.Match(subject=part):
            return source_map.span_of(part)
        case ast.For(iter=part) | ast.AsyncFor(iter=part):
            return source_map.span_of(part)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            last = items[-1].optional_vars or items[-1].context_expr
            start = source_map.span_of(items[0].context_expr).start
            part_span = source_map.span(start, source_map.span_of(last).end)
            return part_span if part_span.line == whole.line else whole
    return whole


def anchor_span(source_map: SourceMap, edit: Edit) -> Span:
    """What an edit makes suspicious."""
    if isinstance(edit.anchor, ast.stmt):
        return header_span(source_map, edit.anchor)
    return source_map.span_of(edit.anchor)


def statement_span(
    source_map: SourceMap, statement: ast.stmt | ast.ExceptHandler | ast.match_case
) -> Span:
    """Span of a statement; of a compound one or a part of it only its header ("if x > 0:")."""
    if isinstance(statement, ast.match_case):
        line = statement.pattern.lineno
        text = source_map.line_text(line)
        start = source_map.offset(line, 0) + len(text) - len(text.lstrip())
        whole = source_map.span(start, source_map.span_of(statement.pattern).end)
    else:
        whole = source_map.span_of(statement)
    if isinstance(statement, ast.Match):
        subject = source_map.span_of(statement.subject)
        return source_map.span(whole.start, source_map.source.index(":", subject.end) + 1)
    body = getattr(statement, "body", None)
    if not isinstance(body, list) or not body:
        return whole
    first = body[0]
    start = min(
        [source_map.offset(first.lineno, first.col_offset)]
        + [source_map.span_of(d).start for d in getattr(first, "decorator_list", [])]
    )
    text = source_map.source[whole.start : start]
    end = whole.start + _code_length(text)
    return source_map.span(whole.start, max(end, whole.start + 1))


def _code_length(text: str) -> int:
    """Length of a header's text without what follows its last colon outside comments."""
    end = 0
    position = 0
    for line in text.splitlines(keepends=True):
        code = line.split("#", 1)[0] if "'" not in line and '"' not in line else line
        if code.strip():
            end = position + len(code.rstrip())
        position += len(line)
    return end


def statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """The first statement that begins on a line, else the innermost that spans it."""
    best: ast.stmt | None = None
    for statement in simple_statements(tree):
        if statement.lineno == line:
            return statement
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            best = statement
    return best


def statement_of(source_map: SourceMap, tree: ast.Module, inner: Span) -> Span:
    """Span of the innermost statement that holds a place, of a compound one only its header.

    The place itself where no statement does.
    """
    best: ast.stmt | None = None
    for statement in simple_statements(tree):
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        is_near = first <= inner.line and inner.end_line <= last  # cheaper to tell
        if is_near and inner.within(source_map.span_of(statement)):
            best = statement
    best = best or statement_at(tree, inner.line)
    if best is None:
        return inner
    parts = [best, *getattr(best, "handlers", ()), *getattr(best, "cases", ())]
    spans = [statement_span(source_map, part) for part in parts]
    return next((span for span in spans if inner.within(span)), inner)
