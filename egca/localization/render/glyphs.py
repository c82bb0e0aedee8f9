"""The few signs that the terminal picture is drawn with, and how foreign text is made to fit."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from egca.localization.render.values import ELLIPSIS, plain


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Signs of one kind of terminal; `ascii_only` where its encoding knows no others."""

    bar: str = "│"
    rule: str = "─"
    mark: str = ">"
    caret: str = "^"
    different: str = "≠"
    dot: str = "·"
    gap: str = "⋮"
    arrow: str = "→"
    ellipsis: str = ELLIPSIS
    ascii_only: bool = False

    def text(self, text: str) -> str:
        """Text from a program or a message on one line, with nothing this terminal cannot show."""
        if ELLIPSIS in text:
            text = text.replace(ELLIPSIS, self.ellipsis)
        return plain(text, ascii_only=self.ascii_only, tab=1)

    def fit(self, text: str, width: int) -> str:
        """The text in at most `width` cells, its middle cut out where it is longer."""
        text = self.text(text)
        if cell_len(text) <= width:
            return text
        room = max(width - cell_len(self.ellipsis), 0)
        head, tail = (room + 1) // 2, room // 2
        start = _prefix(text, head)
        end = _prefix(text[::-1], tail)
        return text[:start] + self.ellipsis + (text[len(text) - end :] if end else "")


def _prefix(text: str, cells: int) -> int:
    """How many characters from the start fit into so many cells."""
    used = 0
    for index, char in enumerate(text):
        used += cell_len(char)
        if used > cells:
            return index
    return len(text)


UNICODE = Glyphs()
ASCII = Glyphs("|", "-", ">", "^", "!", "-", ":", "->", "...", ascii_only=True)
