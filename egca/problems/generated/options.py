"""One decision of a generated program: an option with its words, its code and what it is taken for.

Templates are filled by `str.format` with roles ({x} an item, {t} a total or a list that grows, {p}
the previous item, {n} a second argument, {v} a value that is a decision of its own, {w} the same as
one operand) and constants ({k}, {h}). The options themselves are in tables.py, where programs put
them in shapes.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Constants = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One way to take a decision.

    near: names of the options it is confused with, of the same table and kind of constants. forms:
    equivalent code, the canonical one first; of a condition `negated` is its opposite, of the items
    of a loop `ranged` their indices. The part of a form between « and » is what the decision is
    about, without them all of it. constants: a row of CONSTANTS.
    """

    name: str
    phrase: str
    forms: tuple[str, ...]
    near: tuple[str, ...]
    constants: str = ""
    negated: tuple[str, ...] = ()
    ranged: tuple[str, ...] = ()


Table = dict[str, Option]

# What {k} (and {h}) are drawn from.
CONSTANTS: dict[str, tuple[Constants, ...]] = {
    "": ((),),
    "small": tuple((k,) for k in range(1, 10)),
    "several": tuple((k,) for k in range(2, 10)),  # not 1, which has phrases of its own
    "divisor": ((3,), (4,), (5,)),
    "few": ((2,), (3,), (4,)),
    "range": tuple((k, k + gap) for k in range(1, 6) for gap in (2, 3, 4)),
    "large": tuple((k,) for k in range(10, 31, 2)),
    "letter": tuple((letter,) for letter in "bdgmrt"),
    "mark": tuple((mark,) for mark in "-*_"),
}


def table(*options: Option | Iterable[Option]) -> Table:
    """Options by name, in order."""
    flat = [one for item in options for one in ([item] if isinstance(item, Option) else item)]
    return {option.name: option for option in flat}


def condition(
    name: str, phrase: str, near: str, forms: str, negated: str, constants: str = ""
) -> Option:
    """A condition; forms are told apart by " | ", near by spaces."""
    return Option(
        name,
        phrase,
        tuple(forms.split(" | ")),
        tuple(near.split()),
        constants,
        tuple(negated.split(" | ")),
    )


def expression(name: str, phrase: str, near: str, forms: str, constants: str = "") -> Option:
    """An expression or a statement; forms are told apart by " | ", near by spaces."""
    return Option(name, phrase, tuple(forms.split(" | ")), tuple(near.split()), constants)


# name: sign, the same from the right, its opposite, that from the right, near
_RELATIONS = {
    "above": (">", "<", "<=", ">=", ("at_least", "below")),
    "at_least": (">=", "<=", "<", ">", ("above", "at_most")),
    "below": ("<", ">", ">=", "<=", ("at_most", "above")),
    "at_most": ("<=", ">=", ">", "<", ("below", "at_least")),
    "equal": ("==", "==", "!=", "!=", ("not_equal",)),
    "not_equal": ("!=", "!=", "==", "==", ("equal",)),
}


def relations(
    suffix: str, left: str, right: str, words: str, constants: str = "", is_ordered: bool = False
) -> list[Option]:
    """How two texts compare, {} in words being the relation; is_ordered: without equality."""
    found = []
    for name, (sign, mirrored, other, other_mirrored, near) in _RELATIONS.items():
        if is_ordered and name in ("equal", "not_equal"):
            continue
        same = (f"{left} {sign} {right}", f"{right} {mirrored} {left}")
        opposite = (f"{left} {other} {right}", f"{right} {other_mirrored} {left}")
        found.append(
            Option(
                f"{name}{suffix}",
                words.replace("{}", name.replace("_", " ")),
                (*same, f"not {opposite[0]}"),
                tuple(f"{one}{suffix}" for one in near),
                constants,
                (*opposite, f"not {same[0]}"),
            )
        )
    return found


def parity(suffix: str, subject: str, words: str) -> list[Option]:
    """Even and odd, {} in words being which."""
    even = (f"{subject} % 2 == 0", f"not {subject} % 2")
    odd = (f"{subject} % 2 == 1", f"{subject} % 2 != 0", f"{subject} % 2")
    return [
        Option(f"even{suffix}", words.replace("{}", "even"), even, (f"odd{suffix}",), "", odd),
        Option(f"odd{suffix}", words.replace("{}", "odd"), odd, (f"even{suffix}",), "", even),
    ]
