"""The text under a table, made from its numbers: it says only what the intervals support.

A difference is called one where its 95 % bootstrap interval leaves out 0, also the one over seeds
and tasks where there is one, and there are at least MIN_SEEDS seeds; whether it also passes the
corrected tests is said beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.studies.curves import BOUNDED
from harness.studies.statistics import lowest_p
from harness.studies.talks import FEEDBACK
from harness.tables.cells import STEPS
from harness.tables.methods import KEPT, METHODS, label_of
from harness.tables.published import Published
from harness.tables.turns import DIALOGUE, GAIN, REAL, REAL_GAIN, TURNS, told

MIN_SEEDS = 5  # fewer make no interval that means anything
LEVEL = 0.05
_METRICS = {
    "area": "the area under the learning curve",
    "sampled": "sampled pass@1 on tests",
    "humaneval+": "pass@1 of HumanEval+",
    "mbpp+": "pass@1 of MBPP+",
}

_TALKED = {
    told(DIALOGUE, REAL): "answers of dialogues with real feedback",
    told(GAIN, REAL): "what dialogues with real feedback give over independent programs",
}
_DIALOGUES = (
    "pass@1 is of one program without feedback. In a dialogue a program that fails public tests is "
    "sent back with what they say (random feedback: with what they say of another problem's "
    f"program), up to {TURNS[-1]} programs; solved by a turn: a program at or before it passes all "
    f"tests. Independent: one of {TURNS[-1]} programs without feedback, picked by the same public "
    "tests. chrF: how alike a program and the one before are. Errors: of all dialogues, those "
    "whose program at turn 1 / 2 / 3 fails in this way; one that is over has none."
)

_ORDER = "numbers of the two are not to be compared, at most their order"
_COMPARABLE = {
    "tiny": f"which is neither the model nor the data of the published columns: {_ORDER}",
    "small": f"which is not the model of the published columns: {_ORDER}",
    "paper": "the setting of the published columns as far as it is known, by another "
    "implementation",
}


def published(said: Published | None) -> list[str]:
    """What a publication says without a number."""
    if said is None or not said.directions:
        return []
    listed = "; ".join(f"{label_of(one.method)} {one.says}" for one in said.directions)
    return [f"Published, without numbers: {listed}."]


def learned(found: dict[str, Any] | None, table: str) -> list[str]:
    """Sentences on a table of training runs."""
    if found is None:
        return [f"Not measured yet: egca bench {table} --preset tiny."]
    n_seeds = len(found["provenance"]["seeds"])
    model = found["protocol"].get("student") or found["protocol"]["model"]
    said = [f"Measured on preset {found['preset']} ({model}, {n_seeds} seeds), "
            f"{_COMPARABLE[found['preset']]}."]  # fmt: skip
    changes = found["protocol"].get("changes")
    if changes:
        said.append(f"Options differ from the preset: {changes}.")
    for metric, name in _METRICS.items():
        rows = [r for r in found["rows"] if r["metric"] == metric and "p_holm" in r]
        said += _differences(name, rows, n_seeds)
    if table == "debugger-scale":
        said += _trend(found)
    said.append(f"How learning rates were chosen: {found['protocol']['tuning']}.")
    missing = [label_of(method) for method in found["unavailable"]]
    if missing:
        reasons = sorted(set(found["unavailable"].values()))
        said.append(f"Not measured: {', '.join(missing)} ({'; '.join(reasons)}).")
    return said + [
        f"{METHODS[m].label}: {METHODS[m].note}."
        for m in dict.fromkeys(row["method"] for row in found["rows"])
        if METHODS[m].note
    ]


def steps(found: dict[str, Any] | None) -> list[str]:
    """What steps to target are, where a file has them."""
    if found is None or STEPS not in found:
        return []
    target = found["protocol"][STEPS].partition(";")[0]
    return [f"Steps to target: the {target}. {BOUNDED}"]


def _differences(name: str, rows: Sequence[dict[str, Any]], n_seeds: int) -> list[str]:
    """Which methods differ from GRPO in a metric, which do not, and what the test says."""
    if not rows:
        return []
    if n_seeds < MIN_SEEDS:
        return [f"{n_seeds} seeds are too few to say that a method differs from GRPO in {name}."]
    above = [row for row in rows if all(low > 0 for low, _ in _intervals(row))]
    below = [row for row in rows if all(high < 0 for _, high in _intervals(row))]
    between = [row for row in rows if row not in above and row not in below]
    parts = [
        f"{side} GRPO {_verb(listed)} {', '.join(map(_delta, listed))}"
        for side, listed in (("above", above), ("below", below))
        if listed
    ]
    if between:
        parts.append(f"no difference is shown for {', '.join(_name(r) for r in between)}")
    return [
        f"In {name}, in points with 95 % intervals: {'; '.join(parts)}. {_test(rows, n_seeds)}",
        *_test_of_tasks([*above, *below]),
    ]


def _intervals(row: dict[str, Any]) -> list[Sequence[float]]:
    """Of the difference from GRPO: over seeds, and over seeds and tasks where that is known."""
    return [row[name] for name in ("delta_ci95", "delta_ci95_tasks") if name in row]


def _test(rows: Sequence[dict[str, Any]], n_seeds: int) -> str:
    """What the corrected test over seeds says."""
    passed = [_name(row) for row in rows if row["p_holm"] < LEVEL]
    lowest = lowest_p(n_seeds) * len(rows)
    if passed:
        return f"After Holm's correction {', '.join(passed)} pass{_s(passed)} a test at 5 %."
    if lowest >= LEVEL:
        return (
            f"With {n_seeds} seeds and {len(rows)} methods the lowest p that Holm's correction can "
            f"give the first is {min(1.0, lowest):.2g}, so none can pass a test at 5 %."
        )
    return "After Holm's correction none passes a test at 5 %."


def _test_of_tasks(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Which of these pass the corrected test over tasks, and what that is a test of."""
    passed = [_name(row) for row in rows if row.get("p_tasks_holm", 1.0) < LEVEL]
    if not passed:
        return []
    return [
        f"Over tasks, with the models trained here taken as given, {', '.join(passed)} "
        f"pass{_s(passed)} a test at 5 % after Holm's correction; it says nothing of other seeds."
    ]


