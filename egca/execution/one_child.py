"""One child for several ops on one program, where a fresh child for each would only cost time.

Starting a child and taking it down is most of the price of a short run. Judging, tracing and
editing one untrusted program may share its process: what it does to that process harms only what
is said of itself. Two programs never share one, nor does anything that knows what is expected;
save that training judges and localizes one after another in one child programs that cannot leave
anything behind (egca/localization/tame.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.execution.session import Session


class SessionSource(Protocol):
    """Whatever hands out sessions: a sandbox, or one child of it."""

    @property
    def limits(self) -> Limits:
        """Limits of a session that names none."""

    def session(self, limits: Limits | None = None) -> Session:
        """A session. Raises: SandboxError if none can be had."""


class OneChild:
    """Hands out the same child again and again, a fresh one when it has died.

    Args:
        limits: of the process, for all that runs in it; those of a request are ignored.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits) -> None:
        self.limits = limits
        self._sandbox = sandbox
        self._session: Session | None = None

    def session(self, limits: Limits | None = None) -> Session:
        """The child; closing what this returns leaves it alive. Raises: SandboxError."""
        if self._session is None or not self._session.alive:
            self._session = self._sandbox.session(self.limits)
        return _Lent(self._session)

    def close(self) -> None:
        """End the child. Idempotent."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Children:
    """Where a candidate runs, and where its reference does: never in the same child."""

    candidate: SessionSource
    reference: SessionSource


class _Lent(Session):
    """A session that somebody else ends."""

    def __init__(self, inner: Session) -> None:
        self._inner = inner
        self.limits = inner.limits

    @property
    def alive(self) -> bool:
        return self._inner.alive

    def stream(
        self,
        op: str,
        payload: Any = None,
        timeout_s: float | None = None,
        total_s: float | None = None,
    ) -> Iterator[Any]:
        return self._inner.stream(op, payload, timeout_s, total_s)

    def hello(self) -> None:
        self._inner.hello()

    def close(self) -> None:
        pass
