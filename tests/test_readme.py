"""The README shows what the commands print: each ```console block is run, times aside.

`make docs` rewrites the blocks with what is printed now; read the diff before committing it."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.pages import PAGES, rendered, typed_claims
from harness.tables import TABLES
from harness.tables.plots import PLOTS
from harness.tables.report import page, tables
from harness.tables.view import view_of

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s)\b")


def transcript(command: str, folder: Path) -> str:
    """What a user sees who types the command into a terminal of 80 columns without colour."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
    }
    shown = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=environment, cwd=folder, timeout=60
    )
    lines = [line.rstrip() for line in (shown.stdout + shown.stderr).splitlines()]
    return "\n".join([f"$ {command}", *lines]).rstrip() + "\n"


def rerun(block: str, folder: Path) -> str:
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    return "\n".join(transcript(command, folder) for command in commands)


def test_console_blocks_are_what_the_commands_print(request: pytest.FixtureRequest, tmp_path):
    text = README.read_text(encoding="utf-8")
    assert BLOCK.search(text)
    if request.config.getoption("--golden"):
        shown = BLOCK.sub(lambda found: f"```console\n{rerun(found[1], tmp_path)}```", text)
        README.write_text(shown, encoding="utf-8")
        return
    for found in BLOCK.finditer(text):
        printed, now = found[1], rerun(found[1], tmp_path)
        assert TIME.sub("TIME", now) == TIME.sub("TIME", printed), "the README is stale: make docs"


@pytest.mark.parametrize("name", ["README.md", "docs/credit.md"])
def test_python_blocks_give_what_they_show(name):
    result = doctest.testfile(str(README.parent / name), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_show_what_was_measured(name):
    assert rendered(name) == (README.parent / name).read_text("utf-8"), "stale: make docs"


def test_the_report_shows_what_was_measured():
    folder = README.parent / "results/report"
    views = [view_of(name) for name in TABLES]
    assert tables(views) == (folder / "tables.md").read_text("utf-8"), "stale: make docs"
    # Plots are left out: the same numbers are drawn a little differently by another matplotlib.
    pictured = {view.name for view in views if view.document and view.name in PLOTS}
    plotted = {view.name: "<svg></svg>" if view.name in pictured else "" for view in views}
    drawn = re.compile(r"<svg.*?</svg>\s*", re.DOTALL)
    shown = drawn.sub("<svg></svg>", (folder / "index.html").read_text("utf-8"))
    assert page(views, plotted) == shown, "stale: make docs"


def test_numbers_that_claim_to_be_measured_are_rendered_from_results():
    root = README.parent
    for file in [root / "README.md", *(root / "docs").rglob("*.md")]:
        found = typed_claims(file.read_text("utf-8"))
        assert not found, f"{file.relative_to(root)}: by hand, where results/ should speak: {found}"


def test_links_lead_to_files_of_the_repository():
    root = README.parent
    for file in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)\)", file.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (file.parent / target).exists(), f"{file.relative_to(root)}: {target}"


def test_every_page_of_the_documentation_is_in_its_index():
    docs = README.parent / "docs"
    index = (docs / "README.md").read_text(encoding="utf-8")
    for file in docs.glob("*.md"):
        assert file.name == "README.md" or f"({file.name})" in index, f"docs/{file.name}"
