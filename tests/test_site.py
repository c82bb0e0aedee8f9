"""The documentation site builds without a warning, and asks nobody for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FETCHED = re.compile(
    r"""<(?:script|img|iframe)[^>]* src=["']?https?://|<link[^>]* href=["']?https?://"""
)


def test_the_site_builds_without_warnings_and_fetches_nothing(tmp_path):
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package, reason='needs the extra "docs"')
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    shown = subprocess.run(
        [*build, tmp_path],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        timeout=300,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    pages = {page.relative_to(tmp_path).as_posix(): page for page in tmp_path.rglob("*.html")}
    for page in pages.values():
        assert not FETCHED.search(page.read_text("utf-8").replace("rel=canonical", "")), page
    assert "group_advantages" in pages["reference/credit.html"].read_text("utf-8")
    assert "--egca-reference" in pages["pytest.html"].read_text("utf-8")
    assert "score &amp;gt; 75" in pages["notebook.html"].read_text("utf-8")
    commands = pages["reference/commands.html"].read_text("utf-8")
    for command in ("egca localize", "egca data info", "egca train show", "egca mcp"):
        assert f"Usage: {command}" in commands


def test_every_page_has_a_place_in_the_navigation():
    listed = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs').as_posix()}\n" in listed, page
