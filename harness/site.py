"""What mkdocs asks of us while it builds the documentation site (`make site`; see mkdocs.yml).

The pages are written to be read in the repository too. Here their links to files outside of
docs/ become names of files, the notebook becomes a page, and each command is asked for its help."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_OUTSIDE = re.compile(r"\[([^\]]*)\]\((?:\.\./)+([^)#\s]+)(?:#[^)\s]*)?\)")
_WIDTH = 80
COMMANDS = "<!-- the help of every command -->"


def on_files(files: Any, config: Any) -> Any:
    """Add the notebook as a page."""
    from mkdocs.structure.files import File

    text = notebook_page((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))
    files.append(File.generated(config, "notebook.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """A page as the site shows it."""
    known = {file.src_uri for file in files}
    text = _within(markdown, page.file.src_uri, known).replace("(notebook.ipynb)", "(notebook.md)")
    return text.replace(COMMANDS, command_reference()) if COMMANDS in text else text


def _within(markdown: str, page: str, known: set[str]) -> str:
    """Links that leave docs/ as the names of their files.

    >>> _within("see [the loop](../egca/loop.py)", "training.md", {"training.md"})
    'see the loop (`egca/loop.py`)'
    >>> _within("see [credit](../credit.md)", "tutorials/a.md", {"credit.md"})
    'see [credit](../credit.md)'
    """

    def told(found: re.Match[str]) -> str:
        label, target = found.groups()
        if target in known and page.count("/") >= found[0].count("../"):
            return found[0]
        return f"`{target}`" if label == target else f"{label} (`{target}`)"

    return _OUTSIDE.sub(told, markdown)


def notebook_page(text: str) -> str:
    """An executed notebook as Markdown: its cells, and below each what it gave."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [_output(output) for output in cell["outputs"]]
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "text/html" in data:  # in one line, for a blank one would end the element
        return "<div>" + "".join(data["text/html"]).replace("\n", "&#10;") + "</div>"
    shown = "".join(output.get("text", data.get("text/plain", ""))).rstrip("\n")
    return f"```text\n{shown}\n```"


def command_reference() -> str:
    """The help of every command and of the commands in it, as `--help` shows it."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        commands: list[tuple[str, ...]] = [(name,) for name in _commands_in(_help(()))]
        texts = list(pool.map(_help, commands))
        below = [
            (*names, inner)
            for names, text in zip(commands, texts, strict=True)
            for inner in _commands_in(text)
        ]
        helps = dict(zip([*commands, *below], [*texts, *pool.map(_help, below)], strict=True))
    ordered = sorted(helps, key=lambda names: (commands.index(names[:1]), len(names)))
    return "\n\n".join(
        f"{'#' * (1 + len(names))} egca {' '.join(names)}\n\n{_preformatted(helps[names])}"
        for names in ordered
    )


def _commands_in(text: str) -> list[str]:
    """Names in the list of commands of a help.

    >>> _commands_in("Usage: egca\\n\\nCommands:\\n  data  Look\\n        in.\\n  eval  Judge.")
    ['data', 'eval']
    """
    return re.findall(r"^  (\w[\w-]*) ", text.partition("\nCommands:\n")[2], re.MULTILINE)


def _help(names: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "egca", *names, "--help"]
    environment = {**os.environ, "COLUMNS": str(_WIDTH), "NO_COLOR": "1", "PYTHONUTF8": "1"}
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return shown.stdout.strip("\n")


def _preformatted(text: str) -> str:
    return f"<pre><code>{html.escape(text)}</code></pre>".replace("\n", "&#10;")
