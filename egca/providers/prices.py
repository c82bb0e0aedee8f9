"""What a reply costs, from the table in prices.json, which says when and where it was read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from egca.prompts import Message
from egca.providers.chat import Schema

_DATE = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$")
_MILLION = 1_000_000
_TURN_TOKENS = 16  # what a template adds to a message, generously
_SCHEMA_TOKENS = 512  # and what a provider says around a schema


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; of the prompt's, what a server's cache read and wrote."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def cost(self, n_new: int, n_output: int, n_read: int = 0, n_written: int = 0) -> float:
        """Dollars for a call. n_new: tokens of the prompt that were neither read nor written."""
        prompt = n_new * self.input + n_read * self.cache_read + n_written * self.cache_write
        return (prompt + n_output * self.output) / _MILLION

    def most(
        self, messages: Sequence[Message], max_tokens: int, schema: Schema | None = None
    ) -> float:
        """The most that a call can cost: no token is shorter than a byte.

        A schema is billed as a part of the prompt.
        """
        n_prompt = sum(len(turn.content.encode()) + _TURN_TOKENS for turn in messages)
        if schema is not None:
            n_prompt += len(json.dumps(schema).encode()) + _SCHEMA_TOKENS
        return self.cost(0, max_tokens, n_written=n_prompt)


def price_of(provider: str, model: str) -> Price | None:
    """The price of a model, also by a name that ends in a date; None where the table has none."""
    models: dict[str, list[float]] = table()[provider]["models"]
    found = models.get(model) or models.get(_DATE.sub("", model))
    return None if found is None else Price(*found)


@cache
def table() -> dict[str, Any]:
    """The table, by provider: when and where its prices were read, and those of each model."""
    path = Path(__file__).with_name("prices.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))["providers"]
    return found
