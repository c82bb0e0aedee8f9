"""Which pages show measured figures: `python -m harness.pages` rewrites their blocks (`make docs`).

A test fails when a page and results/ differ, or when a number that claims to be measured stands
outside of the blocks, where nobody would renew it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from harness import credit_pictures, mutants
from harness.benchmarks import (
    debuggers_page,
    judging_page,
    localization_page,
    training_page,
    verl_page,
)
from harness.calibration import structure_page
from harness.markdown import filled
from harness.studies import page as studies_page
from harness.tables import page as tables_page
from harness.tables import report

ROOT = Path(__file__).parents[1]
PAGES: dict[str, Callable[[], dict[str, str]]] = {
    "README.md": lambda: {**localization_page.blocks(), **tables_page.readme()},
    "docs/bench.md": tables_page.blocks,
    "docs/benchmarks.md": lambda: {**localization_page.blocks(), **mutants.blocks()},
    "docs/credit.md": credit_pictures.blocks,
    "docs/debuggers.md": debuggers_page.blocks,
    "docs/eval.md": judging_page.blocks,
    "docs/structure.md": structure_page.blocks,
    "docs/training.md": lambda: {**training_page.blocks(), **studies_page.blocks()},
    "docs/verl.md": verl_page.blocks,
}


# What is not by hand: blocks, and what commands print or a reader types.
_MADE = re.compile(
    r"<!-- begin: .*?<!-- end: [^>]*-->|^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE
)
_CLAIM = re.compile(
    r"\b(measured|median|took|faster|slower|times as|on average|outperforms?|better than)\b", re.I
)
_NUMBER = re.compile(
    r"(?<![\w.])\d+(?:\.\d+)?\s?(?:%|ms\b|s\b|min\b|h\b|[GM]B\b|times\b|points?\b)"
)


def typed_claims(text: str) -> list[str]:
    """Paragraphs of a page outside of its blocks that put a number to something measured.

    >>> typed_claims("It took 3.5 s.\\n\\nAt most 3 s are waited for.")
    ['It took 3.5 s.']
    >>> typed_claims("<!-- begin: a -->\\nIt took 3.5 s.\\n<!-- end: a -->")
    []
    """
    paragraphs = re.split(r"\n\s*\n", _MADE.sub("", text))
    return [one.strip() for one in paragraphs if _CLAIM.search(one) and _NUMBER.search(one)]


def rendered(page: str) -> str:
    """What the page, a path from the root of the repository, should be."""
    return filled((ROOT / page).read_text("utf-8"), PAGES[page]())


def main() -> None:
    """Rewrite every page, the picture of the credit rules, and the report."""
    credit_pictures.main()
    report.write()
    for page in PAGES:
        (ROOT / page).write_text(rendered(page), "utf-8")


if __name__ == "__main__":
    main()
