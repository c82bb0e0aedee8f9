"""A table as it is shown: published and measured columns side by side, a gap in either left a gap.

The renderers (render.py, report.py) take a View and know nothing of files; what a cell says is
decided here, and what the text under a table says in words.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.studies.talks import FEEDBACK
from harness.tables import document, turns, words
from harness.tables.cells import GAP, LEARNED, SHARE, STEPS, TESTED, Cell, Metric
from harness.tables.methods import BASELINE, METHODS, PRESETS, label_of
from harness.tables.published import Published, published
from harness.tables.registry import TABLES, measured_files

Rows = dict[tuple[str, str], dict[str, Any]]  # of a measured file, by method and metric


@dataclass(frozen=True, slots=True)
class Column:
    """group: whose numbers these are, "published" or "measured" with the preset."""

    group: str
    label: str

    @property
    def is_published(self) -> bool:
        """Whether a publication says it; else it was measured here."""
        return self.group == PUBLISHED


PUBLISHED = "published"
_TINY = "measured, preset tiny"
_COMPARED = ("sampled", "area", "humaneval+", "mbpp+")  # metrics shown against GRPO as well
_ONE_OF = f"one answer of {turns.TURNS[-1]} programs"


@dataclass(frozen=True, slots=True)
class Line:
    """A row: its name, and a cell for each column. ours: no published method."""

    label: str
    cells: tuple[str, ...]
    ours: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A table to show.

    text: sentences made from the numbers. sources: (name, facts) of each publication or file of
    measurements. document: the measured file, for plots; None: nothing is measured.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    text: tuple[str, ...]
    sources: tuple[tuple[str, dict[str, str]], ...]
    document: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def command(self) -> str:
        """What measures it again."""
        if TABLES[self.name].measure:
            return f"egca bench {self.name} --preset tiny"
        own = (self.document or {}).get("provenance", {})  # its files of cases are named there
        return str(own.get("command", f"egca bench {self.name}"))


# Columns of dialogues: the group, the label, the metric, and how a row of it is said.
_TALKED: tuple[tuple[str, str, str, Cell], ...] = (
    *(("one program without feedback", LEARNED[key].label, key, LEARNED[key].cell)
      for key in ("sampled", "greedy")),
    *(("dialogues", f"solved by turn {turn}, %", turns.solved(turn), SHARE.cell)
      for turn in turns.TURNS),
    (_ONE_OF, "dialogue, %", turns.DIALOGUE, SHARE.cell),
    (_ONE_OF, "independent, %", turns.INDEPENDENT, SHARE.cell),
    (_ONE_OF, "dialogue over independent", turns.GAIN, Metric("", sign="+").cell),
    (_ONE_OF, "dialogue against GRPO", turns.DIALOGUE, SHARE.delta),
    *(("chrF with the program before", f"turn {turn}, %", turns.alike(turn), SHARE.cell)
      for turn in turns.TURNS[1:]),
)  # fmt: skip


def view_of(name: str, folder: Path | None = None) -> View:
    """The table, of what is published and what is measured.

    Args:
        folder: results/; None: of this checkout.
    Raises: InputError for a file that cannot be read.
    """
    files = measured_files(name, folder)
    return _SHOWN.get(name, _learning)(name, published(name), files)


def _learning(name: str, said: Published | None, files: dict[str, Path]) -> View:
    """A table of training runs: a line for each method, published ones that have no run too."""
    found = {preset: document.read(files[preset]) for preset in PRESETS if preset in files}
    columns = [*_published_columns(said)]
    cells: list[Callable[[str], str]] = []  # of a method, in the order of the columns behind these
    for preset, one in found.items():
        rows = _rows(one)
        for label, key, said_of in _learned(rows):
            columns.append(Column(f"measured, preset {preset}", label))
            cells.append(partial(_cell, rows, key, said_of))
    right: dict[str, dict[str, Any]] = found.get("tiny", {}).get("accuracy", {})
    if right:
        columns.append(Column(_TINY, "places that hold a fault, %"))
        cells.append(lambda method: SHARE.cell(right.get(method)))
    lines = []
    for method in dict.fromkeys((*TABLES[name].methods, *_published_methods(said))):
        if not found and method not in _published_methods(said):
            continue
        line = [*_published_cells(said, method), *(cell(method) for cell in cells)]
        if any(cell != GAP for cell in line):
            lines.append(Line(_label(said, method), tuple(line), _is_ours(method)))
    text = [*words.published(said)]
    for preset in ("tiny", *(preset for preset in found if preset != "tiny")):
        text += words.learned(found.get(preset), name)
    text += words.steps(found.get("tiny"))
    return _view(name, said, columns, lines, text, found.get("tiny"), files)


def _cell(rows: Rows, key: str, said_of: Cell, method: str) -> str:
    return said_of(rows.get((method, key)))


def _learned(rows: Rows) -> list[tuple[str, str, Cell]]:
    """Columns of a file of training runs: the label, the metric, and how a row of it is said."""
    known = {key for _, key in rows}
    metrics = {key: one for key, one in {**LEARNED, **TESTED}.items() if key in known}
    shown: list[tuple[str, str, Cell]] = [(o.label, key, o.cell) for key, o in metrics.items()]
    for key in filter(known.__contains__, _COMPARED):
        shown.append((f"{metrics[key].label} against GRPO", key, metrics[key].delta))
        if any("delta_ci95_tasks" in row for (_, of), row in rows.items() if of == key):
            over = f"{metrics[key].label} against GRPO, over seeds and tasks"
            shown.append((over, key, metrics[key].delta_tasks))
    return shown


def _turns(name: str, said: Published | None, files: dict[str, Path]) -> View:
    """A line for each method and kind of feedback in its test; without dialogues as _learning."""
    found = document.read(files["tiny"]) if "tiny" in files else None
    rows = _rows(found)
    talked = {method for method, key in rows if key == turns.told(turns.DIALOGUE, turns.REAL)}
    if found is None or not talked:
        return _learning(name, said, files)
    at = f"errors at turns {' / '.join(map(str, turns.TURNS))}"
    columns = [Column(f"{_TINY}, {group}", label) for group, label, _, _ in _TALKED]
    columns += [Column(f"{_TINY}, {at}", f"{kind}, % of dialogues") for kind in turns.KINDS]
    lines = [
        _talked_line(method, feedback, rows)
        for method in TABLES[name].methods
        for feedback in (FEEDBACK if method in talked else ("",))
    ]
    lines = [line for line in lines if any(cell != GAP for cell in line.cells)]
    text = (*words.learned(found, name), *words.turns(found))
    return _view(name, said, columns, lines, text, found, files)


def _talked_line(method: str, feedback: str, rows: Rows) -> Line:
    """Numbers with a kind of feedback, and those of the model that know none; "": only these."""
    own = {key: row for (who, key), row in rows.items() if who == method}
    cells = [cell(own.get(turns.told(key, feedback), own.get(key))) for _, _, key, cell in _TALKED]
    cells += [_by_turn(own, kind, feedback) for kind in turns.KINDS]
    tested = f", tested with {feedback} feedback" if feedback else ""
    return Line(f"{label_of(method)}{tested}", tuple(cells), _is_ours(method))


def _by_turn(rows: dict[str, dict[str, Any]], kind: str, feedback: str) -> str:
    """The means of an error at each turn; their intervals are in the file."""
    found = [rows.get(turns.told(turns.error(turn, kind), feedback)) for turn in turns.TURNS]
    shares = [SHARE.number(row["mean"]) for row in found if row]
    return " / ".join(shares) or GAP


def _modes(name: str, said: Published | None, files: dict[str, Path]) -> View:
    found = document.read(files["tiny"]) if "tiny" in files else None
    rows = _rows(found)
    columns = [*_published_columns(said)]
    spans = ("begin", "end", "all")
    modes = ("syntax", "constraint", "correct", "logic")
    if found:
        columns += [Column(_TINY, f"{mode}, {span}, %")
                    for mode in modes for span in spans]  # fmt: skip
    lines = []
    for method in TABLES[name].methods:
        cells = _published_cells(said, method)
        if found:
            cells += [SHARE.cell(rows.get((method, f"{m} {s}"))) for m in modes for s in spans]
        if any(cell != GAP for cell in cells):
            lines.append(Line(label_of(method), tuple(cells)))
    return _view(name, said, columns, lines, words.modes(found), found, files)


def _overhead(name: str, said: Published | None, files: dict[str, Path]) -> View:
    """A line for each level, since one rule is timed at several."""
    from harness.tables.overhead import LEVELS, PHASES

    found = document.read(files["tiny"]) if "tiny" in files else None
    rows = _rows(found)
    published_cells = _published_columns(said)
    kinds = ("added", *PHASES)
    columns = [*published_cells]
    labels = {"added": "added to GRPO's step, %"}
    if found:
        columns += [Column(_TINY, labels.get(kind, f"{kind}, % of the step")) for kind in kinds]
    gaps = (GAP,) * (len(columns) - len(published_cells))
    lines = [Line("EGCA, published setting", (*_published_cells(said, "egca"), *gaps))]
    metric = Metric("", 1.0)
    debugger = found["protocol"]["debugger"] if found else ""
    for level in LEVELS if found else ():
        cells = [metric.cell(rows.get(("egca", f"{kind} {level}"))) for kind in kinds]
        lines.append(Line(f"EGCA, {debugger} debugger, {level}", (GAP, *cells)))
    return _view(name, said, columns, lines, words.overhead(found, said), found, files)


def _localization(name: str, said: Published | None, files: dict[str, Path]) -> View:
    found = document.read(next(iter(files.values()))) if files else None
    columns: list[Column] = []
    lines: list[Line] = []
    if found:
        labels = ("programs", "first line, %", "first three, %", "median s")
        columns = [Column("measured", label) for label in labels]
        for debugger, sets in found["debuggers"].items():
            one = sets["all"]
            shown = [_of_three(one[key]) for key in ("first", "three")]
            lines.append(Line(debugger, (str(one["n"]), *shown, f"{one['median_s']:.3f}")))
    return _view(name, said, columns, lines, words.localization(found), found, files)


def _reasoning(name: str, said: Published | None, files: dict[str, Path]) -> View:
    found = document.read(next(iter(files.values()))) if files else None
    columns: list[Column] = []
    lines: list[Line] = []
    if found:
        labels = ("questions", "right, %", "in the form asked for, %")
        columns = [Column(f"measured, {found['dataset']}", label) for label in labels]
        for model, tasks in found["models"].items():
            for task, one in tasks.items():
                shown = [_of_three(one[key]) for key in ("right", "formed")]
                lines.append(Line(f"{model}, {task}", (str(one["n"]), *shown)))
    return _view(name, said, columns, lines, words.reasoning(found), found, files)


def _of_three(shown: Sequence[float]) -> str:
    middle, low, high = shown
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def _speed(name: str, said: Published | None, files: dict[str, Path]) -> View:
    from harness.tables.speed import COLUMNS, ratios

    found = {stem: document.read(path) for stem, path in files.items()}
    lines = [Line(label, cells) for label, cells in ratios(found)]
    columns = [Column("measured", label) for label in COLUMNS] if lines else []
    text = ("Each ratio is measured by the command under its source; none is published.",)
    return _view(name, said, columns, lines, text if lines else (), None, files)


def _view(
    name: str,
    said: Published | None,
    columns: Sequence[Column],
    lines: Sequence[Line],
    text: Sequence[str],
    found: dict[str, Any] | None,
    files: dict[str, Path],
) -> View:
    title = said.title if said else TABLES[name].about.capitalize()
    sources = []
    if said:
        facts = {"source": said.source, "model": said.model, "setting": said.setting}
        sources.append((PUBLISHED, facts))
    for path in files.values():
        sources.append((f"results/measured/{_below(path)}", _facts(document.read(path))))
    return View(name, title, tuple(columns), tuple(lines), tuple(text), tuple(sources), found)


def _below(path: Path) -> str:
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("measured") + 1 :])


def _facts(found: dict[str, Any]) -> dict[str, str]:
    """Provenance as names and texts, then the protocol."""
    head = found["provenance"]
    machine = head["machine"]
    clean = "" if head.get("is_clean", True) else " (with changes that are not committed)"
    facts = {
        "command": head["command"],
        "commit": f"{head['commit'][:12]}{clean}",
        "machine": f"{machine['system']} {machine['processor']}, Python {machine['python']}",
        "versions": ", ".join(f"{k} {v}" for k, v in head["versions"].items()),
    }
    seeds = head.get("seeds", head.get("seed"))
    if seeds is not None:
        facts["seeds"] = ", ".join(map(str, seeds)) if isinstance(seeds, list) else str(seeds)
    if "configuration" in head:
        facts["configuration"] = head["configuration"][:16]
        facts["wall-clock"] = _wall_clock(found)
    for key, text in found.get("protocol", {}).items():
        facts[key.replace("_", " ")] = str(text)
    for method, one in found.get("tuning", {}).items():
        tried = ", ".join(
            f"{rate}: {' and '.join(f'{score:.4f}' for score in scores)}"
            for rate, scores in one["scores"].items()
        )
        facts[f"rate of {label_of(method)}"] = f"{one['rate']:g} (tried {tried})"
    for method, reason in found.get("unavailable", {}).items():
        facts[f"{label_of(method)} is missing"] = reason
    return facts


def _wall_clock(found: dict[str, Any]) -> str:
    """Hours of the reported runs, and of those that tuned where the file has them."""
    reported = found["provenance"]["wall_clock_s"]
    tuning = sum(one.get("seconds", 0.0) for one in found.get("tuning", {}).values())
    more = f", {tuning / 3600:.2f} h of tuning runs" if tuning else ""
    each = ", one core each" if found["preset"] == "tiny" else ""
    return f"{reported / 3600:.2f} h of reported runs{more}{each}"


def _rows(found: dict[str, Any] | None) -> Rows:
    rows = {(row["method"], row["metric"]): row for row in (found or {}).get("rows", [])}
    for method, reached in (found or {}).get(STEPS, {}).items():
        rows[method, STEPS] = {**rows[method, STEPS], "reached": reached}
    return rows


def _published_columns(said: Published | None) -> list[Column]:
    metrics = said.metrics.values() if said else ()
    return [Column(PUBLISHED, f"{one.label}, {one.unit}") for one in metrics]


def _published_methods(said: Published | None) -> list[str]:
    return [row.method for row in said.rows] if said else []


def _published_cells(said: Published | None, method: str) -> list[str]:
    if said is None:
        return []
    row = next((row for row in said.rows if row.method == method), None)
    return [_published_cell(said, name, row.values[name] if row else None) for name in said.metrics]


def _published_cell(said: Published, metric: str, value: float | None) -> str:
    """A number with as many decimals as the others of its column."""
    column = [row.values[metric] for row in said.rows]
    is_whole = all(one is None or one == int(one) for one in column)
    return GAP if value is None else f"{value:.{0 if is_whole else 1}f}"


def _label(said: Published | None, method: str) -> str:
    rows = said.rows if said else ()
    own = next((row.label for row in rows if row.method == method and row.label), None)
    return own or label_of(method)


def _is_ours(method: str) -> bool:
    return method in METHODS and METHODS[method].ours and method != BASELINE


_SHOWN: dict[str, Callable[[str, Published | None, dict[str, Path]], View]] = {
    "rlef": _turns,
    "modes": _modes,
    "overhead": _overhead,
    "localization": _localization,
    "reasoning": _reasoning,
    "speed": _speed,
}
