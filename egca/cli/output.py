"""How commands write JSON to the terminal."""

from __future__ import annotations

from typing import Any


def print_json(value: Any) -> None:
    """A value as indented JSON, on stdout."""
    from json import dumps

    print(dumps(value, indent=2))
