"""A program as HTML lines: escaped, coloured by token, with the divergence marked.

Every character of the program passes `_escaped`; nothing else writes program text into the page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

from egca.localization.render.tokens import last_line, tokens
from egca.localization.render.values import shown
from egca.types import SourceMap, Span


def program_markup(source: str, mark: Span | None = None, statement: Span | None = None) -> str:
    """The lines of a program as `<li>` elements, in the order of the program.

    A name that may have a value carries `class="v"`; the marked characters stand in `<mark>`.
    """
    source_map = SourceMap(source)
    coloured = list(tokens(source))
    lines = []
    at = 0
    for number in range(1, last_line(source_map) + 1):
        start = source_map.offset(number, 0)
        end = start + len(source_map.line_text(number).rstrip("\r\n"))
        while at < len(coloured) and coloured[at][1] <= start:
            at += 1
        is_marked = mark is not None and mark.line <= number <= mark.end_line
        code = "".join(_pieces(source, start, end, islice(coloured, at, None), mark))
        in_statement = statement is not None and statement.line <= number <= statement.end_line
        if mark is not None and mark.line == number and mark.start >= end:
            code += "<mark> </mark>"  # past the end: where the compiler missed something
        names = "".join((" in" if in_statement else "", " hit" if is_marked else ""))
        lines.append(
            f'<li class="line{names}" data-line="{number}"><code>{code or " "}</code></li>'
        )
    return "\n".join(lines)


def _pieces(
    source: str,
    start: int,
    end: int,
    coloured: Iterable[tuple[int, int, str]],
    mark: Span | None,
) -> Iterator[str]:
    """The HTML of the characters [start, end) of one line; earlier tokens are left out already."""
    cuts = {start, end}
    inside = []
    for token in coloured:
        if token[0] >= end:
            break
        inside.append(token)
        cuts |= {max(token[0], start), min(token[1], end)}
    first, last = _marked(source, start, end, mark)
    cuts |= {first, last} if first < last else set()
    points = sorted(cuts)
    for left, right in pairwise(points):
        while inside and inside[0][1] <= left:
            inside.pop(0)
        text = _escaped(source[left:right])
        if inside and inside[0][0] <= left:
            text = f'<span class="{inside[0][2]}">{text}</span>'
        if first <= left < last:
            text = f"<mark>{text}</mark>"
        yield text


def _marked(source: str, start: int, end: int, mark: Span | None) -> tuple[int, int]:
    """[first, last) of a line's characters that are marked, without its indentation."""
    if mark is None or mark.end <= start or mark.start > end:
        return start, start
    line = source[start:end]
    indent = len(line) - len(line.lstrip())
    return min(max(mark.start, start + indent), end), min(mark.end, start + len(line.rstrip()))


def _escaped(text: str) -> str:
    return html.escape("".join(char if char == "\t" else shown(char) for char in text))
