"""docs/notebook.ipynb: `python -m harness.notebook` runs it and keeps the outputs (`make docs`).

The cells are written by hand, in the notebook itself. What is kept of a run is what is the same in
the next one: outputs, but no times, versions or paths; a test executes it again and compares."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
TIMEOUT_S = 120
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Where in an output something of the machine would show.
_OF_THE_MACHINE = re.compile(r"/(?:home|root|tmp|usr|opt|Users)/[\w.-]+|\b\d+\.\d+ ?m?s\b")


def executed(path: Path = NOTEBOOK) -> str:
    """The notebook's text with the outputs of a run of its cells, in a fresh kernel.

    Raises: nbclient's CellExecutionError if a cell fails; ValueError for an output with a path or a
        time in it.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    # What a cell prints may come in several messages, depending on how busy the machine is.
    client = NotebookClient(
        notebook, timeout=TIMEOUT_S, kernel_name="python3", coalesce_streams=True
    )
    client.execute()
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).clear()
            _refuse_traces_of_the_machine(output)
    return str(nbformat.writes(notebook)) + "\n"


def _refuse_traces_of_the_machine(output: Any) -> None:
    for text in [output.get("text", ""), *output.get("data", {}).values()]:
        found = _OF_THE_MACHINE.search(text)
        if found is not None:
            raise ValueError(f"an output of {NOTEBOOK.name} shows {found[0]!r}")


def main() -> None:
    """Execute the notebook and keep its outputs."""
    NOTEBOOK.write_text(executed(), "utf-8")


if __name__ == "__main__":
    main()
