"""Writes a plan down as a program: names, forms and the places of its decisions.

A shape (shapes.py) builds lines of text and asks a `Writer` for what is free in them. Where a
decision stands is marked by control characters, which `finished` takes out again."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from egca.problems.generated.options import Constants, Option

# Names of the roles, the canonical one first; those of roles that meet in a program differ.
NAMES: dict[str, tuple[str, ...]] = {
    "values": ("values", "items", "numbers"),
    "text": ("text", "word", "line"),
    "x": ("x", "item", "value"),
    "c": ("c", "char", "letter"),
    "total": ("total", "result", "acc"),
    "list": ("result", "found", "out"),
    "run": ("run", "streak", "current"),
    "best": ("best", "kept", "answer"),
    "previous": ("previous", "last", "before"),
    "n": ("n", "limit"),
    "g": ("g", "helper"),
    "y": ("y", "raw"),
    "i": ("i", "index"),
    "a": ("a",),
    "b": ("b",),
    "left": ("left", "xs"),
    "right": ("right", "ys"),
    "number": ("n", "number"),
}
_MARK = re.compile("\x01(.)|\x02", re.DOTALL)
_FIRST_MARK = 0x100
_SIMPLE = re.compile(r"[\w.]+(\([^()]*\))?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One decision as taken: where it stands (slot), from which table, which option."""

    slot: str
    table: str
    option: Option
    constants: Constants = ()

    @property
    def kind(self) -> str:
        """The slot without its number."""
        return self.slot.rstrip("0123456789")

    @property
    def name(self) -> str:
        """As it stands in a composition."""
        return f"{self.slot}.{self.option.name}"

    def fields(self) -> dict[str, int | str]:
        """What {k} and {h} stand for."""
        return dict(zip(("k", "h"), self.constants, strict=False))

    def phrase(self, subject: str = "item", value: str = "") -> str:
        """Its words in the specification; value is the phrase of the value it holds, if any."""
        return self.option.phrase.format(s=subject, v=value, **self.fields())


@dataclass(frozen=True, slots=True)
class Plan:
    """A shape and the decisions in it, in the order of the specification."""

    shape: str
    chosen: tuple[Chosen, ...]

    def uses(self, role: str) -> bool:
        """Whether the code of any decision names this role."""
        return any(f"{{{role}}}" in one.option.forms[0] for one in self.chosen)


class Writer:
    """What is free in a program, drawn as it is written: with freedom 0 always the canonical form.

    swaps: options that stand in place of the plan's own, by slot.
    """

    def __init__(
        self,
        plan: Plan,
        rng: random.Random | None = None,
        freedom: float = 0.0,
        swaps: Mapping[str, Option] | None = None,
    ) -> None:
        self.plan = plan
        self.rng = rng
        self.freedom = freedom
        self._swaps = swaps or {}
        self._names: dict[str, str] = {}
        self._index = {one.slot: i for i, one in enumerate(plan.chosen)}

    def has(self, slot: str) -> bool:
        return slot in self._index

    def free(self, n: int) -> int:
        """Which of n forms, the canonical being 0."""
        if self.rng is None or n < 2 or self.rng.random() >= self.freedom:
            return 0
        return int(self.rng.random() * n)

    def name(self, role: str) -> str:
        """The name of a role, the same through the program."""
        if role not in self._names:
            names = NAMES[role]
            self._names[role] = names[self.free(len(names))]
        return self._names[role]

    def option(self, slot: str) -> Option:
        swapped = self._swaps.get(slot)
        return swapped or self.plan.chosen[self._index[slot]].option

    def slot(self, slot: str, form: str = "forms", **roles: str) -> str:
        """The marked code of a decision; form is the field of Option to take it from."""
        index = self._index[slot]
        forms: tuple[str, ...] = getattr(self.option(slot), form)
        text = forms[self.free(len(forms))].format(**roles, **self.plan.chosen[index].fields())
        begin = f"\x01{chr(_FIRST_MARK + index)}"
        if "«" in text:
            return text.replace("«", begin, 1).replace("»", "\x02", 1)
        return f"{begin}{text}\x02"

    def step(self, slot: str, target: str, **roles: str) -> str:
        """The marked statement of a decision that changes the role `target`."""
        return self.slot(slot, **roles)


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def grouped(text: str) -> str:
    """The text as one operand: in parentheses unless it is a name, a number or a call."""
    return text if _SIMPLE.fullmatch(_MARK.sub("", text)) else f"({text})"


def finished(lines: list[str]) -> tuple[str, dict[int, tuple[int, int]]]:
    """The program without marks, and [start, end) of each decision in it, by its index."""
    text = "\n".join(lines) + "\n"
    parts: list[str] = []
    spans: dict[int, tuple[int, int]] = {}
    is_open: list[tuple[int, int]] = []
    at = length = 0
    for match in _MARK.finditer(text):
        parts.append(text[at : match.start()])
        length += match.start() - at
        at = match.end()
        if match[1] is not None:
            is_open.append((ord(match[1]) - _FIRST_MARK, length))
        else:
            index, start = is_open.pop()
            spans[index] = (start, length)
    parts.append(text[at:])
    return "".join(parts), spans
