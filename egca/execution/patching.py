"""Hooks that change a run: a value replaced, a decision flipped, at a chosen event.

A `Patcher` counts the events of the sites it was told about exactly as a `Recorder` records them,
so "the third event of site 7" is the same event in both. Everything else passes through as fast as
it can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egca.execution.freezing import MUTABLE
from egca.execution.recorder import HOOKS, MISSING, element_of, own_attribute
from egca.execution.stepping import Stepper
from egca.execution.wire import decode


@dataclass(frozen=True, slots=True)
class Patch:
    """Replace the value of the n-th (1-based) event of a site, or flip a decision there.

    value is data of wire.encode, None with flip. What cannot be replaced stays as it is: the items
    of comprehensions, exceptions, the arguments of generators and coroutines, a tuple of arguments
    by one of another length. The container after a change is replaced in place.
    """

    site: int
    occurrence: int
    value: bytes | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        if self.occurrence < 1 or self.site < 0:
            raise ValueError(f"no such event: {self.occurrence} of site {self.site}")
        if (self.value is None) is not self.flip:
            raise ValueError("a patch either has a value or flips a decision")


class Patcher(Stepper):
    """Applies patches to one run at a time: `begin`, run the program, read `n_applied`."""

    __slots__ = ("_due", "_held", "_seen", "n_applied")

    def __init__(self) -> None:
        super().__init__()
        self._due: dict[int, dict[int, Patch]] = {}
        self._seen: dict[int, int] = {}
        self._held: dict[int, Any] = {}
        self.n_applied = 0

    def begin(self, patches: list[Patch], n_steps: int | None) -> None:
        """Apply these patches from now on, in a run of so many steps at most."""
        self._due = {}
        for patch in patches:
            self._due.setdefault(patch.site, {})[patch.occurrence] = patch
        self._seen = dict.fromkeys(self._due, 0)
        self._held = {}
        self.n_applied = 0
        self.set_steps(n_steps)

    def finish(self) -> None:
        """Let everything pass from now on."""
        self._due = {}
        self._held = {}

    def _next(self, site: int) -> Patch | None:
        """The patch for this event of a patched site."""
        self._seen[site] = n = self._seen[site] + 1
        return self._due[site].get(n)

    def value(self, site: int, value: Any) -> Any:
        if site in self._due:
            patch = self._next(site)
            if patch is not None:
                return self._replaced(patch, value)
        return value

    def _replaced(self, patch: Patch, value: Any) -> Any:
        if patch.value is not None:
            value = decode(patch.value)
        elif value is True or value is False:
            value = not value
        else:
            return value
        self.n_applied += 1
        return value

    branch = value
    operand = value

    def loop(self, site: int, truth: bool) -> Any:
        self.countdown -= 1
        if self.countdown < 0:
            self.check()
        return self.value(site, truth) if site in self._due else truth

    def item(self, site: int, value: Any) -> Any:
        self.countdown -= 1
        if self.countdown < 0:
            self.check()
        return self._same_shape(site, value) if site in self._due else value

    enter = item

    def _same_shape(self, site: int, value: Any) -> Any:
        """A replaced item or tuple of arguments, if it unpacks as the value does."""
        n_before = self.n_applied
        new = self.value(site, value)
        if type(value) is tuple and not (type(new) is tuple and len(new) == len(value)):
            self.n_applied = n_before
            return value
        return new

    def comprehension_item(self, site: int, value: Any) -> bool:
        self._pass(site)
        return True

    def start(self, site: int, value: Any) -> int:
        self._pass(site)
        return 0

    def _pass(self, site: int) -> None:
        self.countdown -= 1
        if self.countdown < 0:
            self.check()

    def mark(self, site: int) -> None:
        pass

    leave = escape = caught = mark

    def resume(self, site: int, token: int, value: Any) -> Any:
        return value

    def delegate(self, site: int, value: Any) -> Any:
        return value

    def escape_token(self, site: int, resume_site: int, token: int) -> None:
        pass

    def container(self, site: int, value: Any) -> None:
        if site in self._due and type(value) in MUTABLE:
            patch = self._next(site)
            if patch is not None and patch.value is not None:
                self.n_applied += _overwrite(value, decode(patch.value))

    def hold(self, site: int, value: Any) -> Any:
        if site in self._due:
            self._held[site] = value
        return value

    def release(self, site: int) -> None:
        if site in self._due:
            self.container(site, self._held.pop(site, None))

    def attribute(self, site: int, name: str) -> None:
        if site in self._due:
            owner = self._held.pop(site, None)
            value = own_attribute(owner, name)
            if value is not MISSING:
                new = self.value(site, value)
                if new is not value:
                    object.__getattribute__(owner, "__dict__")[name] = new

    def subscript(self, site: int, owner: Any, key: Any) -> None:
        if site in self._due:
            value = element_of(owner, key)
            if value is not MISSING:
                new = self.value(site, value)
                if new is not value and type(owner) is not tuple:
                    owner[key] = new

    def hooks(self) -> Mapping[str, Any]:
        """Its hooks by name, for Instrumented.code."""
        return {**{name: getattr(self, name) for name in HOOKS}, "BaseException": BaseException}


def _overwrite(container: Any, new: Any) -> bool:
    """Give a container the content of another of its type; False if it is of another type."""
    if type(container) is not type(new):
        return False
    if isinstance(container, list | bytearray):
        container[:] = new
    else:
        container.clear()
        if hasattr(container, "extend"):
            container.extend(new)
        else:
            container.update(new)
    return True
