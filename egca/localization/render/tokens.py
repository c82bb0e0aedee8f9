"""The coloured parts of a program, for terminal and page alike; it need not compile."""

from __future__ import annotations

from collections.abc import Iterator

from egca.types import SourceMap

# keyword, function or class name, builtin, other name, string, number, comment
_KINDS = {
    "Keyword": "k",
    "Operator.Word": "k",
    "Name.Function": "f",
    "Name.Class": "f",
    "Name.Builtin": "b",
    "Name.Decorator": "b",
    "Name": "v",
    "Literal.String": "s",
    "Literal.Number": "n",
    "Comment": "c",
}


def tokens(source: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of the tokens that have a kind, ascending and disjoint.

    >>> list(tokens("if x: f(1)"))
    [(0, 2, 'k'), (3, 4, 'v'), (6, 7, 'v'), (8, 9, 'n')]
    """
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]

    for start, token, text in PythonLexer().get_tokens_unprocessed(source):
        name = str(token).removeprefix("Token.")
        kind = next((kind for prefix, kind in _KINDS.items() if name.startswith(prefix)), None)
        if kind is not None and text.strip():
            yield start, start + len(text), kind


def last_line(source_map: SourceMap) -> int:
    """The last line with text on it: without the empty ones at the end."""
    last = source_map.n_lines
    while last > 1 and not source_map.line_text(last).strip():
        last -= 1
    return last
