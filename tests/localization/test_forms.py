"""The answer stays at its statement when only the form of the program changes."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from forms import FORMS, statement_index

from egca.execution import Sandbox
from egca.localization import localize
from egca.localization.ops import OPS
from egca.problems import case_of

SETS = ("mutants", "humanevalfix", "llmnear", "students")
UNCHANGED = 0.98


def cases(folder, step):
    for name in SETS:
        lines = (folder / "localization" / f"{name}.jsonl").read_text("utf-8").splitlines()
        for number, line in enumerate(lines[::step]):
            yield case_of(json.loads(line), f"{name}:{number}")


def first_statement(case, source, sandbox):
    # Bounded by runs and ticks, so that other work of the machine changes nothing.
    found = localize(source, None, case.problem, sandbox=sandbox, budget_s=30.0)
    return statement_index(source, found.divergence.span.line)


def measure(folder, step):
    same: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    with Sandbox(preload=OPS) as sandbox:
        for case in cases(folder, step):
            try:
                before = first_statement(case, case.candidate, sandbox)
            except SyntaxError:
                continue
            for name, change in FORMS.items():
                source = change(case.candidate)
                if source is not None:
                    tried[name] += 1
                    same[name] += first_statement(case, source, sandbox) == before
    return {name: same[name] / tried[name] for name in tried}, tried


def test_form_does_not_matter(shared):
    shares, tried = measure(shared / "data", step=20)
    total = sum(shares[name] * tried[name] for name in tried) / sum(tried.values())
    assert total >= UNCHANGED, shares


@pytest.mark.slow
def test_form_does_not_matter_anywhere(shared):
    shares, tried = measure(shared / "data", step=1)
    total = sum(shares[name] * tried[name] for name in tried) / sum(tried.values())
    assert total >= UNCHANGED, shares
