"""The blocks of README.md and docs/bench.md: the tables, published beside measured."""

from __future__ import annotations

from harness.markdown import table
from harness.tables.methods import METHODS
from harness.tables.plots import PLOTS
from harness.tables.registry import TABLES
from harness.tables.render import markdown
from harness.tables.view import view_of

_PICTURED = ("main", "debugger-scale")  # of the README


def readme() -> dict[str, str]:
    """The main table, and the plots of what is measured."""
    parts = [markdown(view_of("main"))]
    for name in _PICTURED:
        view = view_of(name)
        if view.document is not None:
            about = (PLOTS[name].__doc__ or "").partition("\n")[0]
            parts.append(f"![{about}](results/report/{name}.svg)")
    return {"bench main": "\n\n".join(parts)}


def blocks() -> dict[str, str]:
    """The list of tables, that of methods, and each table but the README's."""
    shown = {f"bench {name}": markdown(view_of(name)) for name in TABLES if name != "main"}
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
