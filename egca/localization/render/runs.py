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
_BEFORE, _AFTER = 6, 4
_ALONE = 2  # steps of the reference alone that are shown in a row
_QUIET = "dim"


def runs(traces: Sequence[AlignedStep], width: int, glyphs: Glyphs) -> Iterator[Text]:
    """Screen lines of the steps around the divergence, oldest first.

    A step stands as "LINE what happened"; unequal partners have a sign between them, and the
    divergence a mark in front.
    """
    has_reference = any(step.reference is not None for step in traces)
    chosen = _chosen(traces)
    digits = max(len(str(side.span.line)) for at in chosen for side in _sides(traces[at]))
    if has_reference and width >= SIDE_BY_SIDE:
        yield Text(f"  {'candidate':<{_room(width)}}   reference", style=_QUIET)
    previous = -1
    for at in [*chosen, len(traces)]:
        if at > previous + 1:
            left = "earlier" if previous < 0 else "later" if at == len(traces) else "more"
            yield Text(f"  {glyphs.gap} {at - previous - 1} {left}", style=_QUIET)
        previous = at
        if at == len(traces):
            break
        if not has_reference:
            yield _single(traces[at], width, digits, glyphs)
        elif width >= SIDE_BY_SIDE:
            yield _beside(traces[at], width, digits, glyphs)
        else:
            yield from _stacked(traces[at], width, digits, glyphs)


def _room(width: int) -> int:
    return (width - 2 - 3) // 2


def _chosen(traces: Sequence[AlignedStep]) -> list[int]:
    """Indices of the steps to show: around the divergence, few of what only one side does."""
    at = divergence_at(traces)
    if at is None:
        at = len(traces) - 1
    before = _some(traces, range(at - 1, -1, -1), _BEFORE)
    return [*reversed(before), at, *_some(traces, range(at + 1, len(traces)), _AFTER)]


def _some(traces: Sequence[AlignedStep], order: range, wanted: int) -> list[int]:
    """The first indices of an order that are worth a line, at most `wanted`."""
    chosen: list[int] = []
    alone = 0
    for index in order:
        is_alone = traces[index].candidate is None
        alone = alone + 1 if is_alone else 0
        if len(chosen) == wanted:
            break
        if alone <= _ALONE:
            chosen.append(index)
    return chosen


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


def _beside(step: AlignedStep, width: int, digits: int, glyphs: Glyphs) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    line.append(glyphs.mark if step.is_divergence else " ", style=MARK)
    line.append(" ")
    style = MARK if step.is_divergence else ""
    left = _event(step.candidate, _room(width), digits, glyphs)
    line.append(left + " " * (_room(width) - cell_len(left)), style=style)
    line.append(f" {_sign(step, glyphs)} ", style="" if step.is_equal else MARK)
    line.append(_event(step.reference, _room(width), digits, glyphs), style=style)
    line.rstrip()
    return line


def _stacked(step: AlignedStep, width: int, digits: int, glyphs: Glyphs) -> Iterator[Text]:
    """Equal partners share a line; of unequal ones the reference's stands below, labelled."""
    label = "ref "
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


def _single(step: AlignedStep, width: int, digits: int, glyphs: Glyphs) -> Text:
    event = _event(step.candidate, width - 2, digits, glyphs)
    style = MARK if step.is_divergence else ""
    return Text.assemble((glyphs.mark if step.is_divergence else " ", MARK), " ", (event, style))


def _event(step: Step | None, width: int, digits: int, glyphs: Glyphs) -> str:
    if step is None:
        return " " * (digits + 2) + "-"
    text = step_text(step, 2 * width)
    return f"{step.span.line:>{digits}}  " + glyphs.fit(text, max(width - digits - 2, 4))


def _sign(step: AlignedStep, glyphs: Glyphs) -> str:
    if step.candidate is None or step.reference is None:
        return " "
    return "=" if step.is_equal else glyphs.different
