"""Execution-grounded credit assignment for reinforcement learning on code.

    from egca import localize, load_problem
    localize(program, None, load_problem("HumanEval/3"))

Names are imported when they are asked for, so that `import egca` costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from egca.localization import localize
    from egca.problems import Example, Problem, load_problem, load_tests
    from egca.types import Program

__version__ = "0.1.0"
__all__ = ["Example", "Problem", "Program", "__version__", "load_problem", "load_tests", "localize"]

_HOMES = {
    "localize": "egca.localization",
    "Example": "egca.problems",
    "Problem": "egca.problems",
    "load_problem": "egca.problems",
    "load_tests": "egca.problems",
    "Program": "egca.types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
