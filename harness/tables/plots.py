"""Plots of measured tables, as SVG for pages and PNG for slides. Needs matplotlib (extra report).

A plot is a function of a measured file in PLOTS; which methods and colours are its own business."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.studies.curves import SMOOTH
from harness.studies.talks import FEEDBACK
from harness.tables.methods import BASELINE, KEPT, label_of
from harness.tables.overhead import LEVELS, PHASES
from harness.tables.turns import DIALOGUE, INDEPENDENT, REAL, TURNS, solved, told

# Okabe and Ito's palette, told apart by colour-blind readers too; GRPO is black.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F")
_DASHES = ("-", "--", ":")
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, and found by a search
    "svg.hashsalt": "egca",  # the same numbers give the same file
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
Document = dict[str, Any]


def learning_curves(found: Document) -> Figure:
    """Pass rate of the rollouts by step, a band of the 95 % interval over seeds."""
    figure, axes = _figure()
    for index, (method, curve) in enumerate(found["curves"].items()):
        colour = "black" if method == BASELINE else _COLOURS[(index - 1) % len(_COLOURS)]
        dash = _DASHES[max(0, index - 1) // len(_COLOURS) % len(_DASHES)]
        steps = _steps(curve)
        axes.plot(
            steps, _percent(curve["mean"]), dash, color=colour, label=label_of(method), lw=1.6
        )
        low, high = _percent(curve["low"]), _percent(curve["high"])
        axes.fill_between(steps, low, high, color=colour, alpha=0.12, lw=0)
    _over_steps(axes, "pass rate, %")
    return figure


def solved_by_turn(found: Document) -> Figure:
    """Solve rate by turn of a dialogue; crosses: one of as many programs without feedback."""
    figure, axes = _figure()
    rows = {(row["method"], row["metric"]): row for row in found["rows"]}
    methods = [one for one in dict.fromkeys(method for method, _ in rows)
               if (one, told(DIALOGUE, REAL)) in rows]  # fmt: skip
    for index, method in enumerate(methods):
        colour = "black" if method == BASELINE else _COLOURS[(index - 1) % len(_COLOURS)]
        for feedback, dash in zip(FEEDBACK, ("-", "--"), strict=True):
            shown = [rows[method, told(solved(turn), feedback)] for turn in TURNS]
            means, ends = [row["mean"] for row in shown], [row["ci95"] for row in shown]
            low, high = (_percent([end[side] for end in ends]) for side in (0, 1))
            label = f"{label_of(method)}, tested with {feedback}"
            axes.plot(TURNS, _percent(means), dash, color=colour, label=label, marker="o", ms=3)
            axes.fill_between(TURNS, low, high, color=colour, alpha=0.1, lw=0)
        # Beside the last turn, each a little further, so that their bars can be told apart.
        alone = rows[method, told(INDEPENDENT, REAL)]
        axes.errorbar([TURNS[-1] + 0.06 * (index + 1)], [100 * alone["mean"]],
                      yerr=_errors([alone], 100.0), fmt="x", color=colour, capsize=2)  # fmt: skip
    axes.set_xticks(TURNS)
    axes.set_xlabel("turn")
    axes.set_ylabel("solved, %")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure


def accuracy(found: Document) -> Figure:
    """The student against how often its debugger is right; GRPO as a line across."""
    figure, axes = _figure()
    rows = {row["method"]: row for row in found["rows"] if row["metric"] == "area"}
    levels = [name for name in KEPT if name in rows and name in found["accuracy"]]
    right = found["accuracy"]
    places = [100 * right[name]["mean"] for name in levels]
    axes.errorbar(places, [100 * rows[name]["mean"] for name in levels],
                  yerr=_errors([rows[name] for name in levels], 100.0), fmt="o-", capsize=3,
                  color=_COLOURS[0], label=label_of("egca"))  # fmt: skip
    if BASELINE in rows:
        low, high = _percent(rows[BASELINE]["ci95"])
        axes.axhline(100 * rows[BASELINE]["mean"], color="black", lw=1.4, label="GRPO")
        axes.axhspan(low, high, color="black", alpha=0.08, lw=0)
    axes.set_xlabel("places that hold a fault, on programs with known faults, %")
    axes.set_ylabel("area under the learning curve, %")
    axes.legend()
    return figure


def mode_shares(found: Document) -> Figure:
    """Shares of correct and logic mode by step, for each method."""
    figure, axes = _figure()
    for index, (method, modes) in enumerate(found["curves"].items()):
        for dash, (mode, curve) in zip(("-", ":", "-.", "--"), modes.items(), strict=True):
            colour = "black" if method == BASELINE else _COLOURS[(index - 1) % len(_COLOURS)]
            steps = _steps(curve)
            label = f"{label_of(method)}, {mode}"
            axes.plot(steps, _percent(curve["mean"]), dash, color=colour, label=label, lw=1.5)
    _over_steps(axes, "share of samples, %")
    return figure


def overhead(found: Document) -> Figure:
    """Which share of a step each part of credit takes, and what credit adds, by level."""
    figure, axes = _figure()
    rows = {row["metric"]: row for row in found["rows"] if row["method"] == "egca"}
    names = [level for level in LEVELS if f"added {level}" in rows]
    at = list(range(len(names)))
    left = [0.0] * len(names)
    for colour, phase in zip(_COLOURS, PHASES, strict=False):
        shares = [rows[f"{phase} {level}"]["mean"] for level in names]
        axes.barh(
            at, shares, left=left, color=colour, label=f"{phase}, share of a step", height=0.5
        )
        left = [a + b for a, b in zip(left, shares, strict=True)]
    added = [rows[f"added {level}"] for level in names]
    axes.errorbar([row["mean"] for row in added], at, xerr=_errors(added, 1.0), fmt="D",
                  color="black", capsize=3, label="added to GRPO's step")  # fmt: skip
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.set_xlabel("%")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure


def localization(found: Document) -> Figure:
    """How often each debugger names a faulty line first, and among its first three."""
    figure, axes = _figure()
    names = list(found["debuggers"])
    for index, (key, label) in enumerate((("three", "first three"), ("first", "first line"))):
        shown = [found["debuggers"][name]["all"][key] for name in names]
        at = [place + 0.2 - 0.4 * index for place in range(len(names))]
        errors = [[m - low for m, low, _ in shown], [high - m for m, _, high in shown]]
        axes.barh(at, [m for m, _, _ in shown], 0.36, xerr=errors, label=label,
                  color=_COLOURS[5 - 5 * index], error_kw={"capsize": 2, "lw": 1})  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("programs, %")
    axes.legend(loc="lower right")
    return figure


PLOTS: dict[str, Callable[[Document], Figure]] = {
    "main": learning_curves,
    "debugger-scale": accuracy,
    "distillation": learning_curves,
    "ablation": learning_curves,
    "overhead": overhead,
    "modes": mode_shares,
    "localization": localization,
    "coderl-plus": learning_curves,
    "rlef": solved_by_turn,
}


def svg(name: str, found: Document) -> str:
    """The plot of a table's file as an SVG element, the same for the same numbers."""
    stream = io.StringIO()
    plot = _plot_of(name, found)
    with mpl.rc_context(_STYLE):
        figure = plot(found)
        figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]  # without the XML head, so that HTML takes it inline
    title = f"<title>{_about(plot)}</title>"
    at = text.index(">") + 1
    lines = (text[:at] + title + text[at:]).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def png(name: str, found: Document) -> bytes:
    """The plot as a PNG of 160 dots per inch."""
    stream = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure = _plot_of(name, found)(found)
        figure.savefig(stream, format="png", dpi=160, bbox_inches="tight")
    return stream.getvalue()


