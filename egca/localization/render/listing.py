"""The program in a terminal: numbered lines, a part of it marked so that it reads without colour.

Long programs are shown as a window around the mark with the heads of the functions around it; long
lines are folded. Foreign characters are escaped, so that no program can write to the terminal."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from egca.localization.render.glyphs import Glyphs
from egca.localization.render.tokens import last_line, tokens
from egca.localization.render.values import shown
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.types import SourceMap, Span

WHOLE = 24  # programs up to so many lines are shown whole
_AROUND = 7  # lines before and after the mark in a longer one
_SPAN_LINES = 12  # a longer span loses its middle
_FOLDS = 3  # screen lines that one unmarked line of the program may take

MARK = "bold red"
_NUMBER = "dim"
_STYLES = {
    "k": "magenta",
    "f": "blue",
    "b": "cyan",
    "s": "green",
    "n": "cyan",
    "c": "bright_black",
}


def listing(
    source: str, span: Span | None, width: int, glyphs: Glyphs, colour: bool
) -> Iterator[Text]:
    """Screen lines of the program, the marked part underlined on a line of its own.

    Args: width: cells of a screen line; span: what to mark, None marks nothing.
    """
    source_map = SourceMap(source)
    styles = []
    if colour:
        found = tokens(source)
        styles = [(start, end, _STYLES[kind]) for start, end, kind in found if kind in _STYLES]
    digits = len(str(source_map.n_lines))
    previous = 0
    for number in _chosen(source, source_map, span):
        if number > previous + 1:
            yield Text(" " * (digits + 1) + f" {glyphs.gap}", style=_NUMBER)
        previous = number
        yield from _Line(source_map, number, span, glyphs).screen_lines(width, digits, styles)
    if previous < last_line(source_map):
        yield Text(" " * (digits + 1) + f" {glyphs.gap}", style=_NUMBER)


def _chosen(source: str, source_map: SourceMap, span: Span | None) -> list[int]:
    last = last_line(source_map)
    if last <= WHOLE:
        return list(range(1, last + 1))
    if span is None:
        return list(range(1, WHOLE + 1))
    lines = set(range(span.line - _AROUND, span.line + _SPAN_LINES // 2))
    lines |= set(range(span.end_line - _SPAN_LINES // 2 + 1, span.end_line + _AROUND + 1))
    lines |= set(_heads(source, span))
    lines = {line for line in lines if 1 <= line <= last}
    # a gap of one line costs as much room as the line
    lines |= {line + 1 for line in lines if line + 2 in lines}
    return sorted(lines)


def _heads(source: str, span: Span) -> Iterator[int]:
    """Lines of the `def` and `class` statements around the span; none if it does not compile."""
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            node.lineno <= span.line <= (node.end_lineno or node.lineno)
        ):
            yield node.lineno


class _Line:
    """One line of a program: its characters as shown, and which of them are marked."""

    def __init__(
        self, source_map: SourceMap, number: int, span: Span | None, glyphs: Glyphs
    ) -> None:
        self.number = number
        self.start = source_map.offset(number, 0)
        self.raw = source_map.line_text(number).rstrip("\r\n\f")
        self.glyphs = glyphs
        self.cells = [shown(char, ascii_only=glyphs.ascii_only) for char in self.raw]
        first, last = 0, 0
        if span is not None and span.line <= number <= span.end_line:
            indent = len(self.raw) - len(self.raw.lstrip())
            first = max(span.start - self.start, indent)
            last = min(span.end - self.start, len(self.raw.rstrip()))
            if first >= last and span.start >= self.start + len(self.raw):
                # past the end of the line: where the compiler missed something
                self.cells.append(" ")
                first, last = len(self.raw), len(self.raw) + 1
        self.first, self.last = first, max(first, last)

    def screen_lines(
        self, width: int, digits: int, styles: list[tuple[int, int, str]]
    ) -> Iterator[Text]:
        is_marked = self.first < self.last
        pieces = self._folded(max(width - digits - 5, 8))
        if not is_marked and len(pieces) > _FOLDS:
            pieces = pieces[:_FOLDS]
        elif len(pieces) > 2 * _FOLDS:
            pieces = [piece for piece in pieces if piece[0] < self.last and piece[1] > self.first]
            pieces = pieces[: 2 * _FOLDS]
        for index, (start, end) in enumerate(pieces):
            label = str(self.number) if index == 0 else ""
            line = Text(no_wrap=True, overflow="crop")
            line.append(f"{self.glyphs.mark if is_marked and index == 0 else ' '}", style=MARK)
            line.append(f" {label:>{digits}} {self.glyphs.bar} ", style=_NUMBER)
            self._write(line, start, end, styles)
            yield line
            carets = self._carets(start, end)
            if carets:
                under = Text(no_wrap=True, overflow="crop")
                under.append(f"  {'':>{digits}} {self.glyphs.bar} ", style=_NUMBER)
                under.append(carets, style=MARK)
                yield under

    def _folded(self, width: int) -> list[tuple[int, int]]:
        """Character ranges [start, end) that each fit on a screen line."""
        pieces, start, used = [], 0, 0
        for index, text in enumerate(self.cells):
            size = cell_len(text)
            if used + size > width and index > start:
                pieces.append((start, index))
                start, used = index, 0
            used += size
        return [*pieces, (start, len(self.cells))]

    def _write(self, line: Text, start: int, end: int, styles: list[tuple[int, int, str]]) -> None:
        column = {start: len(line)}
        for index in range(start, end):
            line.append(self.cells[index])
            column[index + 1] = len(line)
        for first, last, style in styles:
            first, last = max(first - self.start, start), min(last - self.start, end)
            if first < last:
                line.stylize(style, column[first], column[last])
        first, last = max(self.first, start), min(self.last, end)
        if first < last:
            line.stylize(MARK, column[first], column[last])

    def _carets(self, start: int, end: int) -> str:
        first, last = max(self.first, start), min(self.last, end)
        if first >= last:
            return ""
        before = cell_len("".join(self.cells[start:first]))
        return " " * before + self.glyphs.caret * max(cell_len("".join(self.cells[first:last])), 1)
