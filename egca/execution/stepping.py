"""Counting the steps of a run: one that loops forever ends soon, and always at the same place.

A step is an iteration of a loop or comprehension, or a call of the program's own functions."""

from __future__ import annotations

CHECK_EVERY = 256  # steps between two looks at the bounds
_NEVER = 1 << 62


class StepLimit(BaseException):
    """The run took more steps than it may. Not an Exception, because programs catch those."""


class Stepper:
    """Base of the hooks: each step does `countdown -= 1`, and calls `check` below zero."""

    __slots__ = ("_limit", "_n_checked", "_stretch", "countdown")

    def __init__(self) -> None:
        self.set_steps(None)

    def set_steps(self, limit: int | None) -> None:
        """Begin to count, up to so many steps (None: no bound)."""
        self._limit = _NEVER if limit is None else limit
        self._n_checked = 0
        self.countdown = self._stretch = min(CHECK_EVERY, self._limit)

    @property
    def n_steps(self) -> int:
        """Steps of this run so far."""
        return self._n_checked + self._stretch - max(self.countdown, 0)

    @property
    def hit_step_limit(self) -> bool:
        """Whether this run was stopped for its number of steps."""
        return self._n_checked >= self._limit

    def check(self) -> None:
        """Called at the step after each stretch. Raises: StepLimit if it is one too many."""
        self._n_checked += self._stretch
        left = self._limit - self._n_checked
        self.countdown = self._stretch = max(min(CHECK_EVERY, left), 0)
        if left <= 0:
            raise StepLimit(f"more than {self._limit} steps")
        self.countdown -= 1
