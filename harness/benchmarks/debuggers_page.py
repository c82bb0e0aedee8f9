"""The table of debuggers, as text, HTML and Markdown, from the document of debuggers.py."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from harness.benchmarks.debuggers import SHARES
from harness.markdown import table

MEASURED = Path(__file__).parents[2] / "results" / "measured"
# Blocks of docs/debuggers.md: without a model, and with one that runs on a processor.
FILES = {"debuggers": "debuggers.json", "small-model": "debuggers-smollm2.json"}
HEADS = {
    "answered": "answered",
    "first": "first line",
    "three": "first three",
    "overlap": "overlap",
    "agreement": "confirmed",
    "own": "own answer",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } h2 { margin-top: 2rem }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: right }
th:first-child, td:first-child { text-align: left } small { opacity: .7 }
"""


def cells(name: str, row: dict[str, Any]) -> list[str]:
    """One line of the table: the name, shares with their interval, seconds, tokens, cost."""
    found = [name, str(row["n"])]
    for share in SHARES:
        value = row[share]
        found.append("-" if value is None else f"{value[0]:.1f} [{value[1]:.1f}, {value[2]:.1f}]")
    seconds = "-" if row["median_s"] is None else f"{row['median_s']:.3g}"
    cost = "-" if not row["cost_usd"] else f"{row['cost_usd']:.4f}"
    return [*found, seconds, f"{row['tokens']:g}" if row["tokens"] else "-", cost]


def head(first: str) -> list[str]:
    return [first, "cases", *(HEADS[name] for name in SHARES), "median s", "tokens", "cost $"]


def text(document: dict[str, Any]) -> str:
    """The table for a terminal: all cases, a line a debugger."""
    rows = [head("debugger")]
    rows += [cells(name, groups["all"]) for name, groups in document["debuggers"].items()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *remarks(document, "all"), note(document)])


def remarks(document: dict[str, Any], group: str) -> list[str]:
    """What the figures of a group leave out: cases that failed, seconds of replies from disk."""
    found: list[str] = []
    for name, groups in document["debuggers"].items():
        row = groups.get(group, {})
        if row.get("n_errors"):
            found.append(
                f"{name}: {row['n_errors']} of {row['n']} cases failed and count as not answered; "
                f"the first: {row['first_error']}"
            )
        if row.get("n_cached"):
            found.append(
                f"{name}: {row['n_cached']} of {row['n']} cases had replies from the "
                "cache; their seconds and costs are left out (--no-cache asks anew)"
            )
    return found


def note(document: dict[str, Any]) -> str:
    """What the figures mean, and where they come from."""
    provenance = document["provenance"]
    return (
        f"Percent of cases, with {100 * document['level']:.0f} % intervals from "
        f"{document['n_resamples']} bootstrap samples of the cases (seed {provenance['seed']}). "
        "Seconds: median a case; tokens: mean a case; cost: of all. Confirmed: an edit, value or "
        "decision at the first line makes a failing input right. Own answer: not the trace's, to "
        f"which a debugger falls back. Commit {provenance['commit'][:12] or 'unknown'}."
    )


def page(document: dict[str, Any]) -> str:
    """One self-contained HTML page: all cases, then each set."""
    groups = list(dict.fromkeys(g for rows in document["debuggers"].values() for g in rows))
    parts = []
    for group in groups:
        heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in head("debugger"))
        lines = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(c)}</td>" for c in cells(name, rows[group]))
            + "</tr>"
            for name, rows in document["debuggers"].items()
            if group in rows
        )
        left_out = "".join(f"<p>{html.escape(line)}</p>" for line in remarks(document, group))
        parts.append(
            f"<h2>{html.escape(group)}</h2><table><tr>{heads}</tr>{lines}</table>{left_out}"
        )
    command = html.escape(document["provenance"]["command"])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Debuggers</title>'
        f"<style>{_STYLE}</style><h1>Debuggers on failing programs</h1>{''.join(parts)}"
        f"<p><small>{html.escape(note(document))}<br><code>{command}</code></small></p></html>\n"
    )


def blocks() -> dict[str, str]:
    """The Markdown of docs/debuggers.md."""
    return {
        name: _markdown(json.loads((MEASURED / file).read_text("utf-8")))
        for name, file in FILES.items()
    }


def _markdown(document: dict[str, Any]) -> str:
    rows = [cells(name, groups["all"]) for name, groups in document["debuggers"].items()]
    return "\n".join([table(head("debugger"), rows), "", note(document)])
