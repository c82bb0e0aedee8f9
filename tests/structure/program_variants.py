"""Rewrites of a program that change neither what it does nor, in our sense, its control flow."""

from __future__ import annotations

import ast
import builtins
import random


def renamed(source: str, rng: random.Random) -> str:
    """Every function, parameter and variable of the program gets another name."""
    tree = ast.parse(source)
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            own.add(node.name)
    own -= set(dir(builtins))
    names = {name: f"v{rng.randrange(10**6)}_{i}" for i, name in enumerate(sorted(own))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = names.get(node.arg, node.arg)
        elif isinstance(node, ast.FunctionDef):
            node.name = names.get(node.name, node.name)
        elif isinstance(node, ast.keyword) and node.arg is not None:
            node.arg = names.get(node.arg, node.arg)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [names.get(name, name) for name in node.names]
    return ast.unparse(tree)


def reformatted(source: str, rng: random.Random) -> str:
    return ast.unparse(ast.parse(source)).replace("    ", " " * rng.choice([1, 2, 3, 8]))


def commented(source: str, rng: random.Random) -> str:
    if _has_long_strings(source):
        return f"# {rng.random()}\n{source}\n# the end"
    lines = ast.unparse(ast.parse(source)).split("\n")
    return "\n".join(f"{x}  # {rng.random()}" if rng.random() < 0.5 else x for x in lines)


def _has_long_strings(source: str) -> bool:
    tree = ast.parse(ast.unparse(ast.parse(source)))
    return any(
        isinstance(node, ast.Constant) and node.lineno != node.end_lineno for node in ast.walk(tree)
    )


def documented(source: str, rng: random.Random) -> str:
    """Every function gets another docstring, or loses it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is not None and len(node.body) > 1:
                del node.body[0]
            if rng.random() < 0.5:
                node.body.insert(0, ast.Expr(ast.Constant(f"About {rng.random()}.\n\n>>> 1")))
    return ast.unparse(ast.fix_missing_locations(tree))


_DEAD = [
    "if False:\n    for q in range(3):\n        print(q)",
    "while 0:\n    never_called(1)",
    "unread_thing = [1, 2, 3 + 4]",
    "unread_other = {}",
    "unread_number: int = 2 * 3 - 1",
    "def unread_function(a, b=2):\n    for c in a:\n        b += c\n    return b",
    "unread_lambda = lambda a: a + 1",
    "import math",
    "pass",
    "assert 1 < 2",
    "'a bare string'",
    "if not True:\n    raise ValueError(1)\nelse:\n    pass",
]
_AFTER_JUMP = ["print(1)", "for q in [1]:\n    q += 1", "return 7", "x_dead = 1 / 0"]


def with_dead_code(source: str, rng: random.Random) -> str:
    """Statements that are never reached or that nobody can see, at random places."""
    tree = ast.parse(source)
    for node in list(ast.walk(tree)):
        if not isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If):
            continue
        body = node.body
        if rng.random() < 0.5 and isinstance(body[-1], ast.Return | ast.Raise | ast.Break):
            inside = rng.choice(_AFTER_JUMP).replace("\n", "\n    ")
            function = ast.parse(f"def f():\n    {inside}").body[0]
            assert isinstance(function, ast.FunctionDef)
            body.extend(function.body)
        if rng.random() < 0.6:
            at = rng.randrange(len(body)) if len(body) > 1 else 0
            body[at:at] = ast.parse(rng.choice(_DEAD)).body
    return ast.unparse(ast.fix_missing_locations(tree))


def with_unused_helper(source: str, rng: random.Random) -> str:
    """A function that nobody calls, before or after; seen only where the entry point is known."""
    helper = "def helper_nobody_calls(a):\n    while a:\n        a -= 1\n    return a\n"
    return f"{helper}\n{source}" if rng.random() < 0.5 else f"{source}\n\n{helper}"


REWRITES = {
    "renamed": renamed,
    "reformatted": reformatted,
    "commented": commented,
    "documented": documented,
    "dead code": with_dead_code,
    "unused helper": with_unused_helper,
}
