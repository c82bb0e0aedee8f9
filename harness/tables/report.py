"""`egca bench report`: all tables as one self-contained page, as Markdown, and the plots."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from egca.errors import InputError
from egca.files import reason_of, write_whole
from harness.tables.plots import PLOTS, png, svg
from harness.tables.registry import TABLES, results_folder
from harness.tables.render import markdown
from harness.tables.view import View, view_of

_TEMPLATE = Path(__file__).with_name("report.html")


def write(folder: Path | None = None) -> list[Path]:
    """Write index.html, tables.md, and an SVG and a PNG for each plot; gives their paths.

    Args:
        folder: None: results/report.
    Raises: InputError for results that cannot be read or a folder that cannot be written.
    """
    views = [view_of(name) for name in TABLES]
    plots = {view.name: _plot(view) for view in views}
    files: dict[str, bytes] = {
        "index.html": page(views, plots).encode(),
        "tables.md": tables(views).encode(),
    }
    for view in views:
        if plots[view.name] and view.document:
            files[f"{view.name}.svg"] = plots[view.name].encode()
            files[f"{view.name}.png"] = png(view.name, view.document)
    target = folder or results_folder() / "report"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_whole(target / name, data)
    except OSError as error:
        raise InputError(f"{target}: {reason_of(error)}") from None
    return [target / name for name in files]


def page(views: list[View], plots: dict[str, str]) -> str:
    """The page: no script, no network, plots inline.

    Args:
        plots: SVG elements by table, "" where there is no plot.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text("utf-8"))
    text: str = template.render(views=views, plots=plots, groups=_groups)
    return text + "\n"


def tables(views: list[View]) -> str:
    """All tables as Markdown."""
    parts = [f"## {view.title}\n\n`{view.command}`\n\n{markdown(view)}" for view in views]
    return "# Published and measured\n\n" + "\n\n".join(parts) + "\n"


def _plot(view: View) -> str:
    return svg(view.name, view.document) if view.document and view.name in PLOTS else ""


def _groups(view: View) -> list[tuple[str, int]]:
    """Neighbouring columns of one group, and how many."""
    return [
        (group, len(list(columns)))
        for group, columns in groupby(view.columns, key=lambda column: column.group)
    ]
