"""Tests that tell every single fault of a plan from the plan itself, found fast.

The program is written once with a call in place of each decision and compiled (one code for all
plans of a layout); the decisions' options are small functions, compiled once each. So a fault is
tried by putting another function in its place: microseconds, where compiling it would take a
hundred times as long. Only code of our own tables runs here, never a program that a model wrote."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from egca.problems.generated.inputs import Arguments, arguments
from egca.problems.generated.options import Constants, Option
from egca.problems.generated.shapes import SHAPES
from egca.problems.generated.tables import TABLES
from egca.problems.generated.writing import Plan, Writer

N_TESTS = 10
_MAX_CANDIDATES = 40  # nine of ten plans that can be told apart at all are by then
_N_PATIENT = 20  # inputs until a plan with more than three faults alive is given up: few come good
_MAX_ALIVE = 3
Part = Callable[..., Any]


class _Probe(Writer):
    """Writes S[i](roles) where decision i would stand, and remembers what the roles are."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.roles: dict[int, tuple[str, ...]] = {}
        self.targets: dict[int, str] = {}

    def slot(self, slot: str, form: str = "forms", **roles: str) -> str:
        index = self._index[slot]
        roles.pop("w", None)  # the value again, in parentheses
        self.roles[index] = tuple(roles)
        return f"S[{index}]({', '.join(roles.values())})"

    def step(self, slot: str, target: str, **roles: str) -> str:
        self.targets[self._index[slot]] = target
        return f"{roles[target]} = {self.slot(slot, **roles)}"


class Probe:
    """A plan as a function, in which any decision can be taken otherwise."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        writer = _Probe(plan)
        lines = SHAPES[plan.shape].write(writer)
        self._roles, self._targets = writer.roles, writer.targets
        self._parts = [self._part(i, one.option) for i, one in enumerate(plan.chosen)]
        names: dict[str, Any] = {"S": self._parts}
        exec(_code("\n".join(lines)), names)
        self._function: Part = names["f"]

    def _part(self, index: int, option: Option) -> Part:
        return _compiled(
            option.forms[0],
            self._plan.chosen[index].constants,
            self._roles[index],
            self._targets.get(index, ""),
        )

    def __call__(self, arguments: Arguments) -> Any:
        return self._function(*arguments)

    def faults(self) -> list[tuple[int, Part]]:
        """Every single decision taken as one of its neighbours: its index and the other part."""
        return [
            (i, self._part(i, TABLES[one.table][name]))
            for i, one in enumerate(self._plan.chosen)
            for name in one.option.near
        ]

    def differs(self, fault: tuple[int, Part], arguments: Arguments, expected: Any) -> bool:
        """Whether the program with this fault gives another value."""
        index, part = fault
        own, self._parts[index] = self._parts[index], part
        try:
            return bool(self._function(*arguments) != expected)
        finally:
            self._parts[index] = own


@lru_cache(maxsize=4096)
def _code(source: str) -> Any:
    return compile(source, "<plan>", "exec")


@lru_cache(maxsize=65536)
def _compiled(form: str, constants: Constants, roles: tuple[str, ...], target: str) -> Part:
    """An option as a function of its roles; a statement gives the role that it changes."""
    fields = dict(zip(("k", "h"), constants, strict=False))
    text = form.replace("«", "").replace("»", "")
    names = {role: role for role in roles}
    text = text.format(**{"w": "v", **names, **fields})
    if target:
        source = f"def part({', '.join(roles)}):\n    {text}\n    return {target}\n"
    else:
        source = f"def part({', '.join(roles)}):\n    return {text}\n"
    scope: dict[str, Any] = {}
    exec(source, scope)
    part: Part = scope["part"]
    return part


def adequate_tests(plan: Plan, rng: random.Random) -> list[tuple[Arguments, Any]] | None:
    """About ten inputs with the values expected of them; None if some fault cannot be told apart.

    Edge cases come first; every single fault changes at least one of the values.
    """
    probe = Probe(plan)
    alive = probe.faults()
    kept: list[tuple[Arguments, Any]] = []
    spare: list[tuple[Arguments, Any]] = []
    candidates = arguments(plan, SHAPES[plan.shape].inputs, rng)
    for number, one in enumerate(islice(candidates, _MAX_CANDIDATES)):
        expected = probe(one)
        still = [fault for fault in alive if not probe.differs(fault, one, expected)]
        is_edge = number < 3
        if is_edge or len(still) < len(alive):
            kept.append((one, expected))
        elif len(spare) < N_TESTS:
            spare.append((one, expected))
        alive = still
        if number >= _N_PATIENT and len(alive) > _MAX_ALIVE:
            return None
        if not alive and len(kept) + len(spare) >= N_TESTS:
            return kept + spare[: max(0, N_TESTS - len(kept))]
    return None
