"""What tests of code use of pytest; the real one need not be installed, and is slow to import."""

from __future__ import annotations

import builtins
import math
import re
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NUMBERS = (int, float, complex)


class Caught:
    """The excinfo of `pytest.raises`, filled when its block has ended."""

    value: Any = None
    type: Any = None

    def match(self, pattern: str) -> bool:
        """Whether the text of the exception has this. Raises: AssertionError if not."""
        if not re.search(pattern, str(self.value)):
            raise AssertionError(f"{str(self.value)!r} does not match {pattern!r}")
        return True


@contextmanager
def raises(expected: Any, match: str | None = None) -> Iterator[Caught]:
    """pytest.raises as a context manager."""
    caught = Caught()
    try:
        yield caught
    except expected as error:
        caught.value, caught.type = error, type(error)
    else:
        raise AssertionError(f"did not raise {getattr(expected, '__name__', expected)}")
    if match is not None:
        caught.match(match)


def fail(reason: str = "") -> None:
    """pytest.fail."""
    raise AssertionError(reason)


class Approx:
    """pytest.approx: numbers, and lists and dicts of them, within a tolerance."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        expected: Any,
        rel: float | None = None,
        abs: float | None = None,
        nan_ok: bool = False,
    ) -> None:
        self.expected = expected
        self.rel = rel if rel is not None else (0.0 if abs is not None else 1e-6)
        self.abs = abs if abs is not None else 1e-12
        self.nan_ok = nan_ok

    def __eq__(self, other: object) -> bool:
        return self._near(self.expected, other)

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def _near(self, expected: Any, actual: Any) -> bool:
        if isinstance(expected, list | tuple):
            if not isinstance(actual, list | tuple) or len(expected) != len(actual):
                return False
            return all(map(self._near, expected, actual))
        if isinstance(expected, dict):
            if not isinstance(actual, dict) or expected.keys() != actual.keys():
                return False
            return all(self._near(value, actual[key]) for key, value in expected.items())
        if expected == actual:
            return True
        if not isinstance(expected, _NUMBERS) or not isinstance(actual, _NUMBERS):
            return False
        size = builtins.abs(expected)
        if math.isnan(size):
            return self.nan_ok and actual != actual
        if math.isinf(size):  # the bound would be, too
            return False
        return bool(builtins.abs(actual - expected) <= max(self.rel * size, self.abs))


PYTEST = types.SimpleNamespace(raises=raises, approx=Approx, fail=fail)
