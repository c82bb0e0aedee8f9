"""The sandbox: runs untrusted programs in children of one pre-warmed process.

`Sandbox` owns a zygote (launch.py starts it, zygote.py is it) and hands out sessions
(session.py), each with one child. What runs in a child is an op; those of program.py load and
call a program. Which layers of isolation a child is behind is decided in isolation.py and told
by `Sandbox.layers`."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import threading
import weakref
from collections.abc import Sequence
from typing import Self

from egca.errors import SandboxError
from egca.execution.launch import ZygoteProcess
from egca.execution.limits import Limits
from egca.execution.session import Session

_log = logging.getLogger("egca")
# Programs import these in nearly every solution; a fork of a process that has them is cheaper.
_COMMON = """
    bisect collections copy dataclasses datetime enum functools heapq itertools math operator random
    re statistics string typing
"""
# The second costs 2 ms of a start; without it the first test of code waits for it instead.
_OPS = ["egca.execution.program", "egca.execution.check_ops", "egca.execution.warm_up"]
_WARM_UP = ["egca.execution.warm_up:warm_up"]  # ops that each child runs before it is handed out
# What programs may import beyond the standard library, where installed. No data sets among it, nor
# the examples of egca, whose tests lie beside them.
PACKAGES = """
    egca/execution egca/localization egca/structure egca/errors egca/types
    msgpack numpy sortedcontainers scipy sympy mpmath pandas networkx dateutil pytz six
"""


class Sandbox:
    """Runs untrusted programs in children of one pre-warmed process.

    Thread-safe; used after a fork of this process it starts a zygote of its own. The zygote starts
    at once and in parallel; the first session waits for it.

    Args:
        limits: of each session that names none.
        preload: modules with ops ("package.module") to import before forking.
        n_ready: children kept forked in advance.
        without: names of layers to leave out, to see how it does without (see layers()).
    """

    def __init__(
        self,
        limits: Limits | None = None,
        preload: Sequence[str] = (),
        n_ready: int = 2,
        without: Sequence[str] = (),
    ) -> None:
        self.limits = limits or Limits()
        self._config = {
            "packages": PACKAGES.split(),
            "preload": [*_OPS, *preload, *_COMMON.split()],
            "n_ready": n_ready,
            "warm_up": _WARM_UP,
            "limits": dataclasses.asdict(self.limits),
            "without": [*without],
        }
        self._lock = threading.RLock()
        self._zygote: ZygoteProcess | None = None
        self._layers: dict[str, str] | None = None
        self._closed = False
        _SANDBOXES.add(self)
        self._zygote = self._start()

    def _start(self) -> ZygoteProcess:
        return ZygoteProcess(self._config)

    def session(self, limits: Limits | None = None) -> Session:
        """A fresh child. Raises: SandboxError if none can be had."""
        with self._lock:
            if self._closed:
                raise SandboxError("this sandbox is closed")
            for _ in range(2):
                if self._zygote is None:
                    self._zygote = self._start()
                try:
                    child, channel, journal = self._zygote.new()
                except OSError:  # the zygote is gone: another one
                    self._zygote.close()
                    self._zygote = None
                else:
                    limits = limits or self.limits
                    return Session(self._zygote, child, channel, journal, limits, self._note)
        raise SandboxError("the sandbox process does not stay alive")

    def layers(self) -> dict[str, str]:
        """Each layer of isolation, "on" or why it is not."""
        if self._layers is None:
            with self.session() as session:
                session.hello()
        return dict(self._layers or {})

    def close(self) -> None:
        """End the zygote and every session. Idempotent."""
        with self._lock:
            self._closed = True
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # an interpreter that shuts down has lost its modules
            self.close()

    def _note(self, layers: dict[str, str]) -> None:
        if self._layers is None:
            self._layers = layers
            _warn_once({name: state for name, state in layers.items() if state != "on"})

    def _forget_after_fork(self) -> None:
        """In a forked copy of this process: the zygote is the original's."""
        self._lock = threading.RLock()
        if self._zygote is not None:
            self._zygote.disown()
            self._zygote = None


_SANDBOXES: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_warned: set[str] = set()


def _after_fork() -> None:
    for sandbox in list(_SANDBOXES):
        sandbox._forget_after_fork()


os.register_at_fork(after_in_child=_after_fork)


def _warn_once(missing: dict[str, str]) -> None:
    new = {name: state for name, state in missing.items() if name not in _warned}
    if new:
        _warned.update(new)
        text = "; ".join(f"{name}: {state}" for name, state in new.items())
        _log.warning("the sandbox runs without some of its layers (%s)", text)
