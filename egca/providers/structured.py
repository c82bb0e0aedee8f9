"""The value in a model's reply: JSON, as models write it.

The second line behind a provider's own means: some servers hold a model to a schema, others ignore
it, and a length stop breaks either. What is mended is unambiguous; nothing is made up."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from egca.errors import ReplyError
from egca.providers.chat import Schema
from egca.providers.schema import misfit

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_NO_ESCAPE = re.compile(r"(?<!\\)(\\\\)*\\[^\\'\"abfnrtvxuUN0-7\n]")
_BARE = re.compile(r"[A-Za-z_]\w*")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_CLOSING = {"{": "}", "[": "]"}
_QUOTES = "\"'"
_MAX_STARTS = 64  # brackets at which a value may begin; prose about code has many
_MAX_DEPTH = 200


def parsed(text: str, schema: Schema) -> Any:
    """The value of a reply, checked.

    Found in a Markdown fence, amid prose or bare; the first that fits the schema, whole ones
    before those that a length stop cut. Trailing commas, comments, single quotes and Python's
    True, False and None are read as what they mean; brackets that the end of the text left open
    are closed, and a member that it cut in two is dropped.

    Raises: ReplyError whose one line says what is wrong, fit to be sent back to the model.

    >>> parsed("Sure!\\n```json\\n{'line': 3,}\\n```", {"required": ["line"]})
    {'line': 3}
    """
    reason = None
    for value in _values(text):
        wrong = misfit(value, schema)
        if wrong is None:
            return value
        reason = reason or wrong
    if reason is None:
        reason = "the answer holds no JSON" if text.strip() else "the answer is empty"
    raise ReplyError(reason)


def _values(text: str) -> Iterator[Any]:
    """Every value that may be meant, the likeliest first."""
    fenced = [match[2] for match in _FENCE.finditer(text)]
    areas = [text.strip(), *(area.strip() for area in fenced)]
    for area in areas:
        try:
            yield json.loads(area)
        except (ValueError, RecursionError):
            continue
    for at_cut in ("end", "close", "enter"):
        for area in [*areas[1:], areas[0]]:
            yield from _amid(area, at_cut)


def _amid(text: str, at_cut: Literal["end", "close", "enter"]) -> Iterator[Any]:
    """Objects and arrays in a text, from left to right, those inside others left out.

    at_cut: at one that the text's end cut, end there, close it, or look inside it.
    """
    position = n_starts = 0
    while n_starts < _MAX_STARTS:
        found = re.compile(r"[{\[]").search(text, position)
        if found is None:
            return
        n_starts += 1
        reader = _Reader(text, found.start(), at_cut == "close")
        try:
            value = reader.value()
        except _CutError:
            if at_cut == "end":
                return
            position = found.start() + 1
            continue
        except _NoValueError:
            position = found.start() + 1
            continue
        yield value
        position = max(reader.at, found.start() + 1)


class _NoValueError(Exception):
    """No value begins here."""


class _CutError(Exception):
    """The text ends inside a value."""


class _Reader:
    """Reads one value that begins at a place of a text. may_be_cut: its end may be missing."""

    def __init__(self, text: str, at: int, may_be_cut: bool) -> None:
        self.text = text
        self.at = at
        self.may_be_cut = may_be_cut
        self.depth = 0
        self.is_cut = False

    def value(self) -> Any:
        """The value. Raises: _NoValueError, _CutError."""
        char = self._next()
        if char in _CLOSING:
            return self._container(char)
        if char in _QUOTES:
            return self._string(char)
        number = re.compile(r"[-+]?(\d[\d_]*)?\.?\d*([eE][-+]?\d+)?").match(self.text, self.at)
        if number and number[0]:
            return self._number(number)
        word = _BARE.match(self.text, self.at)
        if word is None or (word[0] not in _WORDS and word.end() < len(self.text)):
            raise _NoValueError
        if word[0] not in _WORDS:
            raise _CutError
        self.at = word.end()
        return _WORDS[word[0]]

    def _container(self, opening: str) -> Any:
        found: Any = {} if opening == "{" else []
        self.at += 1
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _NoValueError
        try:
            while self._next() != _CLOSING[opening]:
                name = self._member_name() if opening == "{" else ""
                value = self.value()
                if self.is_cut and not value:
                    break  # it was begun, and holds nothing yet
                if opening == "{":
                    found[name] = value
                else:
                    found.append(value)
                if self._next() != _CLOSING[opening]:
                    self._expect(",")
            self.at += not self.is_cut
        except _CutError:
            if not self.may_be_cut:
                raise
            self.is_cut = True
            self.at = len(self.text)
        self.depth -= 1
        return found

    def _member_name(self) -> str:
        char = self._next()
        bare = _BARE.match(self.text, self.at)
        if char in _QUOTES:
            name = self._string(char)
        elif bare is not None:
            name, self.at = bare[0], bare.end()
        else:
            raise _NoValueError
        self._expect(":")
        return name

    def _string(self, quote: str) -> str:
        if self.text.startswith(quote * 3, self.at):
            quote *= 3
        start = self.at + len(quote)
        end = start
        while not self.text.startswith(quote, end):
            if end >= len(self.text):
                raise _CutError
            end += 2 if self.text[end] == "\\" else 1
        self.at = end + len(quote)
        return _unescaped(self.text[start:end], quote)

    def _number(self, match: re.Match[str]) -> int | float:
        if match.end() == len(self.text):
            raise _CutError  # 12 may have been going to be 123
        self.at = match.end()
        try:
            value = ast.literal_eval(match[0].lstrip("+"))
        except (SyntaxError, ValueError):
            raise _NoValueError from None
        if not isinstance(value, int | float):
            raise _NoValueError
        return value

    def _expect(self, char: str) -> None:
        if self._next() != char:
            raise _NoValueError
        self.at += 1

    def _next(self) -> str:
        """The next character that is neither space nor comment."""
        skipped = re.compile(r"(\s|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL).match(
            self.text, self.at
        )
        self.at = skipped.end() if skipped else self.at
        if self.at >= len(self.text):
            raise _CutError
        return self.text[self.at]


_QUOTE = re.compile(r'\\.|"', re.DOTALL)  # escapes as pairs: two backslashes are one


def _unescaped(body: str, quote: str) -> str:
    """A string's value: by JSON's rules, with raw line breaks; by Python's if those fail."""
    if "\\" not in body:
        return body
    inside = _QUOTE.sub(lambda m: {"\\'": "'", '"': '\\"'}.get(m[0], m[0]), body)
    try:
        value: str = json.loads(f'"{inside}"', strict=False)
    except ValueError:
        pass
    else:
        return value
    if _NO_ESCAPE.search(body):
        return body  # such as a regular expression: as it stands
    try:
        value = ast.literal_eval(
            f"{quote * 3}{body}{quote * 3}" if len(quote) == 1 else quote + body + quote
        )
    except (SyntaxError, ValueError):
        return body
    return value
