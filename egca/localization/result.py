"""What `localize` returns: the divergence with everything needed to show it.

Data only; how it looks (terminal, JSON, HTML) is decided in egca/localization/render."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from egca.problems import Problem
from egca.types import Divergence, Program, Span, TestResult, Verdict

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


@dataclass(frozen=True, slots=True)
class Step:
    """One traced event, as a person reads it.

    kind is write, branch, item, call, return or raise; target what holds the value ("total",
    "d['a']",
    the source of a condition, "return f"). iteration is 1-based within the innermost loop, 0
    outside.
    """

    kind: str
    span: Span
    target: str
    value: Any
    iteration: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class AlignedStep:
    """Steps of the two runs that belong together; one side is None where the other has no
    partner."""

    candidate: Step | None
    reference: Step | None
    is_equal: bool
    is_divergence: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Localization:
    """Everything `localize` found out about one program.

    divergence is None exactly when the verdict is correct. traces are the aligned runs on the first
    failing input, empty when there is none or no reference; `is_truncated` says a bound was hit.
    """

    problem: Problem
    program: Program
    reference: Program | None
    verdict: Verdict
    divergence: Divergence | None
    failing: TestResult | None = None
    n_tests: int = 0
    n_failing: int = 0
    traces: tuple[AlignedStep, ...] = ()
    is_truncated: bool = False
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line: the fields hold whole programs and traces."""
        from egca.localization.render.wording import brief

        return f"<Localization: {brief(self)}>"

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """What `rich.print(localization)` shows."""
        from egca.localization.render.terminal import TerminalView

        yield TerminalView(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the interactive page, in a frame of its own."""
        from egca.localization.render.html import frame

        return frame(self)
