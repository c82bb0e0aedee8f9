"""What a step of the two runs says: a value that is stored, or one that is only looked at."""

from __future__ import annotations

from egca.localization import localize
from egca.localization.render.wording import assigned, step_text
from egca.problems import Example, Problem

SOURCE = """def f(xs):
    if xs and len(xs) < 3:
        return sorted(xs, key=lambda x: x)
    return xs
"""


def test_the_truth_of_a_name_is_not_the_value_that_it_holds() -> None:
    problem = Problem("t", "f", (Example("one", ([2, 1],), expected=[2, 1]),))
    found = localize(SOURCE, None, problem)
    steps = [pair.candidate for pair in found.traces if pair.candidate is not None]
    said = {step_text(step, 80): dict(assigned(step, {})) for step in steps}
    assert said["xs -> True"] == said["len(xs) < 3 -> True"] == said["return 1"] == {}
    assert "xs = True" not in said
