"""A warm sandbox and the limits that the options ask for, held for one or many localizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.localization.ops import OPS

if TYPE_CHECKING:
    from egca.debuggers import Debugger
    from egca.localization.result import Localization
    from egca.problems import Problem
    from egca.types import Program


TRACE = "trace"  # the debugger that asks no model
_PROGRAM_CALLS = 5  # calls at their limit that a whole program may take


class Search:
    """Localizes programs in one sandbox, which starts at once and in parallel.

    Args:
        timeout: seconds for a test input; budget_s: seconds for a search. None: the defaults.
        debugger: who localizes, a name of egca.debuggers; options: of it.
    """

    def __init__(
        self,
        timeout: float | None = None,
        budget_s: float | None = None,
        debugger: str = TRACE,
        options: dict[str, Any] | None = None,
    ) -> None:
        self._budget_s = budget_s
        self._limits = (
            None if timeout is None else Limits(call_s=timeout, program_s=_PROGRAM_CALLS * timeout)
        )
        self._sandbox = Sandbox(preload=OPS)
        self._debugger: Debugger | None = None
        if debugger != TRACE:  # its room is imported only where a model is asked
            from egca.debuggers import open_debugger

            self._debugger = open_debugger(debugger, **(options or {}))

    def localize(self, program: Program, problem: Problem) -> Localization:
        """Where the program first goes wrong. Raises: EgcaError if the problem makes no sense."""
        from egca.localization.locate import localize

        where = localize if self._debugger is None else self._debugger.localize
        return where(
            program,
            problem.reference,
            problem,
            sandbox=self._sandbox,
            limits=self._limits,
            budget_s=self._budget_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._sandbox.close()
