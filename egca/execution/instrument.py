"""A program with hooks in it: the entry point of the instrumentation.

`instrument` parses and rewrites, and is pure; `Instrumented.code` compiles and binds the hooks.
Lines and columns stay those of the source: tracebacks and sites point at what the author wrote."""

from __future__ import annotations

import ast
import marshal
import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from egca.execution.sites import HOOK_MARK, Site
from egca.execution.statements import StatementRewriter

FILENAME = "<program>"
_MAX_FRAMES = 60_000


@dataclass(frozen=True, slots=True, eq=False)
class Instrumented:
    """A rewritten program: where it reports from, and the tree that does."""

    source: str
    sites: list[Site]
    tree: ast.Module

    def compile(self, filename: str = FILENAME) -> types.CodeType:
        """Code in which each hook is still a placeholder.

        A program nested so deep that the compiler takes no more has no hooks, or none for escaping
        exceptions. Raises: SyntaxError, RecursionError as compile() does.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "'str' object is not callable": a placeholder
            try:
                return compile(self.tree, filename, "exec", dont_inherit=True)
            except (SyntaxError, RecursionError):  # perhaps only because of our own blocks
                plain = compile(self.source, filename, "exec", dont_inherit=True)
            try:
                tree = _rewrite(self.source, wraps_functions=False).tree
                return compile(tree, filename, "exec", dont_inherit=True)
            except (SyntaxError, RecursionError):
                return plain

    def marshalled(self) -> bytes:
        """What compile() gives, for a child of this interpreter. Raises: as compile() does."""
        return _marshalled(self)

    def code(self, hooks: Mapping[str, Any], filename: str = FILENAME) -> types.CodeType:
        """Code that calls these hooks (egca/execution/recorder.py names them)."""
        return bind(self.compile(filename), hooks)


def bind(code: types.CodeType, hooks: Mapping[str, Any]) -> types.CodeType:
    """The code with its placeholders replaced by hooks, in nested code too."""
    n_mark = len(HOOK_MARK)
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            constant = bind(constant, hooks)
        elif type(constant) is str and constant.startswith(HOOK_MARK):
            constant = hooks[constant[n_mark:]]
        constants.append(constant)
    return code.replace(co_consts=tuple(constants))


@lru_cache(maxsize=64)
def _marshalled(program: Instrumented) -> bytes:
    return marshal.dumps(program.compile())


@lru_cache(maxsize=64)
def instrument(source: str) -> Instrumented:
    """Rewrite a program so that it reports what it does.

    Deterministic: the same source gives the same sites on the same Python.

    Raises: SyntaxError, ValueError (null bytes), RecursionError as ast.parse does.

    >>> [(site.kind, site.target, site.lineno) for site in instrument("x = 1\\ny = x").sites]
    [('write', 'x', 1), ('write', 'y', 2)]
    """
    return _rewrite(source, wraps_functions=True)


def _rewrite(source: str, wraps_functions: bool) -> Instrumented:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the program's own syntax
        tree = ast.parse(source)
    rewriter = StatementRewriter(source)
    rewriter.wraps_functions = wraps_functions
    limit = sys.getrecursionlimit()
    # What could be parsed can be walked, at a few frames a level; all of them are Python's own.
    sys.setrecursionlimit(max(limit, _MAX_FRAMES))
    try:
        tree = rewriter.visit_Module(tree)
    finally:
        sys.setrecursionlimit(limit)
    return Instrumented(source, rewriter.sites, tree)
