"""Which function of a program is the one under test, when nobody says so."""

from __future__ import annotations

import ast
from difflib import get_close_matches

from egca.errors import ProblemError
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.problems.problem import Kind


def kind_of(entry_point: str) -> Kind:
    """ "function" for "f", "method" for "Solution.f", "script" for ""."""
    if not entry_point:
        return "script"
    return "method" if "." in entry_point else "function"


def entry_points_of(source: str) -> list[str]:
    """Functions and public methods at the top of a program, in order; [] if not Python."""
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return []
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.ClassDef):
            found += [
                f"{node.name}.{item.name}"
                for item in node.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
                and not item.name.startswith("_")
            ]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return list(dict.fromkeys(found))


def infer_entry_point(
    candidate_source: str, reference_source: str | None = None, tests: str = ""
) -> str:
    """The function under test: what candidate, reference and tests agree on.

    Args:
        tests: text of a Python test file, "" when there is none or it is JSON.
    Returns: "f", "Solution.f", or "" for a script (no functions that anything could call).
    Raises: ProblemError when several fit or none does.
    """
    candidate = entry_points_of(candidate_source)
    reference = entry_points_of(reference_source) if reference_source is not None else None
    choices = candidate if reference is None else [name for name in reference if name in candidate]
    if not choices:
        choices = reference or candidate
    called = _called(tests)
    if called:
        by_tests = [name for name in choices if _matches(name, called)]
        if by_tests:
            best = max(_matches(name, called) for name in by_tests)
            _refuse_an_object(by_tests)
            choices = [name for name in by_tests if _matches(name, called) == best]
        elif "candidate" not in called:
            raise ProblemError(_nothing_called(choices, list(called)))
    if len(choices) > 1:
        choices = _uncalled(candidate_source, choices) or choices
    if len(choices) > 1:
        choices = _uncalled(reference_source or "", choices) or choices
    if len(choices) > 1:
        raise ProblemError(
            f"several functions could be meant ({', '.join(choices[:6])}); "
            "name one with --entry-point"
        )
    return choices[0] if choices else ""


def _refuse_an_object(called: list[str]) -> None:
    """Raises: ProblemError for tests that call several methods of one object."""
    methods: dict[str, list[str]] = {}
    for name in called:
        owner, _, method = name.rpartition(".")
        methods.setdefault(owner, []).append(method)
    for owner, names in methods.items():
        if owner and len(names) > 1:
            raise ProblemError(
                f"the tests call {', '.join(names[:3])} of {owner}, but each test makes one call "
                "on a fresh object; add a function to both programs that makes these calls, and "
                "test that (or name one method with --entry-point)"
            )


def near_name(name: str, source: str) -> str | None:
    """The entry point of `source` whose name is nearest to `name`, None if none is near."""
    near = get_close_matches(name, entry_points_of(source), 1, 0.6)
    return near[0] if near else None


def _matches(name: str, called: dict[str, int]) -> int:
    return called.get(name.rpartition(".")[2], 0)


def _called(tests: str) -> dict[str, int]:
    """How often each name is called in asserts and test functions."""
    try:
        tree = parsed(tests)
    except NOT_PYTHON:
        return {}
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    own = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    counts: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            for handed in [name, *(arg.id for arg in node.args if isinstance(arg, ast.Name))]:
                if handed and handed not in own:
                    counts[handed] = counts.get(handed, 0) + 1
    return counts


def _uncalled(source: str, choices: list[str]) -> list[str]:
    """Those choices that no other function of the program calls: the top of its call graph."""
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return []
    used: set[str] = set()
    for top in tree.body:
        own = top.name if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef) else ""
        for node in ast.walk(top):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                name = node.id if isinstance(node, ast.Name) else node.attr
                if name != own:
                    used.add(name)
    return [name for name in choices if name.rpartition(".")[2] not in used]


def _nothing_called(choices: list[str], called: list[str]) -> str:
    for name in choices:
        near = get_close_matches(name.rpartition(".")[2], called, 1, 0.6)
        if near:
            return f'no test calls {name}; the tests call "{near[0]}": did you mean that?'
    names = ", ".join(choices[:3]) or "any function"
    return (
        f"no test calls {names}; the tests call {', '.join(called[:3])}: "
        "name the function under test with --entry-point"
    )
