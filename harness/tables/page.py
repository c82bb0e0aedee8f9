"""The blocks of README.md and docs/bench.md: the tables, published beside measured."""

from __future__ import annotations

from harness.markdown import table
from harness.tables.methods import METHODS
from harness.tables.plots import PLOTS
from harness.tables.registry import TABLES
from harness.tables.render import markdown
from harness.tables.view import View, view_of

_PICTURED = ("main", "debugger-scale")  # of the README
# The README's columns of the main table: what is published, and three of what is measured.
_BRIEF = {
    "HumanEval, pass@1 in %": "published: HumanEval",
    "MBPP, pass@1 in %": "published: MBPP",
    "pass@1 sampled, %": "tiny: sampled",
    "pass@1 greedy, %": "tiny: greedy",
    "pass@1 sampled, % against GRPO, over seeds and tasks": "tiny: sampled, against GRPO",
}
_SAID = ("Measured on", "Not measured", "In sampled pass@1")  # of the text under it
_LEGEND = (
    "pass@1 in %, with 95 % intervals over seeds, against GRPO over seeds and tasks; published by "
    "the authors of EGCA on DeepSeek-Coder-6.7B, `tiny` measured here. Learning curves, tests, "
    "what differs in each method and where numbers come from: [docs/bench.md](docs/bench.md#main)."
)


def readme() -> dict[str, str]:
    """The main table in brief, and the plots of what is measured."""
    main = view_of("main")
    said = [sentence for sentence in main.text if sentence.startswith(_SAID)]
    parts = [_brief(main), _LEGEND, *said]
    for name in _PICTURED:
        view = view_of(name)
        if view.document is not None:
            about = (PLOTS[name].__doc__ or "").partition("\n")[0]
            parts.append(f"![{about}](results/report/{name}.svg)")
    return {"bench main": "\n\n".join(parts)}


def _brief(view: View) -> str:
    places = {column.label: i for i, column in enumerate(view.columns)}
    shown = [label for label in _BRIEF if label in places]
    rows = [
        [line.label, *(line.cells[places[label]].partition(", p")[0] for label in shown)]
        for line in view.lines
    ]
    return table(["", *(_BRIEF[label] for label in shown)], rows)


def blocks() -> dict[str, str]:
    """The list of tables, that of methods, and each table."""
    shown = {f"bench {name}": markdown(view_of(name)) for name in TABLES}
    return {"tables": _tables(), "methods": _methods(), **shown}


def _tables() -> str:
    rows = [[f"`{name}`", one.about, one.needs] for name, one in TABLES.items()]
    return table(["table", "shows", "needs"], rows)


def _methods() -> str:
    rows = []
    for name, method in METHODS.items():
        options = ", ".join(f"`{key}={value}`" for key, value in method.all_options.items())
        said = options or "not trained"
        notes = [method.note] if method.note else []
        notes += [f"at the learning rate of `{method.rate_of}`"] if method.rate_of else []
        notes += [reason for reason in [method.missing()] if reason]
        label = f"{method.label} (ours)" if method.ours else method.label
        rows.append([f"`{name}`", label, said, "; ".join(notes)])
    return table(["method", "name", "options over preset tiny", "what differs"], rows)
