"""Sites: the places of a program that report to a trace, and the names of the hooks they report to.

Data only. Which places become sites is decided in egca/execution/rewrite.py and statements.py; what
a hook does when the program runs is in egca/execution/recorder.py."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Literal

SiteKind = Literal["write", "branch", "item", "call", "return", "raise", "expr"]

# A position as `ast` has it: 1-based line, 0-based column in UTF-8 bytes, and the exclusive end.
Position = tuple[int, int, int, int]

# Containers that the statement changes in place are recorded after a call of one of these methods.
MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "difference_update",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "intersection_update",
        "move_to_end",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "rotate",
        "setdefault",
        "sort",
        "subtract",
        "symmetric_difference_update",
        "update",
        "__setitem__",
        "__delitem__",
    ]
)
# Functions that change their first argument in place.
MUTATING_FUNCTIONS = frozenset(
    [
        "heapify",
        "heappop",
        "heappush",
        "heappushpop",
        "heapreplace",
        "insort",
        "insort_left",
        "insort_right",
        "shuffle",
    ]
)


@dataclass(frozen=True, slots=True)
class Site:
    """One place that reports events, numbered in the order in which the rewriter met it.

    The position (lineno .. end_col_offset) is that of the expression whose value is recorded: the
    right-hand side of an assignment, the condition of a branch, the target of a loop, the value of
    a return; of the whole statement where there is no such expression. statement is the enclosing
    statement, only its header for a compound one. Both as in `ast`: UTF-8 bytes, end exclusive.

    kind says what the value is, role how it came about:
      write   assign, augmented, walrus, unpack, with, match, container (a container after it was
              changed in place), delete (the value is None, or the container that is left)
      branch  if, elif, while, ternary, comprehension, assert, case (only when taken), guard
      item    for, while (no value: `while True`), comprehension
      call    function (the arguments: the value itself for one parameter, else a tuple)
      return  return, implicit
      raise   escape (an exception leaves the function), caught; both (type name, message)
      expr    operand (of and/or), element, key, yield, lambda, statement; and the bookkeeping roles
              resume (a generator goes on), delegate (yield from) and leave (a function with a
              `finally` is over), which carry no value of the program

    loops are the enclosing loops within the function, outermost first, by the id of the site that
    counts their iterations; for a site that itself counts a loop, that loop is not among them.
    depth counts the enclosing compound statements within the function.
    """

    id: int
    kind: SiteKind
    role: str
    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int
    statement: Position
    target: str
    function: str
    loops: tuple[int, ...] = ()
    depth: int = 0
    parameters: tuple[str, ...] = ()  # of a call site: what the recorded arguments are called
    scope: int = 0  # number of the function among the program's functions; 0 is the module

    @property
    def position(self) -> Position:
        """(lineno, col_offset, end_lineno, end_col_offset)."""
        return self.lineno, self.col_offset, self.end_lineno, self.end_col_offset

    @property
    def counts_loop(self) -> bool:
        """Whether each event here (for a branch: each true one) begins an iteration of a loop."""
        return self.kind == "item" or (self.kind == "branch" and self.role == "while")


# A hook is called as a constant of the code object: a placeholder with this mark in front stands in
# the tree, and is put in after compiling. Thus nothing is added to the program's names.
HOOK_MARK = "\0egca:"


def hook_call(name: str, site_id: int, *args: ast.expr, at: ast.AST) -> ast.Call:
    """The expression `hook(site_id, *args)`, located where `at` is."""
    func = ast.Constant(HOOK_MARK + name)
    call = ast.Call(func=func, args=[ast.Constant(site_id), *args], keywords=[])
    for node in (func, call.args[0], call):
        ast.copy_location(node, at)
    return call


def load(name: str, at: ast.AST) -> ast.Name:
    """The name as an expression, located where `at` is."""
    return ast.copy_location(ast.Name(name, ast.Load()), at)


def store(name: str, at: ast.AST) -> ast.Name:
    """The name as a target, located where `at` is."""
    return ast.copy_location(ast.Name(name, ast.Store()), at)


def expression_statement(value: ast.expr) -> ast.stmt:
    """The statement that only evaluates `value`."""
    return ast.copy_location(ast.Expr(value), value)


def assign(name: str, value: ast.expr) -> ast.stmt:
    """The statement `name = value`, located where the value is."""
    return ast.copy_location(ast.Assign([store(name, value)], value), value)


def position_of(node: Any) -> Position:
    """Position of a node that has one."""
    return (
        node.lineno,
        node.col_offset,
        node.end_lineno or node.lineno,
        node.end_col_offset if node.end_col_offset is not None else node.col_offset,
    )


def header_of(node: ast.stmt, source_lines: list[bytes]) -> Position:
    """Position of a statement; of a compound one only its header, up to the colon."""
    start = (node.lineno, node.col_offset)
    body: list[Any] = getattr(node, "body", None) or getattr(node, "cases", None) or []
    if not body or not isinstance(node, COMPOUND):
        return position_of(node)
    first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    line, column = first.lineno, first.col_offset
    for decorator in getattr(first, "decorator_list", ()):
        line, column = min((line, column), (decorator.lineno, decorator.col_offset - 1))
    while True:  # back over blanks and comments to the colon
        text = source_lines[line - 1][:column] if line <= len(source_lines) else b""
        colon = _last_colon(text)
        if colon is not None and (line, colon) >= start:
            return (*start, line, colon + 1)
        line -= 1
        if line < start[0]:
            return (*start, start[0], len(source_lines[start[0] - 1].rstrip(b"\r\n")))
        column = len(source_lines[line - 1])


def _last_colon(text: bytes) -> int | None:
    code = text.rstrip()
    if code.endswith(b":"):
        return len(code) - 1
    if b"#" not in code:
        return None
    start = code.rfind(b"#")
    while (
        start >= 0
    ):  # a "#" inside a string is followed by more than a comment, and is passed over
        before = code[:start].rstrip()
        if before.endswith(b":"):
            return len(before) - 1
        start = code.rfind(b"#", 0, start)
    return None


COMPOUND = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Match,
)
