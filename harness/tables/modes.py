"""The table of modes: which share of the completions is in each mode, step by step.

Made of the runs of the table `main`, so that it costs nothing where that was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from egca.types import Mode
from harness.studies.curves import SMOOTH, smoothed
from harness.tables.compare import band, rows_of
from harness.tables.document import head
from harness.tables.learning import Left, learn, protocol
from harness.tables.request import Request

# When a share is taken: over a slice of the steps.
SPANS: dict[str, slice] = {
    "begin": slice(None, SMOOTH),
    "end": slice(-SMOOTH, None),
    "all": slice(None),
}


def measure(table: str, request: Request) -> dict[str, Any]:
    """The table's file: a row for each mode, at the beginning, at the end and over all steps."""
    learned = learn(request)
    runs = {name: listed for name, listed in learned.runs.items() if name in request.methods}
    lefts = [left for listed in runs.values() for left in listed]
    rows: list[dict[str, Any]] = []
    for mode in Mode:
        for when, span in SPANS.items():
            values = {
                name: [share(left, mode, span) for left in kept] for name, kept in runs.items()
            }
            rows += rows_of(f"{mode.value} {when}", values)
    kept = protocol(request, 0.0)
    return {
        **head(request, lefts),
        "protocol": {
            "student": kept["student"],
            "tuning": kept["tuning"],
            "begin": f"the first {SMOOTH} steps",
            "end": f"the last {SMOOTH} steps",
            "ci95": kept["ci95"],
            "p": kept["p"],
            **({"changes": kept["changes"]} if "changes" in kept else {}),
        },
        "unavailable": learned.missing,
        "rows": rows,
        "curves": {
            name: {
                mode.value: band([smoothed(_shares(left, mode)).tolist() for left in listed])
                for mode in Mode
            }
            for name, listed in runs.items()
        },
    }


def share(left: Left, mode: Mode, span: slice) -> float:
    """Mean share of a mode among the rollouts of these steps."""
    return float(np.mean(_shares(left, mode)[span]))


def _shares(left: Left, mode: Mode) -> list[float]:
    return [step[mode.value] for step in left["modes"]]
