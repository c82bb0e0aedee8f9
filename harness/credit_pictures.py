"""The credit rules in docs/credit.md: their table, and a picture of each on one example group.

`python -m harness.credit_pictures` (or `make docs`) rewrites docs/pictures/credit.svg. Colours and
numbers come from the rules themselves; a test fails when the picture is stale."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from egca.credit import STRATEGIES, TokenCredit, assign, for_loss
from harness.credit_example import PROGRAMS, Shown, Vocabulary, group
from harness.markdown import table

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "credit.svg"
SEED = 1  # of random-span
FULL = 8.0  # the multiplier that is painted at full strength
RAISED, LOWERED = "#2a7de1", "#e0483e"

_CHAR, _LINE = 6.62, 14.5  # pixels of 11 px monospace; textLength holds it to that
_LABEL, _CELL, _HEAD, _GAP = 168, 226, 62, 26


def blocks() -> dict[str, str]:
    """Markdown by the name of its block."""
    return {"rules": _rules(), "multipliers": _multipliers(*group())}


def _rules() -> str:
    rows = []
    for name, strategy in STRATEGIES.items():
        needs = ", ".join(sorted(need.value for need in strategy.needs)) or "-"
        options = ", ".join(f"`{option}`" for option in strategy.options) or "-"
        kept = "A_i" if strategy.conserves else "another"
        label = f"{strategy.label}{' (**ours**)' if strategy.ours else ''}"
        rows.append([f"`{name}`", label, kept, needs, options, strategy.source])
    return table(["`--credit`", "what it does", "sum", "needs", "options", "source"], rows)


def _multipliers(shown: Sequence[Shown], vocabulary: Vocabulary) -> str:
    """max_t |a_{i,t}| T_i / |A_i| and the effective number of tokens, by rule and completion."""
    rows = []
    for name in STRATEGIES:
        found = assign([one.evidence for one in shown], name, seed=SEED)
        cells = [f"{credit.max_multiplier:.1f} / {credit.n_effective:.1f}" for credit in found]
        rows.append([f"`{name}`", *cells])
    return table(["rule", *(one.title for one in shown)], rows)


def svg() -> str:
    """The picture: a row for each rule, a column for each completion."""
    shown, vocabulary = group()
    height = max(text.count("\n") for text in PROGRAMS.values()) * _LINE + _GAP
    width = _LABEL + _CELL * len(shown)
    parts = [*_headings(shown)]
    for row, name in enumerate(STRATEGIES):
        top = _HEAD + row * height
        parts += _label(name, top)
        found = assign([one.evidence for one in shown], name, seed=SEED)
        for column, (one, credit) in enumerate(zip(shown, found, strict=True)):
            parts += _cell(one, credit, vocabulary, _LABEL + column * _CELL, top)
    total = _HEAD + height * len(STRATEGIES)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total:g}" '
            f'width="{width}" height="{total:g}" font-size="11" role="img" '
            'aria-label="Each token of four completions, coloured by its credit under each rule">',
            f'<rect width="{width}" height="{total:g}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def tint(amount: float) -> str:
    """The colour of a token on white, by its multiplier with the sign of its credit.

    >>> tint(8.0), tint(-0.0)
    ('#2a7de1', '#ffffff')
    """
    colour = RAISED if amount > 0 else LOWERED
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (c - 255) * _strength(amount)):02x}" for c in channels)


def _strength(amount: float) -> float:
    # The root keeps what is under the uniform credit visible beside a multiplier of 8.
    return min(1.0, math.sqrt(abs(amount) / FULL))


def _headings(shown: Sequence[Shown]) -> Iterator[str]:
    legend = ((RAISED, "raised"), (LOWERED, "lowered"))
    for i, (colour, word) in enumerate(legend):
        yield f'<rect x="8" y="{10 + 16 * i}" width="12" height="12" fill="{colour}"/>'
        yield _text(26, 20 + 16 * i, word)
    for column, one in enumerate(shown):
        x = _LABEL + column * _CELL
        evidence = one.evidence
        yield _text(x, 20, one.title, 'font-weight="bold" font-size="13"')
        yield _text(x, 37, f"{evidence.mode.value} mode, A = {evidence.advantage:+.2f}")


def _label(name: str, top: float) -> Iterator[str]:
    strategy = STRATEGIES[name]
    yield f'<line x1="0" x2="100%" y1="{top - 12:g}" y2="{top - 12:g}" stroke="#d0d4da"/>'
    yield _text(8, top + 8, name, 'font-weight="bold" font-size="13"')
    note = ("ours; " if strategy.ours else "") + ("sum A" if strategy.conserves else "sum not kept")
    yield _text(8, top + 25, note, 'fill="#5b6470"')


def _cell(
    one: Shown, credit: TokenCredit, vocabulary: Vocabulary, x: float, top: float
) -> Iterator[str]:
    relative = for_loss(credit.advantages) / abs(one.evidence.advantage)
    for (start, end), amount in zip(one.offsets, relative, strict=True):
        yield from _painted(one.text, start, end, float(amount), x, top)
    for number, line in enumerate(one.text.splitlines()):
        yield _code(x, top + 9 + number * _LINE, line)
    if credit.contrast is not None:
        text = vocabulary.text(credit.contrast.token_ids).strip()
        y = top + one.text.count("\n") * _LINE
        yield _box(x + 20, y, len(text), RAISED, 1.0)
        yield _code(x + 20, y + 9, text)
        yield _text(x + 26 + len(text) * _CHAR, y + 9, "raised in its place")


def _painted(text: str, start: int, end: int, amount: float, x: float, top: float) -> Iterator[str]:
    """Boxes behind the characters of a token, without the white space in front of it."""
    start += len(text[start:end]) - len(text[start:end].lstrip())
    if start == end or not amount:
        return
    line = text.count("\n", 0, start)
    column = start - (text.rfind("\n", 0, start) + 1)
    colour = RAISED if amount > 0 else LOWERED
    yield _box(x + column * _CHAR, top + line * _LINE, end - start, colour, _strength(amount))


def _box(x: float, y: float, n_characters: int, colour: str, strength: float) -> str:
    return (
        f'<rect x="{x:.2f}" y="{y - 2:.2f}" width="{n_characters * _CHAR:.2f}" height="14" '
        f'rx="2" fill="{colour}" fill-opacity="{strength:.3f}"/>'
    )


def _code(x: float, y: float, line: str) -> str:
    text = line.lstrip()
    x += (len(line) - len(text)) * _CHAR
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-family="monospace" '
        f'textLength="{len(text) * _CHAR:.2f}">{html.escape(text)}</text>'
    )


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-family="sans-serif" {more}>{html.escape(text)}</text>'
    )


def main() -> None:
    """Rewrite the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg(), "utf-8")


if __name__ == "__main__":
    main()
