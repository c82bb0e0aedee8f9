"""Programs, values and runs as text for a prompt, within a number of tokens.

What does not fit is chosen by its distance from the places that matter, never blindly from the
middle, and the text says what was left out. Tokens are estimated: no tokenizer is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from egca.localization.examination import Examination
from egca.localization.render import wording
from egca.localization.render.values import glimpse, plain
from egca.localization.result import AlignedStep, Step
from egca.types import Outcome

N_CENTRES = 5  # suspicious lines around whose steps the runs are shown
_STEP_CHARS = 72
_NEAR = 2  # lines beside a suspicious one
_BYTES_PER_TOKEN = 3  # code has fewer than prose; too many tokens guessed is the safe side


def n_tokens(text: str) -> int:
    """About how many tokens a text has; rather too many than too few.

    >>> n_tokens("return total")
    4
    """
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def shortened(text: str, budget: int) -> str:
    """A text of at most about `budget` tokens: its beginning and end, and how much is missing.

    >>> shortened("a" * 300, 2)
    'aaa\\n[... 294 characters left out ...]\\naaa'
    """
    if n_tokens(text) <= budget:
        return text
    half = max(budget * _BYTES_PER_TOKEN // 2, 1)
    left = len(text) - 2 * half
    if left <= 0:
        return text
    return f"{text[:half]}\n[... {left} characters left out ...]\n{text[-half:]}"


def numbered(source: str, budget: int, around: Iterable[int] = ()) -> str:
    """A program with a number before each line, so that no line of it can end a prompt's block.

    Args:
        around: 1-based lines that stay where not all fit, with their neighbours first.
    """
    lines = source.splitlines()
    width = len(str(len(lines)))
    shown = [f"{number:>{width}} | {plain(line)}" for number, line in enumerate(lines, 1)]
    kept = _nearest(shown, budget, [line - 1 for line in around] or [0])
    return "\n".join(_with_gaps(shown, kept, "lines"))


def steps_table(at: Examination, budget: int) -> str:
    """The aligned runs, around the places where they may part, in at most about so many tokens."""
    rows = at.steps
    shown = [row_text(number, row) for number, row in enumerate(rows, 1)]
    if not shown:
        return "(no run could be traced)"
    kept = _nearest(shown, budget, _centres(at))
    return "\n".join(_with_gaps(shown, kept, "steps"))


def reference_lines(at: Examination) -> list[int]:
    """1-based lines of the reference at the steps where the runs may part."""
    sides = [at.steps[index].reference for index in _centres(at)] if at.steps else []
    return sorted({side.span.line for side in sides if side is not None})


def row_text(number: int, row: AlignedStep) -> str:
    """One row of the table: "12  L4 total = 7  |  L3 total = 12".

    A sign says whether the two agree.
    """
    sign = "=" if row.is_equal else "|"
    return f"{number:>4}  {_side(row.candidate)}  {sign}  {_side(row.reference)}".rstrip()


def _side(step: Step | None) -> str:
    if step is None:
        return "-"
    return f"L{step.span.line} {plain(wording.step_text(step, _STEP_CHARS))}"


def _centres(at: Examination) -> list[int]:
    """Rows where it may go wrong: of each suspicious line the first that differs, and the ends."""
    rows = at.steps
    found = [0, len(rows) - 1]
    found += [i for i, row in enumerate(rows) if row.is_divergence]
    found += [i for i, row in enumerate(rows) if not row.is_equal][:1]
    for line in at.suspects[:N_CENTRES]:
        on_line = [i for i, row in enumerate(rows) if row.candidate and _line(row) == line]
        differing = [i for i in on_line if not rows[i].is_equal]
        found += (differing or on_line)[:1]
    return sorted(set(found))


def _line(row: AlignedStep) -> int:
    return row.candidate.span.line if row.candidate is not None else 0


def _nearest(shown: Sequence[str], budget: int, centres: Sequence[int]) -> list[int]:
    """Indices of what fits: nearest to a centre first, earlier first."""
    order = sorted(range(len(shown)), key=lambda i: (min(abs(i - c) for c in centres), i))
    kept: list[int] = []
    for index in order:
        budget -= n_tokens(shown[index]) + 1
        if budget < 0 and len(kept) >= min(len(centres), len(shown)):
            break
        kept.append(index)
    return sorted(kept)


def _with_gaps(shown: Sequence[str], kept: Sequence[int], what: str) -> list[str]:
    """The kept lines, and for each gap between them what was left out."""
    found: list[str] = []
    previous = -1
    for index in [*kept, len(shown)]:
        if index > previous + 1:
            found.append(f"[... {what} {previous + 2} to {index} left out ...]")
        if index < len(shown):
            found.append(shown[index])
        previous = index
    return found


def outcome_text(outcome: Outcome, is_script: bool, limit: int = 600) -> str:
    """How a run ended, in one line."""
    if outcome.failure is not None:
        return plain(f"it fails: {outcome.failure}"[:limit])
    value = outcome.stdout if is_script and outcome.value is None else outcome.value
    return plain(glimpse(value, limit))
