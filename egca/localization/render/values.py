"""Values and foreign text as a reader sees them: Python source, bounded, no control characters.

Works on the plain data that comes out of the sandbox. The texts are the same from run to run (sets
are sorted), which `repr` does not promise. Terminal, JSON and HTML share these functions."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

ELLIPSIS = "…"
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
_EXACT_INT = 2**53  # beyond it a JSON reader with doubles changes the number
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def text_of(value: Any, n_items: int | None = None) -> str:
    """Python source of a plain value; equal values give equal text.

    n_items bounds how many items of each container are written (the first and last ones, with an
    ellipsis between them), so that a huge value costs little when only a glimpse of it is shown.

    >>> text_of({"b", "a"}), text_of([1, 2, 3, 4, 5], n_items=2)
    ("{'a', 'b'}", '[1, …, 5]')
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _int_text(value)
    if isinstance(value, deque):
        bound = "" if value.maxlen is None else f", maxlen={value.maxlen}"
        return f"deque({text_of(list(value), n_items)}{bound})"
    if isinstance(value, OrderedDict):
        return f"OrderedDict({_dict_text(value, n_items)})" if value else "OrderedDict()"
    if isinstance(value, defaultdict):
        factory = getattr(value.default_factory, "__name__", "None")
        return f"defaultdict({factory}, {_dict_text(value, n_items)})"
    if isinstance(value, Counter):
        return f"Counter({_dict_text(value, n_items)})" if value else "Counter()"
    if isinstance(value, dict):
        return _dict_text(value, n_items)
    if type(value) in _BRACKETS:
        return _sequence_text(value, n_items)
    if (
        isinstance(value, str | bytes | bytearray)
        and n_items is not None
        and len(value) > 8 * n_items
    ):
        return _cut_literal(value, 4 * n_items)
    return repr(value)


def _int_text(value: int) -> str:
    # past 4300 digits `repr` raises; hexadecimal has no such limit and is still a literal
    return repr(value) if value.bit_length() < 14000 else hex(value)


def _cut_literal(value: str | bytes | bytearray, keep: int) -> str:
    head, tail = repr(value[:keep]), repr(value[-keep:])
    if isinstance(value, bytearray):
        return head[:-2] + ELLIPSIS + tail[len("bytearray(b'") :]
    quote_at = 2 if isinstance(value, bytes) else 1
    return head[:-1] + ELLIPSIS + tail[quote_at:]


def _sequence_text(value: Any, n_items: int | None) -> str:
    opening, closing = _BRACKETS[type(value)]
    if isinstance(value, set | frozenset):
        if not value:
            return f"{type(value).__name__}()"
        if n_items is None or len(value) <= 4 * n_items:
            texts = sorted(
                (text_of(item, n_items) for item in value), key=lambda text: (len(text), text)
            )
            return opening + ", ".join(_ends(texts, len(texts), n_items)) + closing
    parts = list(_ends_of(value, n_items))
    if isinstance(value, tuple) and len(value) == 1:
        return f"({parts[0]},)"
    return opening + ", ".join(parts) + closing


def _ends_of(value: Any, n_items: int | None) -> Iterator[str]:
    size = len(value)
    if n_items is None or size <= n_items:
        yield from (text_of(item, n_items) for item in value)
        return
    head, tail = _split(n_items)
    yield from (text_of(item, n_items) for item in islice(value, head))
    yield ELLIPSIS
    if isinstance(value, list | tuple):
        yield from (text_of(item, n_items) for item in value[size - tail :])


def _ends(texts: list[str], size: int, n_items: int | None) -> Iterable[str]:
    if n_items is None or size <= n_items:
        return texts
    head, tail = _split(n_items)
    return [*texts[:head], ELLIPSIS, *texts[size - tail :]]


def _split(n_items: int) -> tuple[int, int]:
    head = (n_items + 1) // 2
    return head, max(n_items - head, 1)


def _dict_text(value: dict[Any, Any], n_items: int | None) -> str:
    pairs: Iterable[tuple[Any, Any]] = value.items()
    is_cut = n_items is not None and len(value) > n_items
    if is_cut:
        pairs = islice(pairs, n_items)
    texts = [f"{text_of(key, n_items)}: {text_of(item, n_items)}" for key, item in pairs]
    return "{" + ", ".join(texts + [ELLIPSIS] * is_cut) + "}"


def middle(text: str, limit: int, ellipsis: str = ELLIPSIS) -> str:
    """The text in at most `limit` characters: what is too long loses its middle.

    >>> middle("abcdefghij", 7)
    'abc…hij'
    """
    if len(text) <= limit:
        return text
    room = max(limit - len(ellipsis), 0)
    head = (room + 1) // 2
    return text[:head] + ellipsis + text[len(text) - (room - head) :]


def glimpse(value: Any, limit: int) -> str:
    """A value's text in at most `limit` characters, without writing out all of a large one."""
    return middle(text_of(value, n_items=max(limit // 2, 2)), limit)


def glimpse_pair(first: Any, second: Any, limit: int) -> tuple[str, str]:
    """Two values' texts, each in at most `limit` characters, cut so that their difference shows.

    >>> glimpse_pair("a" * 50 + "x", "a" * 50 + "y", 20)
    ("…aaaaaaaaaaaaaaaaax'", "…aaaaaaaaaaaaaaaaay'")
    """
    texts = text_of(first), text_of(second)
    if max(map(len, texts)) <= limit:
        return texts
    differs = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), None)
    at = min(map(len, texts)) if differs is None else differs
    if at < (limit - 1) // 2:
        return middle(texts[0], limit), middle(texts[1], limit)
    # the same window of both texts, so that they can be compared by eye
    start = max(min(at - limit // 3, max(map(len, texts)) - limit + 1), 1)
    return _window(texts[0], start, limit), _window(texts[1], start, limit)


def _window(text: str, start: int, limit: int) -> str:
    rest = text[start:]
    if len(rest) > limit - 1:
        rest = rest[: limit - 2] + ELLIPSIS
    return ELLIPSIS + rest


def plain(text: str, *, ascii_only: bool = False, tab: int = 4) -> str:
    r"""Text of a program or a model, made safe to show: control and bidi characters become escapes.

    >>> plain("a\x1b[31m\u202eb")
    'a\\x1b[31m\\u202eb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(shown(char, ascii_only=ascii_only, tab=tab) for char in text)


def shown(char: str, *, ascii_only: bool = False, tab: int = 4) -> str:
    """One character as it is shown: itself, `tab` spaces for a tab, or its Python escape."""
    if char == "\t":
        return " " * tab
    if (ascii_only and not char.isascii()) or unicodedata.category(char) in _HIDDEN:
        return char.encode("unicode_escape").decode("ascii")
    return char


def exact_json(value: Any) -> tuple[bool, Any]:
    """(True, the value) if a JSON reader gets back exactly this Python value, else (False, None).

    >>> exact_json([1, None, "a"]), exact_json((1,)), exact_json(float("nan"))
    ((True, [1, None, 'a']), (False, None), (False, None))
    """
    return (True, value) if _is_exact(value) else (False, None)


def _is_exact(value: Any) -> bool:
    kind = type(value)
    if value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_EXACT_INT <= value <= _EXACT_INT)
    if kind is float:
        return math.isfinite(value)
    if kind is str:
        return not any("\ud800" <= char <= "\udfff" for char in value)
    if kind is list:
        return all(map(_is_exact, value))
    if kind is dict:
        return all(
            type(key) is str and _is_exact(key) and _is_exact(item) for key, item in value.items()
        )
    return False
