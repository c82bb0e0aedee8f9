"""Constraints that follow from a reference program alone, without a model.

What a reference does is no demand by itself: another correct program may do otherwise. Which rules
turn programs away is therefore measured (ENFORCED); the others are guidance for prompts."""

from __future__ import annotations

from collections.abc import Sequence

from egca.problems import Problem
from egca.structure.constraints import (
    AllowedImports,
    Complexity,
    Constraint,
    ConstraintSet,
    Effect,
    ForbiddenCalls,
    ForbiddenConstructs,
    InputUnchanged,
    LoopRequired,
    Recursion,
    RequiredCalls,
    RequiredConstructs,
    Structures,
)
from egca.structure.facts import CONSTRUCTS, LOOPS, Facts, facts

# Rules that at most 1 % of the other correct programs violate, and at most 2 % in every group with
# 50 of them or more: results/measured/comparability.json, "constraints". A test holds the two
# together.
ENFORCED = frozenset({"allowed_imports", "forbidden_calls", "forbidden_constructs"})

# Modules without files, network, processes or clocks: a correct program may need any of them.
PURE_MODULES = (
    "__future__", "abc", "array", "bisect", "builtins", "cmath", "collections", "copy",
    "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq",
    "itertools", "json", "math", "numbers", "operator", "queue", "random", "re", "statistics",
    "string", "sys", "types", "typing", "unicodedata", "warnings",
)  # fmt: skip

# Calls that look around or run text: no solution needs them unless the reference does.
_SUSPECT_CALLS = (
    "eval", "exec", "compile", "open", "input", "globals", "breakpoint", "__import__", "exit",
    "quit", "sys.exit", "os.system", "os._exit",
)  # fmt: skip
_SUSPECT_CONSTRUCTS = ("await", "global")


def extract_constraints(
    problem: Problem, reference_source: str | None = None, effects: Sequence[Effect] = ()
) -> ConstraintSet:
    """Constraints C of a problem, derived from a reference that satisfies each of them.

    Args:
        problem: gives the entry point, the kind (a script may read input) and a default reference.
        reference_source: a correct program; the problem's own if None.
        effects: observed calls of the reference; they decide whether it leaves its arguments alone,
            else its text does.
    Returns: an empty set without a readable reference.
    """
    source = problem.reference if reference_source is None else reference_source
    known = facts(source, problem.entry_point) if source is not None else Facts()
    if not known.is_known or source is None:
        return ConstraintSet()
    candidates = [*_prohibitions(known, problem.kind == "script"), *_habits(known, effects)]
    return ConstraintSet(tuple(item for item in candidates if item.check(known, effects) is None))


def _prohibitions(known: Facts, is_script: bool) -> list[Constraint]:
    modules = tuple(sorted({*PURE_MODULES, *known.imports}))
    reading = ("input", "open", "exit", "quit", "sys.exit") if is_script else ()
    calls = tuple(
        name for name in _SUSPECT_CALLS if name not in known.calls and name not in reading
    )
    constructs = tuple(name for name in _SUSPECT_CONSTRUCTS if name not in known.constructs)
    return [
        AllowedImports(modules=modules, enforced="allowed_imports" in ENFORCED),
        ForbiddenCalls(names=calls, enforced="forbidden_calls" in ENFORCED),
        ForbiddenConstructs(names=constructs, enforced="forbidden_constructs" in ENFORCED),
    ]


def _habits(known: Facts, effects: Sequence[Effect]) -> list[Constraint]:
    """What the reference does that another solution may well do differently."""
    found: list[Constraint] = []
    rules = "recursion.required" if known.recursion is not None else "recursion.forbidden"
    found.append(Recursion(required=known.recursion is not None, enforced=rules in ENFORCED))
    if any(name in known.constructs for name in LOOPS):
        found.append(LoopRequired(enforced="loop" in ENFORCED))
    if known.loop_depth is not None:
        found.append(Complexity(max_depth=known.loop_depth, enforced="complexity" in ENFORCED))
    if effects or not known.mutated:
        found.append(InputUnchanged(enforced="input_unchanged" in ENFORCED))
    if known.structures:
        names = tuple(sorted(known.structures))
        found.append(Structures(names=names, enforced="structures" in ENFORCED))
    if known.calls:
        names = tuple(sorted(known.calls))
        found.append(RequiredCalls(names=names, enforced="required_calls" in ENFORCED))
    used = tuple(name for name in sorted(set(CONSTRUCTS.values())) if name in known.constructs)
    if used:
        found.append(RequiredConstructs(names=used, enforced="required_constructs" in ENFORCED))
    return found
