"""Views as Markdown."""

from __future__ import annotations

from harness.markdown import table
from harness.tables.view import View


def markdown(view: View) -> str:
    """A pipe table whose columns say whose numbers they are, the text, and the sources."""
    parts = []
    if view.lines:
        head = ["", *(f"{column.group}: {column.label}" for column in view.columns)]
        rows = [
            [f"{line.label} (ours)" if line.ours else line.label, *line.cells]
            for line in view.lines
        ]
        parts.append(table(head, rows))
    parts += view.text
    parts += [f"{name}: {_facts(facts)}" for name, facts in view.sources]
    return "\n\n".join(parts)


def _facts(facts: dict[str, str]) -> str:
    if "command" in facts:
        return f"`{facts['command']}`, commit {facts['commit']}."
    return f"{facts['source']} {facts['model']}; {facts['setting']}."
