"""Which pages show measured figures: `python -m harness.pages` rewrites their blocks (`make docs`).

A test fails when a page and results/ differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness import credit_pictures
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

ROOT = Path(__file__).parents[1]
PAGES: dict[str, Callable[[], dict[str, str]]] = {
    "README.md": localization_page.blocks,
    "docs/credit.md": credit_pictures.blocks,
    "docs/debuggers.md": debuggers_page.blocks,
    "docs/eval.md": judging_page.blocks,
    "docs/structure.md": structure_page.blocks,
    "docs/training.md": lambda: {**training_page.blocks(), **studies_page.blocks()},
    "docs/verl.md": verl_page.blocks,
}


def rendered(page: str) -> str:
    """What the page, a path from the root of the repository, should be."""
    return filled((ROOT / page).read_text("utf-8"), PAGES[page]())


def main() -> None:
    """Rewrite every page, and the picture of the credit rules."""
    credit_pictures.main()
    for page in PAGES:
        (ROOT / page).write_text(rendered(page), "utf-8")


if __name__ == "__main__":
    main()