def _plot_of(name: str, found: Document) -> Callable[[Document], Figure]:
    """A table's plot; learning curves for one of turns whose runs were tested in no dialogue."""
    plot = PLOTS[name]
    has_turns = any(row["metric"] == told(DIALOGUE, REAL) for row in found.get("rows", ()))
    return learning_curves if plot is solved_by_turn and not has_turns else plot


def _about(plot: Callable[[Document], Figure]) -> str:
    return (plot.__doc__ or "").partition("\n")[0]


def _figure() -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.0, 3.6))
    return figure, figure.add_subplot()


def _over_steps(axes: Any, what: str) -> None:
    """Name the axes of smoothed curves, their legend beside them."""
    axes.set_xlabel("step")
    axes.set_ylabel(f"{what}, mean of {SMOOTH} steps")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)


def _steps(curve: dict[str, list[float]]) -> list[int]:
    n = len(curve["mean"])
    return list(range(SMOOTH, SMOOTH + n))


def _percent(values: list[float]) -> list[float]:
    return [100 * value for value in values]


def _errors(rows: list[dict[str, Any]], factor: float) -> list[list[float]]:
    """How far the interval reaches to each side of the mean, never below 0."""
    return [
        [factor * max(0.0, row["mean"] - row["ci95"][0]) for row in rows],
        [factor * max(0.0, row["ci95"][1] - row["mean"]) for row in rows],
    ]
