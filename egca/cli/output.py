"""How commands write JSON to the terminal, and end when they are interrupted."""

from __future__ import annotations

from typing import Any

EXIT_INTERRUPTED = 130  # as a shell says of Ctrl-C


def print_json(value: Any) -> None:
    """A value as indented JSON, on stdout."""
    from json import dumps

    print(dumps(value, indent=2))
