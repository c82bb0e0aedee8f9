"""The tables of docs/structure.md, from the measured file and from the code.

Each stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`; the words around them are by
hand. `python -m harness.calibration.structure_page` rewrites them, a test finds a stale page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from egca.structure.comparability import THRESHOLD
from egca.structure.constraints import KINDS
from egca.structure.extraction import ENFORCED

PAGE = Path("docs/structure.md")
MEASURED = Path("results/measured/comparability.json")
SHOWN = (0.1, 0.15, THRESHOLD, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)


def tables(measured: dict[str, Any]) -> dict[str, str]:
    """Markdown of every table by name."""
    return {
        "threshold": _threshold(measured),
        "curve": _curve(measured),
        "rules": _rules(measured),
        "kinds": _kinds(),
        "source": _source(measured),
    }


def rendered(page: str, measured: dict[str, Any]) -> str:
    """The page with its tables replaced."""
    for name, text in tables(measured).items():
        block = f"<!-- begin: {name} -->\n{text}\n<!-- end: {name} -->"
        pattern = f"<!-- begin: {name} -->.*?<!-- end: {name} -->"
        page = re.sub(pattern, block.replace("\\", "\\\\"), page, flags=re.DOTALL)
    return page


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _threshold(measured: dict[str, Any]) -> str:
    rows = [
        [name, str(measured["n_pairs"][name]), f"{measured['median'][name]:.2f}", _percent(share)]
        for name, share in measured["kept_at_threshold"].items()
    ]
    head = ["pairs", "number", "median similarity", f"kept at {measured['threshold']:g}"]
    return _table(head, rows)


def _curve(measured: dict[str, Any]) -> str:
    rows = [
        [f"{row['threshold']:g}", *(_percent(row[name]) for name in list(row)[1:])]
        for row in measured["curve"]
        if row["threshold"] in SHOWN
    ]
    return _table(["threshold", *list(measured["curve"][0])[1:]], rows)


def _rules(measured: dict[str, Any]) -> str:
    rows = []
    for rule, row in measured["constraints"].items():
        shares = [
            _percent(row["violated"].get(name, 0.0)) for name in ("all", "benchmarks", "students")
        ]
        rows.append(
            [f"`{rule}`", str(row["n_pairs"]), *shares, "yes" if rule in ENFORCED else "no"]
        )
    return _table(["rule", "pairs", "violated", "benchmarks", "students", "enforced"], rows)


def _kinds() -> str:
    rows = [[f"`{kind}`", (found.__doc__ or "").split("\n")[0]] for kind, found in KINDS.items()]
    return _table(["kind", "what it asks"], rows)


def _source(measured: dict[str, Any]) -> str:
    head = measured["provenance"]
    return f"`{head['command']}`, seed {head['seed']}, commit {head['commit'][:12]}."


def main() -> None:
    """Rewrite the page."""
    measured = json.loads(MEASURED.read_text())
    PAGE.write_text(rendered(PAGE.read_text(), measured))


if __name__ == "__main__":
    main()
