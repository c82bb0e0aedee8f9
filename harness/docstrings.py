"""Docstrings as Markdown for the reference of the site; mkdocs.yml names AsMarkdown.

Ours are prose with a few marked lines (Args, Returns, Raises, Source ...) and doctests; a page
shows the first as lists and labels, the others as code. The docstrings stay as they are."""

from __future__ import annotations

import re
from typing import Any

import griffe

_LABEL = re.compile(r"^(Args|Fields|Returns|Yields|Raises|Source|Cost):(?: (.*))?$")
_ENTRY = re.compile(r"^ {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*)$")


class AsMarkdown(griffe.Extension):
    """Rewrites each docstring that griffe has read."""

    def on_object(self, *, obj: Any, loader: Any, **kwargs: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """A docstring without its indentation, as Markdown.

    >>> print(as_markdown("Add.\\n\\nArgs:\\n    x, y: numbers,\\n        both.\\nReturns: x + y."))
    Add.
    <BLANKLINE>
    **Args**
    <BLANKLINE>
    - `x`, `y`: numbers, both.
    <BLANKLINE>
    **Returns** x + y.
    >>> as_markdown(">>> 1 + 1\\n2\\n\\nDone.")
    '```pycon\\n>>> 1 + 1\\n2\\n```\\n\\nDone.'
    """
    out: list[str] = []
    is_code = is_list = False
    for line in text.splitlines():
        if is_code and not line.strip():
            out.append("```")
            is_code = False
        if not is_code and line.startswith(">>> "):
            out += ["", "```pycon"]
            is_code = True
        label, entry = _LABEL.match(line), _ENTRY.match(line)
        if is_code:
            out.append(line)
        elif label is not None:
            out += ["", f"**{label[1]}** {label[2] or ''}".rstrip()]
            is_list = True
        elif is_list and entry is not None:
            if not out[-1].startswith("- "):
                out.append("")
            out.append(f"- {_names(entry[1])}: {entry[2]}")
        elif is_list and line.startswith(" "):
            out[-1] += f" {line.strip()}"
        else:
            is_list = is_list and not line.strip()
            out.append(line)
    if is_code:
        out.append("```")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip("\n")


def _names(text: str) -> str:
    return ", ".join(f"`{name}`" for name in text.split(", "))