def _trend(found: dict[str, Any]) -> list[str]:
    """Whether a better place goes with a better student, by the ends of the scale."""
    rows = {row["method"]: row for row in found["rows"] if row["metric"] == "area"}
    levels = [name for name in KEPT if name in rows]
    if len(levels) < 2:
        return []
    first, last = rows[levels[0]], rows[levels[-1]]
    if first["ci95"][1] < last["ci95"][0]:
        verdict = "the student learns faster with right places than with wrong ones"
    elif last["ci95"][1] < first["ci95"][0]:
        verdict = "the student learns more slowly with right places than with wrong ones"
    else:
        verdict = "the intervals at both ends overlap, so no gain from right places is shown"
    right = [f"{100 * found['accuracy'][end]['mean']:.0f} %" for end in (levels[0], levels[-1])]
    return [f"Between places that hold a fault {' and '.join(right)} of the time: {verdict}."]


def turns(found: dict[str, Any]) -> list[str]:
    """What dialogues are, and what is shown of them: against independent programs, and of real
    feedback against random."""
    n_seeds = len(found["provenance"]["seeds"])
    said = [_DIALOGUES]
    if n_seeds < MIN_SEEDS:
        return [*said, f"{n_seeds} seeds are too few to say what feedback gives."]
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in found["rows"]:
        rows.setdefault(row["metric"], []).append(row)
    for feedback in FEEDBACK:
        name = f"Dialogues with {feedback} feedback against independent programs in the same budget"
        said += _gains(name, rows.get(told(GAIN, feedback), []))
    said += _gains("Dialogues with real feedback against random feedback", rows.get(REAL_GAIN, []))
    for metric, what in _TALKED.items():
        tested = [row for row in rows.get(metric, []) if "p_holm" in row]
        said += _differences(what, tested, n_seeds)
    return said


