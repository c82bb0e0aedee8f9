"""One child for many plain programs (tame.py): a child for each would cost more than its runs.

Training judges and localizes thousands of small programs. One that is plain cannot leave anything
behind for the next; any other gets a child of its own."""

from __future__ import annotations

from egca.execution import Limits, Sandbox
from egca.execution.one_child import OneChild, SessionSource

N_PROGRAMS = 250  # that one child runs before it is replaced
_LIMITS = Limits(program_s=60.0)  # of a child; single runs end by ticks or by their own clock


class PlainChild(OneChild):
    """Hands out one child for plain programs, a fresh one after many.

    A program that ends the child harms only itself: the next one gets another.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox, _LIMITS)
        self._n_run = 0

    def for_next(self) -> SessionSource:
        """This child, for one more program."""
        self._n_run += 1
        if self._n_run % N_PROGRAMS == 0:
            self.close()
        return self
