"""The table of debugger scale: training runs whose places are right to a degree, and that degree.

The trace debugger is tried on programs with known faults, as the students of preset tiny write
them, by the same code that finds places in training; a level that moves a share of the places to
another statement is right as often as follows from that."""

from __future__ import annotations

import random
from typing import Any

from egca.credit import Need
from egca.problems.generated import FAMILIES
from egca.types import Mode
from harness.studies.statistics import interval
from harness.tables import learning
from harness.tables.learning import STUDENT
from harness.tables.methods import KEPT
from harness.tables.request import Request

N_PROGRAMS = 500
_NEEDS = frozenset({Need.LOCATION, Need.STATEMENTS})
Range = tuple[int, int]  # characters [start, end) of a program


def measure(table: str, request: Request) -> dict[str, Any]:
    """The table's file, with `accuracy`: for each level the share of places that hold a fault."""
    request.say("where the trace debugger's places are, on programs with known faults")
    found = learning.measure(table, request)
    methods = {row["method"] for row in found["rows"]}
    kept, moved = hits(N_PROGRAMS)
    accuracy = {
        name: _shares([share * a + (1 - share) * b for a, b in zip(kept, moved, strict=True)])
        for name, share in KEPT.items()
        if name in methods
    }
    protocol = {
        **found["protocol"],
        "accuracy": f"share of places that hold one of the faults of {len(kept)} programs in logic "
        "mode, written with the student's fault rate; bootstrap over programs",
    }
    return {**found, "protocol": protocol, "accuracy": accuracy}


def hits(n_programs: int) -> tuple[list[float], list[float]]:
    """For each program whether the trace debugger's place holds a fault, and the chance that
    another statement, drawn as harness/studies/noisy.py draws it, does.

    Programs that pass, or do not fail in logic mode, are left out.
    """
    from egca.structure import extract_constraints
    from egca.training.assessment import Bench, Job, Rules, task_of
    from egca.training.tiny import student_named

    student = student_named(STUDENT)
    tasks = FAMILIES[student.family].tasks("validation")
    rng = random.Random(0)
    kept, moved = [], []
    with Bench(Rules(call_s=0.1), 1) as bench:
        for _, task in zip(range(n_programs), tasks, strict=False):
            written = task.student(rng, student.fault_rate)
            known = task_of(task.problem, extract_constraints(task.problem, task.problem.reference))
            job, finding = Job(known, written.source), Job(known, written.source, _NEEDS)
            bench.request(job)
            if bench.judged(job).mode is not Mode.LOGIC:
                continue
            bench.request(finding)
            places = bench.places(finding)
            faults = [(fault.start, fault.end) for fault in written.faults]
            place = places.statement
            others = [one for one in places.statements if place is None or not _meet(one, place)]
            kept.append(float(place is not None and _holds(place, faults)))
            moved.append(sum(_holds(one, faults) for one in others) / max(1, len(others)))
    return kept, moved


def _holds(place: Range, faults: list[Range]) -> bool:
    return any(_meet(place, fault) for fault in faults)


def _meet(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _shares(values: list[float]) -> dict[str, Any]:
    mean = sum(values) / len(values)
    return {"mean": round(mean, 4), "ci95": [round(end, 4) for end in interval(values)]}
