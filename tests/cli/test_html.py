"""The HTML page: self-contained, closed to injection, and alive in a real browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from egca.localization.render.html import frame, name_pairs, page
from egca.localization.result import Localization

BROWSER = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium or chrome on PATH")


class Elements(HTMLParser):
    """Tags with their attributes, and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.raw = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.raw = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self.raw = ""

    def handle_data(self, data: str) -> None:
        if self.raw == "script":
            self.scripts.append(data)
        elif not self.raw:
            self.text.append(data)


def in_browser(text: str, tmp_path: Path, *extra: str) -> str:
    """The document after its script has run, as Chromium writes it."""
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", *extra, "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return done.stdout.decode("utf-8")


def test_the_page_asks_nobody_for_anything(localization: Localization) -> None:
    elements = Elements(page(localization))
    for tag, attributes in elements.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form"), tag
        assert not {"src", "action", "background", "onload", "onerror", "style"} & set(attributes)
        assert attributes.get("href", "data:,") == "data:,"


def test_only_the_shipped_script_may_run(hostile: Localization) -> None:
    elements = Elements(page(hostile))
    policy = next(
        attributes["content"]
        for tag, attributes in elements.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    data, script = elements.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in (policy or "")
    assert "default-src 'none'" in (policy or "")
    assert "unsafe" not in (policy or "")
    json.loads(data)


def test_hostile_text_stays_text(hostile: Localization) -> None:
    text = page(hostile)
    elements = Elements(text)
    kinds = [tag for tag, _ in elements.tags]
    assert kinds.count("script") == 2
    assert not {"img", "svg", "textarea", "b", "i"} & set(kinds)
    shown = "".join(elements.text)
    assert "</script><script>alert(1)</script>" in shown
    assert "\\u202e" in shown
    assert not set("\x1b\u202e\x07") & set(text)
    text.encode("utf-8")


def test_the_divergence_is_marked_in_the_program(wrong_bound: Localization) -> None:
    marks = re.findall(r"<mark>(.*?)</mark>", page(wrong_bound))
    plain = html.unescape(re.sub(r"<[^>]*>", "", "".join(marks)))
    assert plain == "range(1, len(values))"


def test_every_program_is_written_out_unchanged(wrong_bound: Localization) -> None:
    lines = re.findall(r'<li class="line[^>]*><code>(.*?)</code></li>', page(wrong_bound))
    text = "\n".join(html.unescape(re.sub(r"<[^>]*>", "", line)) for line in lines)
    reference = wrong_bound.reference
    assert reference is not None
    assert text.rstrip() == (wrong_bound.program.source + reference.source).rstrip()


def test_names_that_hold_the_same_are_paired(wrong_bound: Localization) -> None:
    assert name_pairs(wrong_bound.traces) == {"total": "total", "i": "value"}


def test_the_notebook_frame_is_sandboxed(hostile: Localization) -> None:
    text = hostile._repr_html_()
    assert text == frame(hostile)
    ((tag, attributes),) = Elements(text).tags
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts"
    assert attributes["srcdoc"] == page(hostile, has_time=False)


@needs_browser
def test_the_page_runs_in_a_browser(localization: Localization, tmp_path: Path) -> None:
    shown = in_browser(page(localization), tmp_path)
    elements = Elements(shown)
    stepper = next(
        attributes for _, attributes in elements.tags if attributes.get("id") == "stepper"
    )
    assert ("hidden" in stepper) == (not localization.traces)
    current = [
        attributes for _, attributes in elements.tags if attributes.get("aria-current") == "step"
    ]
    assert bool(current) == bool(localization.traces)


@needs_browser
def test_the_page_opens_at_the_divergence(wrong_bound: Localization, tmp_path: Path) -> None:
    shown = in_browser(page(wrong_bound), tmp_path)
    assert "step 4 of 9" in shown
    current = re.findall(r'<li class="line[^"]*" data-line="(\d+)" aria-current="step">', shown)
    assert current == ["4", "4"]
    values = re.search(r'<table id="values">.*?</table>', shown, re.DOTALL)
    assert values is not None
    cells = html.unescape(re.sub(r"<[^>]*>", " ", values.group())).split()
    assert " ".join(cells) == (
        "Candidate Reference values [5, 1, 7] = values [5, 1, 7] limit 4 = limit 4 "
        "total 0 = total 0 i 1 ≠ value 5 found [5, 7]"
    )


@needs_browser
def test_no_hostile_script_runs_in_a_browser(hostile: Localization, tmp_path: Path) -> None:
    # an alert would block the page; and what is added to the document would be seen here
    kinds = [tag for tag, _ in Elements(in_browser(page(hostile), tmp_path)).tags]
    assert kinds.count("script") == 2
    assert not {"img", "svg", "b", "i"} & set(kinds)


DRIVER = """
<script>
addEventListener("load", () => {
  const log = [];
  const where = () => document.getElementById("where").textContent;
  const press = (key, target = document.body) =>
    target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
  press("ArrowRight"); log.push(where());
  press("ArrowLeft"); press("ArrowLeft"); log.push(where());
  press("End"); log.push(where());
  press("ArrowRight"); log.push(where());
  press("Home"); log.push(where());
  press("d"); log.push(where());
  const slider = document.getElementById("slider");
  slider.value = "7"; slider.dispatchEvent(new Event("input", {bubbles: true})); log.push(where());
  const names = [...document.querySelectorAll("#candidate .v")];
  const name = names.find((element) => element.textContent === "total");
  name.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
  log.push(document.getElementById("tip").textContent);
  document.getElementById("theme").click(); log.push(document.documentElement.dataset.theme);
  document.querySelector("#steps tbody tr").click(); log.push(where());
  document.getElementById("play").click(); log.push(document.getElementById("play").textContent);
  setTimeout(() => {
    log.push(where());
    const pre = document.createElement("pre");
    pre.id = "log"; pre.textContent = log.join("|");
    document.body.append(pre);
  }, 1500);
});
</script></body>
"""


@needs_browser
def test_keys_slider_hover_play_and_theme(wrong_bound: Localization, tmp_path: Path) -> None:
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(wrong_bound))
    shown = in_browser(text.replace("</body>", DRIVER), tmp_path)
    log = re.search(r'<pre id="log">(.*?)</pre>', shown, re.DOTALL)
    assert log is not None
    assert log.group(1).split("|") == [
        "step 5 of 9", "step 3 of 9", "step 9 of 9", "step 9 of 9", "step 1 of 9", "step 4 of 9",
        "step 8 of 9", "total = 7", "dark", "step 1 of 9", "Pause", "step 3 of 9",
    ]  # fmt: skip
