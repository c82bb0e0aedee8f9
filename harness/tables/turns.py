"""The table of RLEF: training runs whose models are tested in dialogues too, with feedback and with
feedback about another problem, beside as many programs without any.

What a run left of its dialogues is harness/studies/talks.py's, in the records of
egca/training/dialogues.py; runs of earlier versions left nothing of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from egca.types import Cause
from harness.studies.runs import N_TALKED, TESTS
from harness.studies.talks import FEEDBACK
from harness.tables import learning
from harness.tables.compare import rows_of
from harness.tables.request import Request

TURNS = (1, 2, 3)  # of preset tiny's dialogues
REAL, RANDOM = FEEDBACK
KINDS: dict[str, frozenset[Cause]] = {
    "wrong answer": frozenset({Cause.WRONG_OUTPUT}),
    "exception or exit": frozenset({Cause.EXCEPTION, Cause.EXIT}),
    "time or memory limit": frozenset({Cause.TIMEOUT, Cause.MEMORY}),
    "no valid program": frozenset({Cause.COMPILE, Cause.MISSING_ENTRY_POINT, Cause.CONSTRAINT}),
}
KINDS["other"] = frozenset(Cause).difference({Cause.NONE}, *KINDS.values())
DIALOGUE = f"dialogue 1@{TURNS[-1]}"
INDEPENDENT = f"independent 1@{TURNS[-1]}"
GAIN = "dialogue over independent"
REAL_GAIN = "real over random"  # of dialogues; of both kinds of feedback, so it names none
Record = Mapping[str, float]  # of one run's dialogues with one kind of feedback


def solved(turn: int) -> str:
    """The metric of what is solved at or before a turn.

    >>> solved(2)
    'turn 2 solved'
    """
    return f"turn {turn} solved"


def alike(turn: int) -> str:
    """The metric of how alike a turn's program and the one before are."""
    return f"chrf {turn}"


def error(turn: int, kind: str) -> str:
    """The metric of one kind of error at a turn."""
    return f"turn {turn} {kind}"


def told(metric: str, feedback: str) -> str:
    """The name of a metric's row for one kind of feedback.

    >>> told(DIALOGUE, REAL)
    'dialogue 1@3, real'
    """
    return f"{metric}, {feedback}"


METRICS = tuple(
    told(metric, feedback)
    for feedback in FEEDBACK
    for metric in (
        *map(solved, TURNS), DIALOGUE, INDEPENDENT, GAIN, *map(alike, TURNS[1:]),
        *(error(turn, kind) for turn in TURNS for kind in KINDS),
    )
)  # fmt: skip
# What the columns mean; the text under the table says it too (words.py).
_PROTOCOL = {
    "dialogues": f"{TESTS['sampled'][0]} about each of {N_TALKED} of the test compositions, "
    f"sampled; up to {TURNS[-1]} programs, the next one after what the public tests say of a "
    "program (random: of another problem's program); one that passes public tests ends its "
    "dialogue; bootstrap over seeds",
    "solved": "dialogues whose program at or before a turn passes all tests",
    DIALOGUE: "dialogues whose last program passes all tests",
    INDEPENDENT: f"one of {TURNS[-1]} first programs, picked by the public tests, passes all tests",
    "chrf": "how alike a program and the one before are, chrF2 in percent",
    "errors": "of all dialogues, those whose program at the turn fails in this way",
}


def measure(table: str, request: Request) -> dict[str, Any]:
    """The table's file, with rows of the dialogues, named by metric and feedback."""
    learned = learning.learn(request)
    found = learning.compared(request, learned)
    rows = rows_of_turns({
        name: [left["final"]["turns"] for left in lefts]
        for name, lefts in learned.runs.items()
        if all("turns" in left["final"] for left in lefts)
    })  # fmt: skip
    if not rows:
        return found
    return {
        **found,
        "protocol": {**found["protocol"], **_PROTOCOL},
        "rows": [*found["rows"], *rows],
    }


def rows_of_turns(turns: Mapping[str, Sequence[Mapping[str, Record]]]) -> list[dict[str, Any]]:
    """Rows of all metrics of the dialogues, paired with GRPO by seed.

    Args:
        turns: of each method, for each seed the records by kind of feedback. A method one of whose
            runs lacks a number (how alike programs are at a turn that no dialogue came to) has no
            row of it.
    """
    found = {
        method: [_values(seed[REAL], REAL) | _values(seed[RANDOM], RANDOM) for seed in seeds]
        for method, seeds in turns.items()
    }
    rows: list[dict[str, Any]] = []
    for metric in METRICS:
        rows += rows_of(
            metric,
            {
                method: [seed[metric] for seed in seeds]
                for method, seeds in found.items()
                if all(metric in seed for seed in seeds)
            },
        )
    more = {
        method: [seed[told(DIALOGUE, REAL)] - seed[told(DIALOGUE, RANDOM)] for seed in seeds]
        for method, seeds in found.items()
    }
    return rows + rows_of(REAL_GAIN, more)


def _values(record: Record, feedback: str) -> dict[str, float]:
    """The numbers of one run's dialogues with one kind of feedback, by metric."""
    found = {
        DIALOGUE: record[f"dialogue_1_at_{TURNS[-1]}"],
        INDEPENDENT: record[f"independent_1_at_{TURNS[-1]}"],
    }
    found[GAIN] = found[DIALOGUE] - found[INDEPENDENT]
    for turn in TURNS:
        found[solved(turn)] = record[f"turn_{turn}_solved"]
        made = record[f"turn_{turn}_made"]
        for kind, causes in KINDS.items():
            # Causes are counted among the programs of a turn, which a turn that none came to lacks.
            share = sum(record.get(f"turn_{turn}_{cause.value}", 0.0) for cause in causes)
            found[error(turn, kind)] = made * share
        if f"turn_{turn}_chrf" in record:
            found[alike(turn)] = record[f"turn_{turn}_chrf"]
    return {told(metric, feedback): value for metric, value in found.items()}
