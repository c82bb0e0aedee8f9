"""The two aligned traces around the divergence: side by side, or stacked when narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from egca.localization.render.glyphs import Glyphs
from egca.localization.render.listing import MARK
from egca.localization.render.wording import step_text
from egca.localization.result import AlignedStep, Step

SIDE_BY_SIDE = 60  # columns that two runs beside each other need
_BEFORE, _AFTER = 5, 3
_QUIET = "dim"


def runs(traces: Sequence[AlignedStep], width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Screen lines of the steps around the divergence, oldest first.

    A step stands as "LINE what happened"; unequal partners have a sign between them, and the
    divergence a mark in front.
    """
    first, last = window(traces)
    steps = traces[first:last]
    has_reference = any(step.reference is not None for step in traces)
    if first:
        yield Text(f"  {glyphs.gap} {first} earlier", style=_QUIET)
    digits = max(len(str(side.span.line)) for step in steps for side in _sides(step))
    if not has_reference:
        yield from _single(steps, width, digits, glyphs)
    elif width >= SIDE_BY_SIDE:
        yield from _beside(steps, width, digits, glyphs)
    else:
        yield from _stacked(steps, width, digits, glyphs)
    if last < len(traces):
        yield Text(f"  {glyphs.gap} {len(traces) - last} later", style=_QUIET)


def divergence_at(traces: Sequence[AlignedStep]) -> int | None:
    """Index of the divergence, or of the first unequal step when none is marked, or None."""
    marked = next((i for i, step in enumerate(traces) if step.is_divergence), None)
    if marked is not None:
        return marked
    return next((i for i, step in enumerate(traces) if not step.is_equal), None)


def window(
    traces: Sequence[AlignedStep], before: int = _BEFORE, after: int = _AFTER
) -> tuple[int, int]:
    """[first, last) of the steps to show; the end of the run if the two never differ."""
    at = divergence_at(traces)
    if at is None:
        at = len(traces) - 1
    return max(at - before, 0), min(at + after + 1, len(traces))


def _sides(step: AlignedStep) -> list[Step]:
    return [side for side in (step.candidate, step.reference) if side is not None]


def _beside(
    steps: Sequence[AlignedStep], width: int, digits: int, glyphs: Glyphs
) -> Iterator[Text]:
    room = (width - 2 - 3) // 2
    yield Text(f"  {'candidate':<{room}}   reference", style=_QUIET)
    for step in steps:
        line = Text(no_wrap=True, overflow="crop")
        line.append(glyphs.mark if step.is_divergence else " ", style=MARK)
        line.append(" ")
        style = MARK if step.is_divergence else ""
        left = _event(step.candidate, room, digits, glyphs)
        line.append(left + " " * (room - cell_len(left)), style=style)
        line.append(f" {_sign(step, glyphs)} ", style="" if step.is_equal else MARK)
        line.append(_event(step.reference, room, digits, glyphs), style=style)
        line.rstrip()
        yield line


def _stacked(
    steps: Sequence[AlignedStep], width: int, digits: int, glyphs: Glyphs
) -> Iterator[Text]:
    """Equal partners share a line; of unequal ones the reference's stands below, labelled."""
    label = "ref "
    for step in steps:
        head = glyphs.mark if step.is_divergence else " "
        style = MARK if step.is_divergence else ""
        if step.candidate is not None:
            sign = _sign(step, glyphs)
            event = _event(step.candidate, width - 4, digits, glyphs)
            yield Text.assemble((head, MARK), f" {sign} ", (event, style))
        if step.reference is not None and not (step.is_equal and step.candidate is not None):
            event = _event(step.reference, width - 4 - len(label), digits, glyphs)
            mark = " " if step.candidate is not None else head
            yield Text.assemble((mark, MARK), "   ", (label, _QUIET), (event, style))


def _single(
    steps: Sequence[AlignedStep], width: int, digits: int, glyphs: Glyphs
) -> Iterator[Text]:
    for step in steps:
        event = _event(step.candidate, width - 2, digits, glyphs)
        style = MARK if step.is_divergence else ""
        yield Text.assemble((glyphs.mark if step.is_divergence else " ", MARK), " ", (event, style))


def _event(step: Step | None, width: int, digits: int, glyphs: Glyphs) -> str:
    if step is None:
        return " " * (digits + 2) + "-"
    text = step_text(step, 2 * width)
    return f"{step.span.line:>{digits}}  " + glyphs.fit(text, max(width - digits - 2, 4))


def _sign(step: AlignedStep, glyphs: Glyphs) -> str:
    if step.candidate is None or step.reference is None:
        return " "
    return "=" if step.is_equal else glyphs.different
