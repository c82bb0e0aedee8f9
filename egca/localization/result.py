"""What `localize` returns: the divergence with everything needed to show it.

Data only; how it looks (terminal, JSON, HTML) is decided in egca/localization/render."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from egca.problems import Problem
from egca.prompts import Message
from egca.types import Divergence, Program, Span, TestResult, Verdict

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


@dataclass(frozen=True, slots=True)
class Step:
    """One traced event, as a person reads it.

    kind is write, branch, item, call, return, raise or value (of an expression that nothing keeps);
    target what holds the value ("total", "d['a']", the source of a condition or expression,
    "return f"). iteration is 1-based within the innermost loop, 0
    outside.
    """

    kind: str
    span: Span
    target: str
    value: Any
    iteration: int = 0
    call: int = 0
    index: int = -1  # of its event in the trace, -1 if there is none


@dataclass(frozen=True, slots=True)
class AlignedStep:
    """Steps of the two runs that belong together; one side is None where the other has no
    partner."""

    candidate: Step | None
    reference: Step | None
    is_equal: bool
    is_divergence: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """Who was asked where it goes wrong besides the trace, what became of it, and what it took.

    outcome: "confirmed" (its place, and an intervention there makes the output right), "accepted"
    (its place, that nothing confirmed), "trace" (no answer of it stood) or "not asked". confidence
    is what the model said of itself. sampling: how its replies were drawn. refused: why answers did
    not stand, in order. n_cached: replies that were on disk, at no cost and in no time. cost_usd:
    None where there is no price. transcript: the whole dialogue.
    """

    debugger: str
    model: str = ""
    prompt: str = ""
    prompt_sha256: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = "not asked"
    reason: str = ""
    confidence: float | None = None
    refused: tuple[str, ...] = ()
    n_replies: int = 0
    n_cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    transcript: tuple[Message, ...] = ()

    @property
    def was_asked_again(self) -> bool:
        """Whether an answer was refused and the model told why."""
        return bool(self.refused) and self.n_replies > 1

    @property
    def fell_back(self) -> bool:
        """Whether a model was asked in vain, so that the answer is the trace's."""
        return self.outcome == "trace"


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
    opinion: Opinion | None = None  # where a model was to be asked

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
