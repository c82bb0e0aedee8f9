"""The numbers that credit rules take, checked once, with the values published as defaults."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from egca.errors import CreditError

Trace = Literal["recent", "both"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a rule can be told; a rule reads those that its entry in STRATEGIES names.

    Fields:
        cap: bound on the multiplier max_t |a_{i,t}| T_i / |A_i|, at least 1 (`egca-cap`).
        temperature: of `soft`, in statements: 0 is binary, inf uniform.
        trace_decay: gamma lambda of `grpo-lambda`, in [0, 1].
        trace: its weighting, "recent" or "both".
        lowest_advantage: below this `grpo-lambda` clamps A_i; at most 0, -inf: no clamp.
        fine_reward: what `rltf` adds on the tokens that an error names; at most 0.
    Raises: CreditError for a value out of these bounds.
    """

    cap: float = 4.0
    temperature: float = 1.0
    trace_decay: float = 0.99
    trace: Trace = "recent"
    lowest_advantage: float = -0.1
    fine_reward: float = -0.3

    def __post_init__(self) -> None:
        checks = {
            "cap": (self.cap >= 1, "at least 1"),
            "temperature": (self.temperature >= 0, "at least 0"),
            "trace_decay": (0 <= self.trace_decay <= 1, "between 0 and 1"),
            "trace": (self.trace in get_args(Trace), " or ".join(get_args(Trace))),
            "lowest_advantage": (self.lowest_advantage <= 0, "at most 0"),
            "fine_reward": (-math.inf < self.fine_reward <= 0, "at most 0 and finite"),
        }
        for name, (fits, bounds) in checks.items():
            if not fits:
                raise CreditError(f"credit option {name} is {bounds}, got {getattr(self, name)}")


def options_from(values: Mapping[str, Any]) -> Options:
    """Options from names and values as a user wrote them, numbers also as text.

    Raises: CreditError for an unknown name, with the nearest known one, or a value that is none.

    >>> options_from({"temperature": "inf"}).temperature
    inf
    >>> options_from({"temprature": 1})
    Traceback (most recent call last):
    egca.errors.CreditError: no credit option 'temprature'; did you mean 'temperature'?
    """
    known = {field.name: field.type for field in fields(Options)}
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise CreditError(f"no credit option {name!r}; {hint}")
        found[name] = value if known[name] == "Trace" else _number(name, value)
    return Options(**found)


def _number(name: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise CreditError(f"credit option {name} is a number, got {value!r}") from None