def _gains(name: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Whose differences, seed by seed, leave out 0."""
    if not rows:
        return []
    more = [row for row in rows if row["ci95"][0] > 0]
    fewer = [row for row in rows if row["ci95"][1] < 0]
    rest = [row for row in rows if row not in more and row not in fewer]
    parts = [
        f"{side} solved by {', '.join(map(_gain, listed))}"
        for side, listed in (("more", more), ("fewer", fewer))
        if listed
    ]
    if rest:
        parts.append(f"no difference is shown for {', '.join(map(_name, rest))}")
    return [f"{name}, in points with 95 % intervals over seeds: {'; '.join(parts)}."]


def _gain(row: dict[str, Any]) -> str:
    low, high = (f"{100 * end:+.1f}" for end in row["ci95"])
    return f"{_name(row)} {100 * row['mean']:+.1f} ({low} to {high})"


def modes(found: dict[str, Any] | None) -> list[str]:
    """How the share of logic mode moves."""
    if found is None:
        return ["Not measured yet: egca bench modes --preset tiny."]
    rows = {(row["method"], row["metric"]): row for row in found["rows"]}
    said = []
    for method in dict.fromkeys(row["method"] for row in found["rows"]):
        begin, end = (rows[method, f"logic {when}"] for when in ("begin", "end"))
        apart = begin["ci95"][0] > end["ci95"][1] or end["ci95"][0] > begin["ci95"][1]
        way = "falls" if end["mean"] < begin["mean"] else "rises"
        numbers = f"from {100 * begin['mean']:.0f} % to {100 * end['mean']:.0f} %"
        said.append(
            f"Under {label_of(method)} logic mode {way} {numbers} of the samples"
            + ("." if apart else "; the intervals overlap.")
        )
    said.append("Preset tiny's student was made to fail in logic mode; the published share is "
                "another model's.")  # fmt: skip
    return said


def overhead(found: dict[str, Any] | None, said: Published | None) -> list[str]:
    """What credit adds at the preset's own group size."""
    if found is None:
        return ["Not measured yet: egca bench overhead --preset tiny."]
    row = next(row for row in found["rows"] if row["metric"] == "added G = 8")
    low, high = row["ci95"]
    return [
        f"At G = 8 of preset tiny credit adds {row['mean']:.0f} % to a step (95 % interval "
        f"{low:.0f} to {high:.0f}, {len(row['per_seed'])} pairs). A step of so small a model is "
        "short, so what credit adds is a larger share of it than of a large model's."
    ]


def reasoning(found: dict[str, Any] | None) -> list[str]:
    """What the questions are about, and where published numbers stand."""
    if found is None:
        return ["Not measured yet: egca bench reasoning --models MODEL --output ..."]
    return [
        f"About the references of {found['dataset']}, at temperature {found['temperature']:g}; the "
        "published numbers of the table coderl-plus are of other programs and other models."
    ]


def localization(found: dict[str, Any] | None) -> list[str]:
    """What the intervals say of the trace debugger beside the best of the others."""
    if found is None:
        return ["Not measured yet: egca bench localization --cases FILE --output ..."]
    first = {name: sets["all"]["first"] for name, sets in found["debuggers"].items()}
    best = max(first, key=lambda name: first[name][0])
    others = {name: shown for name, shown in first.items() if name != best}
    beaten = [name for name, shown in others.items() if shown[2] < first[best][1]]
    if len(beaten) == len(others) and beaten:
        return [f"{best} names a faulty line first more often than each of the others; the 95 % "
                "intervals do not overlap."]  # fmt: skip
    return ["The 95 % intervals of the best overlap, so none is shown to be the best."]


def _delta(row: dict[str, Any]) -> str:
    over = ("", "over tasks too ")  # the order of _intervals
    ends = "; ".join(
        f"{which}{100 * low:+.1f} to {100 * high:+.1f}"
        for which, (low, high) in zip(over, _intervals(row), strict=False)
    )
    return f"{_name(row)} {100 * row['delta_vs_grpo']:+.1f} ({ends})"


def _name(row: dict[str, Any]) -> str:
    return label_of(row["method"])


def _verb(listed: Sequence[object]) -> str:
    return "is" if len(listed) == 1 else "are"


def _s(listed: Sequence[object]) -> str:
    return "es" if len(listed) == 1 else ""
