"""What is logged of a step: weighted means, sums, largest values, and where the time went."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.files import reason_of, save_text


class Means:
    """Numbers of one step, gathered over its micro-batches."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._weights: dict[str, float] = defaultdict(float)
        self._totals: dict[str, float] = defaultdict(float)
        self._highest: dict[str, float] = {}

    def add(self, name: str, value: float, weight: float = 1.0) -> None:
        """One more value of a weighted mean."""
        self._sums[name] += value * weight
        self._weights[name] += weight

    def total(self, name: str, value: float) -> None:
        """One more part of a sum."""
        self._totals[name] += value

    def highest(self, name: str, value: float) -> None:
        """One more candidate for a largest value."""
        self._highest[name] = max(value, self._highest.get(name, -math.inf))

    def include(self, other: Means) -> None:
        """Take in what another process has gathered of the same step."""
        for mine, theirs in (
            (self._sums, other._sums),
            (self._weights, other._weights),
            (self._totals, other._totals),
        ):
            for name, value in theirs.items():
                mine[name] += value
        for name, value in other._highest.items():
            self.highest(name, value)

    def values(self) -> dict[str, float]:
        """All of them by name."""
        means = {name: self._sums[name] / w for name, w in self._weights.items() if w}
        return {**means, **self._totals, **self._highest}


class Clock:
    """Seconds of wall-clock by phase of a step; a phase inside another counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[tuple[str, float]] = []
        self._started = time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        now = time.perf_counter()
        if self._open:
            outer, since = self._open[-1]
            self.seconds[outer] += now - since
        self._open.append((name, now))
        try:
            yield
        finally:
            now = time.perf_counter()
            inner, since = self._open.pop()
            self.seconds[inner] += now - since
            if self._open:
                self._open[-1] = (self._open[-1][0], now)

    def split(self) -> dict[str, float]:
        """Seconds by phase, with "total" since the clock was made."""
        return {**self.seconds, "total": time.perf_counter() - self._started}


class MetricsLog:
    """A file of a run with a line a step, flushed as it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: dict[str, Any]) -> None:
        """Append one line; numbers that are not finite become null."""
        append_line(self._path, json.dumps(_finite(line), ensure_ascii=False))

    def cut(self, n_steps: int) -> None:
        """Drop the lines of steps that a resumed run makes again, and a torn last one."""
        if not self._path.exists():
            return
        kept = [line for line in read_metrics(self._path) if line["step"] < n_steps]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
        save_text(self._path, text)


def append_line(path: Path, text: str) -> None:
    """One more line of a file. Raises: InputError where it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}") from None


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Lines of a metrics file, without one that a kill has torn; [] if there is none."""
    lines: list[dict[str, Any]] = []
    if not path.exists():
        return lines
    for text in path.read_text("utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return round(value, 7) if math.isfinite(value) else None
    return value
