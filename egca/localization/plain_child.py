"""One child for many plain programs (tame.py): a child for each would cost more than its runs.

Training judges and localizes thousands of small programs. One that is plain cannot leave anything
behind for the next; any other gets a child of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from egca.execution import Limits, Sandbox
from egca.execution.one_child import Children, OneChild, SessionSource
from egca.execution.session import Session

N_PROGRAMS = 250  # that one child runs before it is replaced
_LIMITS = Limits(program_s=60.0)  # of a child; single runs end by ticks or by their own clock
N_SEARCHES = 50
_SEARCH_LIMITS = Limits(program_s=500.0)  # each traced and searched for seconds at the worst


class PlainChild(OneChild):
    """Hands out one child for plain programs, a fresh one after many.

    A program that ends the child harms only itself: the next one gets another.

    Args:
        n_programs: that one child runs; limits: of it, for all of them together.
    """

    def __init__(
        self, sandbox: Sandbox, n_programs: int = N_PROGRAMS, limits: Limits = _LIMITS
    ) -> None:
        super().__init__(sandbox, limits)
        self._n_programs = n_programs
        self._n_run = 0

    def for_next(self) -> SessionSource:
        """This child, for one more program; who gets it cannot end it."""
        self._n_run += 1
        if self._n_run % self._n_programs == 0:
            self.close()
        return _Lent(self)


@dataclass(frozen=True, slots=True)
class _Lent:
    """Sessions of a child that is somebody else's."""

    child: OneChild

    @property
    def limits(self) -> Limits:
        return self.child.limits

    def session(self, limits: Limits | None = None) -> Session:
        return self.child.session(limits)


class PlainPair:
    """Where plain programs are examined, one after another; their references in another child."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._candidate = PlainChild(sandbox, N_SEARCHES, _SEARCH_LIMITS)
        self._reference = PlainChild(sandbox, N_SEARCHES, _SEARCH_LIMITS)

    def for_next(self) -> Children:
        """Both children, for one more program."""
        return Children(self._candidate.for_next(), self._reference.for_next())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._candidate.close()
        self._reference.close()
