"""Source text as a syntax tree, without a word about it on stderr.

Since Python 3.12 the parser itself warns of odd escapes in strings, which are not our business."""

from __future__ import annotations

import ast
import warnings

# What parsing a text raises that is no Python: MemoryError says that it is nested too deeply.
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)


def parsed(source: str) -> ast.Module:
    """As ast.parse. Raises: NOT_PYTHON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def parsed_expression(source: str) -> ast.expr:
    """The one expression in a text. Raises: NOT_PYTHON."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source.strip(), mode="eval").body


def why_not_python(error: BaseException) -> str:
    """The reason in an exception of NOT_PYTHON, without its place."""
    return error.msg if isinstance(error, SyntaxError) else str(error) or "nested too deeply"
