"""What a credit rule may know of one completion, in tokens, and what it can ask for.

Who computes it (compiler, traceback, localization, coverage) is decided above this room; here it is
data. A field left empty means "not computed" or "nothing found": no rule may fail on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from egca.errors import CreditError
from egca.types import Cause, Mode


class Need(StrEnum):
    """What a rule reads of a completion beyond its tokens, reward, advantage and mode."""

    LOCATION = "location"  # Evidence.located
    LATE = "late"  # Evidence.late
    UNCONFIRMED = "unconfirmed"  # Evidence.unconfirmed
    EXCEPTIONS = "exceptions"  # Evidence.exception_located
    STATEMENTS = "statements"  # Evidence.statements
    EXECUTED = "executed"  # Evidence.executed
    STEPS = "steps"  # Evidence.statements, steps and dies_at
    REPAIR = "repair"  # Evidence.repair


@dataclass(frozen=True, slots=True)
class TokenRepair:
    """A verified repair in tokens: [start, end) of the completion becomes `token_ids`.

    Up to `start` the completion and its repaired form are the same tokens. Neither side is empty.
    """

    start: int
    end: int
    token_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end or not self.token_ids:
            raise CreditError(
                f"a repair replaces at least one token by at least one, "
                f"got [{self.start}, {self.end}) and {len(self.token_ids)} tokens"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One completion of a group, as a credit rule sees it.

    Indices of tokens lie in [0, T_i) of the sampled completion, without prompt and padding, in any
    order; repeats count once.

    Fields:
        token_ids: the T_i ids that were sampled, at least one.
        reward, advantage: r_i, and A_i as `group_advantages` gave it; unitless.
        mode, cause: what the gate says.
        passes: whether every test passes, as it may in constraint mode too; None: as the mode has
            it.
        exception: class of the error that the compiler or the run raised ("KeyError"), else "".
        located: T_err (syntax mode: compiler or traceback) or T_k* (localization).
        late: the statement of the last aligned state that differs.
        unconfirmed: the statement of the first aligned state that differs, taken without any
            intervention that would prove it.
        exception_located: where localization by trace puts a raised exception.
        statements: the tokens of each statement in the order of the text, of a compound statement
            its header only; a token that two statements share counts for the later one.
        executed: the tokens of statements that the tests executed; None: not computed.
        steps: for each statement the step k >= 0 of the reference it is aligned with, or None.
        dies_at: the step at which a failing completion diverges; None: unknown, or it passes.
        repair: a repair that makes every input right, in tokens.
    Raises: CreditError where these do not fit together.
    """

    token_ids: Sequence[int]
    reward: float
    advantage: float
    mode: Mode
    cause: Cause = Cause.NONE
    exception: str = ""
    located: Sequence[int] = ()
    late: Sequence[int] = ()
    unconfirmed: Sequence[int] = ()
    exception_located: Sequence[int] = ()
    statements: Sequence[Sequence[int]] = ()
    executed: Sequence[int] | None = None
    steps: Sequence[int | None] | None = None
    dies_at: int | None = None
    repair: TokenRepair | None = None
    passes: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", Mode(self.mode))
        if not len(self.token_ids):
            raise CreditError("a completion has at least one token, got none")
        for name in ("reward", "advantage"):
            if not math.isfinite(getattr(self, name)):
                raise CreditError(f"the {name} must be finite, got {getattr(self, name)}")
        for name in ("located", "late", "unconfirmed", "exception_located"):
            self._check(name, getattr(self, name))
        self._check("executed", self.executed or ())
        for statement in self.statements:
            self._check("statements", statement)
        if self.repair is not None:
            self._check("repair", [self.repair.end - 1])
        if self.steps is not None and len(self.steps) != len(self.statements):
            raise CreditError(f"{len(self.steps)} steps for {len(self.statements)} statements")
        known = [step for step in (*(self.steps or ()), self.dies_at) if step is not None]
        if min(known, default=0) < 0:
            raise CreditError(f"steps of the reference count from 0, got {min(known)}")

    @property
    def n_tokens(self) -> int:
        """T_i."""
        return len(self.token_ids)

    @property
    def has_passed(self) -> bool:
        """Whether every test passes, as far as is known."""
        return self.mode is Mode.CORRECT if self.passes is None else self.passes

    def _check(self, name: str, indices: Sequence[int]) -> None:
        if len(indices) and not (min(indices) >= 0 and max(indices) < self.n_tokens):
            wrong = next(index for index in indices if not 0 <= index < self.n_tokens)
            raise CreditError(
                f"{name}: token {wrong} lies outside a completion of {self.n_tokens} tokens"
            )


Asked = Callable[[Mode, float], bool]
Needs = Mapping[Need, Asked]


def failed_in(*modes: Mode) -> Asked:
    """Asks for completions of these modes with A_i < 0.

    A_i = 0 (all of a group failed or passed) moves nothing, and A_i > 0 falls back to uniform.

    >>> [failed_in(Mode.LOGIC)(Mode.LOGIC, a) for a in (-0.5, 0.0, 0.5)]
    [True, False, False]
    """
    return lambda mode, advantage: mode in modes and advantage < 0


def any_signal(mode: Mode, advantage: float) -> bool:
    """Asks for every completion whose group has a signal, the passing ones too."""
    return advantage != 0
