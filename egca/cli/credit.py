"""`egca credit list|show`: the credit rules, and what each does to an example group."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egca.errors import InputError
from egca.files import save_text

if TYPE_CHECKING:
    from rich.text import Text

    from egca.credit import TokenCredit
    from harness.credit_example import Shown

app = typer.Typer(
    name="credit",
    help="List the credit rules, and show one on an example.\n\nExample: egca credit show egca",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(name="list")
def list_rules() -> None:
    """List the rules: what each does, and where it comes from.

    Example: egca credit list
    """
    from egca.credit import STRATEGIES

    width = max(map(len, STRATEGIES))
    for name, strategy in STRATEGIES.items():
        print(f"{name:<{width}}  {strategy.label} ({strategy.source})")


@app.command()
def show(
    rules: Annotated[
        list[str] | None,
        typer.Argument(metavar="RULE", help="Names, or package.module:function.  [default: all]"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="An option of the rules, such as cap."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of rules that draw at random.")] = 1,
    svg: Annotated[Path | None, typer.Option(help="Write the picture of all rules there.")] = None,
) -> None:
    """Paint the credit of four completions over their tokens: blue is raised, red lowered.

    Each runs in the sandbox, so the place, the repair and the steps are found and not made up.

    Example: egca credit show egca soft
    """
    from rich.console import Console

    from egca.credit import STRATEGIES, assign, find_strategy, options_from
    from harness.credit_example import group

    options = options_from(dict(_pair(text) for text in option or ()))
    strategies = {name: find_strategy(name) for name in rules or STRATEGIES}
    if svg is not None:
        _write(svg)
        return
    shown, vocabulary = group()
    console = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)
    for name, strategy in strategies.items():
        console.print(f"{name}: {strategy.label} ({strategy.source})", style="bold")
        found = assign([one.evidence for one in shown], strategy, options=options, seed=seed)
        for one, credit in zip(shown, found, strict=True):
            console.print(_summary(one, credit))
            console.print(_painted(one, credit.advantages.tolist()))
            if credit.contrast is not None:
                raised = vocabulary.text(credit.contrast.token_ids).strip()
                total = float(credit.contrast.advantages.sum())
                console.print(f"  {total:+.2f}  raised in its place: {raised}")
        console.print()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--option is NAME=VALUE, got {text!r}")
    return name, value


def _summary(one: Shown, credit: TokenCredit) -> str:
    total = float(credit.advantages.sum())
    parts = [
        f"A = {one.evidence.advantage:+.2f}, sum {total:+.2f}",
        f"strongest token {credit.max_multiplier:.1f} times the uniform",
        f"{credit.n_effective:.1f} of {one.evidence.n_tokens} tokens carry it",
    ]
    if credit.fallback is not None:
        parts.append(f"uniform: {credit.fallback.value.replace('_', ' ')}")
    return f"\n  {one.title} ({one.evidence.mode.value} mode): {'; '.join(parts)}"


def _painted(one: Shown, advantages: list[float]) -> Text:
    """A completion with the credit of each line in front, and a background on its tokens."""
    from rich.text import Text

    from harness.credit_pictures import tint

    text = Text(one.text.rstrip("\n"))
    scale = len(advantages) / abs(one.evidence.advantage)
    sums = [0.0] * (one.text.count("\n") + 1)
    for (start, end), advantage in zip(one.offsets, advantages, strict=True):
        start += len(one.text[start:end]) - len(one.text[start:end].lstrip())
        sums[one.text.count("\n", 0, start)] += advantage
        if start < end and advantage:
            text.stylize(f"black on {tint(advantage * scale)}", start, end)
    fronts = [f"  {total:+.2f}  " if total else " " * 9 for total in sums]
    lines = zip(fronts, text.split("\n"), strict=False)
    return Text("\n").join(Text(front).append(line) for front, line in lines)


def _write(path: Path) -> None:
    from harness.credit_pictures import svg

    save_text(path, svg())
