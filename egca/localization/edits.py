"""Small edits of a program: what they change, and how one becomes real source text.

An edit is a list of changes to nodes of one parsed program. Hundreds of them are compiled in at
once by schemata.py, which never changes the tree; `apply` makes a single one real, as a suggested
repair."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


def header(statement: ast.stmt) -> ast.stmt | ast.expr:
    """What a person would underline: the statement, or the deciding part of a compound one."""
    match statement:
        case ast.If(test=test) | ast.While(test=test):
            return test
        case ast.For(iter=iterable) | ast.AsyncFor(iter=iterable):
            return iterable
    return statement


def statement_span(source_map: SourceMap, statement: ast.stmt) -> Span:
    """Span of a statement; of a compound one only its header ("if x > 0:")."""
    whole = source_map.span_of(statement)
    body = getattr(statement, "body", None)
    if isinstance(statement, ast.Try):
        return source_map.span(whole.start, whole.start + len("try:"))
    if isinstance(statement, ast.Match):
        return source_map.span(whole.start, source_map.span_of(statement.subject).end)
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


def apply(source: str, source_map: SourceMap, edit: Edit) -> tuple[Span, str, str]:
    """Make an edit real: (span replaced, its new text, the whole new source).

    Several changes are joined into the one span that covers them all. The text outside the changed
    nodes stays as it was, comments included.
    """
    bare = _apply(source, source_map, edit, parentheses=False)
    if not any(isinstance(c, Replace) and needs_parentheses(c.new) for c in edit.changes):
        return bare
    safe = _apply(source, source_map, edit, parentheses=True)
    return bare if _same_program(bare[2], safe[2]) else safe


def _same_program(left: str, right: str) -> bool:
    try:
        return ast.dump(ast.parse(left)) == ast.dump(ast.parse(right))
    except (SyntaxError, ValueError, RecursionError):
        return False


def _apply(
    source: str, source_map: SourceMap, edit: Edit, parentheses: bool
) -> tuple[Span, str, str]:
    pieces = sorted(_piece(source, source_map, change, parentheses) for change in edit.changes)
    start = pieces[0][0]
    end = max(piece[1] for piece in pieces)
    text = ""
    position = start
    for first, last, new in pieces:
        text += source[position:first] + new
        position = max(position, last)
    text += source[position:end]
    if start == end:  # an insertion: show the rest of its line too
        line_end = source.find("\n", start)
        line_end = len(source) if line_end < 0 else line_end
        text += source[end:line_end]
        end = line_end
    whole = source[:start] + text + source[end:]
    return source_map.span(start, max(end, start + 1)), text, whole


def _piece(
    source: str, source_map: SourceMap, change: Change, parentheses: bool
) -> tuple[int, int, str]:
    """(start, end, new text) of one change."""
    span = source_map.span_of(change.node)
    if isinstance(change, Replace):
        text = ast.unparse(change.new)
        if parentheses and needs_parentheses(change.new):
            text = f"({text})"
        return span.start, span.end, text
    indent = " " * span.column
    if isinstance(change, Rewrite):
        return span.start, span.end, _block(change.new or (ast.Pass(),), indent)
    block = _block(change.new, indent)
    if change.after:
        return span.end, span.end, "\n" + indent + block
    return span.start, span.start, block + "\n" + indent


def _block(statements: Sequence[ast.stmt], indent: str) -> str:
    lines = "\n".join(ast.unparse(statement) for statement in statements).split("\n")
    return ("\n" + indent).join(lines)


def needs_parentheses(node: ast.expr) -> bool:
    """Whether an expression may need them wherever an operand can stand."""
    return isinstance(
        node,
        ast.BinOp
        | ast.BoolOp
        | ast.Compare
        | ast.UnaryOp
        | ast.IfExp
        | ast.Lambda
        | ast.NamedExpr
        | ast.Await,
    )
