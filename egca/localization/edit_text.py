"""How an edit becomes source text: only where the text says what was tried.

Text outside the changed nodes stays as it was, comments included. What is written is parsed again
and compared with what the edit means, because text has rules that no tree shows: quotes within
f-strings, several statements on a line, `elif`, indentation by tabs."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence

from egca.localization.edits import Change, Edit, Insert, Replace, Rewrite
from egca.localization.scope import walk
from egca.structure.normalise import parse
from egca.types import Repair, SourceMap

_OTHER_QUOTES = str.maketrans("\"'", "'\"")
_UNIT = "    "  # of ast.unparse, and of a program without any block
_NO_MEANING = frozenset(("ctx", "kind", "type_comment"))  # fields that generated nodes may lack


class _Unwritable(Exception):
    """There is no room for the edit in the text."""


def as_text(tree: ast.Module, source_map: SourceMap, edit: Edit) -> Repair | None:
    """The edit as a replacement of source text; None where no text was found that says it.

    Several changes are joined into the one span that covers them all.

    Args:
        tree: of the source, with the nodes that the edit changes.
    """
    tried: set[str] = set()
    for quotes in (False, True):  # the other ones, for what stands within an f-string
        for parentheses in (False, True):
            try:
                repair = _written(tree, source_map, edit, parentheses, quotes)
            except _Unwritable:
                return None
            if repair.source not in tried and _says(repair.source, tree, edit):
                return repair
            tried.add(repair.source)
    return None


def _written(
    tree: ast.Module, source_map: SourceMap, edit: Edit, parentheses: bool, quotes: bool
) -> Repair:
    source = source_map.source
    pieces: list[tuple[int, int, str]] = []
    for change in edit.changes:
        if isinstance(change, Replace):
            pieces.append(_expression(source_map, change, parentheses, quotes))
        else:
            pieces.append(_statements(tree, source_map, change))
    pieces = sorted(dict.fromkeys(pieces), key=lambda piece: piece[:2])
    start = position = pieces[0][0]
    text = ""
    for first, last, new in pieces:
        if first < position:
            raise _Unwritable
        text += source[position:first] + new
        position = last
    end = position
    if start == end:  # an insertion: show the line that it is put in beside
        line_text, line_start = _line_at(source_map, start)
        code = line_text.strip()
        first = line_start + line_text.index(code)
        text = source[first:start] + text + source[end : first + len(code)]
        start, end = first, first + len(code)
    whole = source[:start] + text + source[end:]
    return Repair(source_map.span(start, end), source[start:end], text, whole)


def _line_at(source_map: SourceMap, offset: int) -> tuple[str, int]:
    """Text of the line of an offset, and where it starts."""
    line, column = source_map.position(offset)
    return source_map.line_text(line), offset - column


def _expression(
    source_map: SourceMap, change: Replace, parentheses: bool, quotes: bool
) -> tuple[int, int, str]:
    span = source_map.span_of(change.node)
    text = ast.unparse(change.new)
    if parentheses and _needs_parentheses(change.new):
        text = f"({text})"
    if quotes:
        text = text.translate(_OTHER_QUOTES)
    before = source_map.source[: span.start][-1:]
    after = source_map.source[span.end : span.end + 1]
    if _is_of_word(before) and _is_of_word(text[:1]):  # "return-x" to "return x"
        text = f" {text}"
    if _is_of_word(text[-1:]) and _is_of_word(after):
        text = f"{text} "
    return span.start, span.end, text


def _is_of_word(character: str) -> bool:
    return character == "_" or character.isalnum()


def _statements(
    tree: ast.Module, source_map: SourceMap, change: Rewrite | Insert
) -> tuple[int, int, str]:
    node = change.node
    span = source_map.span_of(node)
    start = span.start
    if getattr(node, "decorator_list", None):
        start = source_map.span_of(node.decorator_list[0]).start  # type: ignore[attr-defined]
        start = source_map.source.rindex("@", 0, start)
    line_text, line_start = _line_at(source_map, start)
    indent = line_text[: start - line_start]
    last_text, last_start = _line_at(source_map, span.end)
    rest = last_text[span.end - last_start :].rstrip()
    shares_line = bool(indent.strip()), rest.lstrip()[:1] not in ("", "#")
    is_elif = isinstance(node, ast.If) and source_map.source.startswith("elif", start)
    line_end = line_text[len(line_text.rstrip("\r\n")) :] or "\n"
    unit = _unit(tree, source_map)
    if isinstance(change, Rewrite):
        new = change.new or (ast.Pass(),)
        if any(shares_line) and not (len(new) == 1 and _is_simple(new[0])):
            raise _Unwritable
        if is_elif and len(new) == 1 and isinstance(new[0], ast.If):
            return start, span.end, "el" + _block(new, indent, unit, line_end)
        if is_elif:
            inner = indent + unit
            return start, span.end, f"else:{line_end}{inner}" + _block(new, inner, unit, line_end)
        return start, span.end, _block(new, indent, unit, line_end)
    if is_elif or shares_line[0] or (change.after and shares_line[1]):
        raise _Unwritable
    block = _block(change.new, indent, unit, line_end)
    if change.after:
        end = span.end + len(rest)  # behind a comment
        return end, end, line_end + indent + block
    return start, start, block + line_end + indent


def _is_simple(statement: ast.stmt) -> bool:
    return "body" not in statement._fields and not isinstance(statement, ast.Match)


def _block(statements: Sequence[ast.stmt], indent: str, unit: str, line_end: str) -> str:
    lines: list[str] = []
    for line in "\n".join(map(ast.unparse, statements)).split("\n"):
        code = line.lstrip(" ")
        depth = (len(line) - len(code)) // len(_UNIT)
        lines.append(indent + unit * depth + code if code else "")
    return line_end.join(lines).removeprefix(indent)


def _unit(tree: ast.Module, source_map: SourceMap) -> str:
    """By what the program indents its blocks."""
    for node in walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.stmt) and isinstance(body, list):
            outer, inner = (
                source_map.line_text(one.lineno)[: one.col_offset] for one in (node, body[0])
            )
            if not inner.strip() and inner != outer and inner.startswith(outer):
                return inner.removeprefix(outer)
    return _UNIT


def _needs_parentheses(node: ast.expr) -> bool:
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


def _says(source: str, tree: ast.Module, edit: Edit) -> bool:
    """Whether a text is the program that an edit of a tree means, and compiles."""
    written = parse(source)
    if written is None or not _is_edited(written, tree, edit.changes):
        return False
    try:  # "from __future__ import ..." behind a statement parses
        compile(written, "<edit>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_edited(written: ast.Module, tree: ast.Module, changes: Sequence[Change]) -> bool:
    """Whether a tree is another one with these changes. No recursion: chains may be long."""
    replaced = {id(c.node): c.new for c in changes if isinstance(c, Replace)}
    rewritten = {id(c.node): c.new or (ast.Pass(),) for c in changes if isinstance(c, Rewrite)}
    around: dict[tuple[int, bool], list[ast.stmt]] = defaultdict(list)
    for change in changes:
        if isinstance(change, Insert):
            around[id(change.node), change.after] += change.new

    def meant(items: Sequence[object], is_old: bool) -> list[tuple[object, bool]]:
        """The items of a list as edited, and whether they are of the old tree."""
        found: list[tuple[object, bool]] = []
        for item in items:
            if not is_old or not isinstance(item, ast.stmt):
                found.append((item, is_old))
                continue
            found += [(one, False) for one in around.get((id(item), False), ())]
            new = rewritten.get(id(item))
            found += [(item, True)] if new is None else [(one, False) for one in new]
            found += [(one, False) for one in around.get((id(item), True), ())]
        return found

    stack: list[tuple[object, object, bool]] = [(written, tree, True)]
    while stack:
        have, want, is_old = stack.pop()
        if is_old and id(want) in replaced:
            want, is_old = replaced[id(want)], False
        if type(have) is not type(want):
            return False
        if isinstance(have, list) and isinstance(want, list):
            items = meant(want, is_old)
            if len(items) != len(have):
                return False
            stack += [(one, *other) for one, other in zip(have, items, strict=True)]
        elif isinstance(have, ast.AST):
            for name in have._fields:
                if name not in _NO_MEANING:
                    one, other = getattr(have, name, None), getattr(want, name, None)
                    stack.append((one, [] if one == [] and other is None else other, is_old))
        elif repr(have) != repr(want):
            return False
    return True
