"""Completions with their credit painted over the tokens, for the terminal and as a page."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
pre { background: #f6f8fa; padding: .8rem 1rem; overflow-x: auto; border-radius: 6px; }
h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; } p { margin: .3rem 0; color: #57606a; }
section { break-inside: avoid; }
"""


def painted(samples: Sequence[dict[str, Any]]) -> Iterator[Text]:
    """For each completion a line about it, and its text with a background on tokens with credit."""
    from rich.text import Text

    from harness.credit_pictures import tint

    previous = None
    for sample in samples:
        if sample["task_id"] != previous:
            previous = sample["task_id"]
            yield Text(f"{previous}: {' '.join(sample['prompt'].split())[:200]}", style="bold")
        yield Text(f"  {headline(sample)}")
        body = Text(sample["text"].rstrip("\n"))
        for start, end, strength in _tokens(sample):
            body.stylize(f"black on {tint(strength)}", start, end)
        yield Text("\n").join(Text("    ").append(line) for line in body.split("\n"))


def headline(sample: dict[str, Any]) -> str:
    """Mode, reward and advantage of a completion, and how its place was found."""
    said = [
        f"{sample['mode']} mode",
        f"reward {sample['reward']:g}",
        f"A = {sample['advantage']:+.2f}",
    ]
    if sample["statement"]:
        said.append(f"place by {sample['proof']}, confidence {sample['confidence']:.0%}")
    if sample["fallback"]:
        said.append(f"uniform: {sample['fallback'].replace('_', ' ')}")
    if sample["mode"] != "correct" and sample["evidence"]:
        said.append(sample["evidence"])
    return "; ".join(said)


def page(samples: Sequence[dict[str, Any]], title: str) -> str:
    """A self-contained page with the same."""
    from harness.credit_pictures import tint

    parts = []
    for sample in samples:
        text, at, body = sample["text"], 0, []
        for start, end, strength in _tokens(sample):
            body.append(html.escape(text[at:start]))
            inner = html.escape(text[start:end])
            body.append(
                f'<span style="background:{tint(strength)}" '
                f'title="{strength:+.2f} times the uniform credit">{inner}</span>'
            )
            at = end
        body.append(html.escape(text[at:]))
        about = html.escape(headline(sample))
        asked = html.escape(" ".join(sample["prompt"].split())[:400])
        parts.append(
            f"<section><h2>{html.escape(sample['task_id'])}</h2><p>{asked}</p><p>{about}</p>"
            f"<pre>{''.join(body)}</pre></section>"
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{html.escape(title)}</h1><p>Blue is raised, red lowered, by how much more than "
        f"uniform credit.</p>{''.join(parts)}</body></html>\n"
    )


def _tokens(sample: dict[str, Any]) -> Iterator[tuple[int, int, float]]:
    """Characters [start, end) of tokens with credit, blank ones left out, and T_i a_t / |A_i|."""
    scale = len(sample["credit"]) / (abs(sample["advantage"]) or 1.0)
    reached = 0
    for (start, end), credit in zip(sample["tokens"], sample["credit"], strict=True):
        start = max(start, reached)
        start += len(sample["text"][start:end]) - len(sample["text"][start:end].lstrip())
        if start < end and credit:
            yield start, end, credit * scale
            reached = end
