"""What of a program and of a long run stands in a prompt, and what is said of the rest."""

from __future__ import annotations

import re

import pytest
from total_above import PROBLEM

from egca.debuggers.fitting import n_tokens, numbered, reference_lines, shortened, steps_table
from egca.debuggers.probing import probed
from egca.errors import ReplyError
from egca.execution import Sandbox
from egca.localization.claims import Claim, Refusal
from egca.localization.examination import examined
from egca.problems import Example, Problem

LONG = """def f(n):
    total = 0
    for i in range(n):
        if i == 70:
            total += 1000
        else:
            total += i
    return total
"""
RIGHT = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
FINALLY = """def f(n):
    log = []
    try:
        return g(n)
    finally:
        log.append(n)


def g(n):
    return 1 // (n - n)
"""


def problem(reference: str) -> Problem:
    tests = tuple(Example(f"t{n}", (n,), expected=sum(range(n))) for n in (120, 3))
    return Problem("f", "f", tests, reference=reference)


@pytest.mark.parametrize("budget", [250, 500, 1_000])
def test_the_steps_that_matter_stay_whatever_the_budget(sandbox: Sandbox, budget: int) -> None:
    with examined(LONG, None, problem(RIGHT), sandbox=sandbox) as at:
        whole = steps_table(at, 100_000).split("\n")
        shown = steps_table(at, budget)
    lines = shown.split("\n")
    gaps = [re.fullmatch(r"\[... steps (\d+) to (\d+) left out ...\]", line) for line in lines]
    left_out = sum(int(gap[2]) - int(gap[1]) + 1 for gap in gaps if gap)
    kept = [line for line, gap in zip(lines, gaps, strict=True) if not gap]
    assert "left out" not in "".join(whole)
    assert left_out + len(kept) == len(whole) > 300
    assert set(kept) < set(whole)
    assert n_tokens(shown) < 1.5 * budget
    assert (lines[0], lines[-1]) == (whole[0], whole[-1])
    assert any("L5 total = " in line for line in kept), shown  # in the very middle


def test_a_long_reference_keeps_what_runs_where_it_goes_wrong(sandbox: Sandbox) -> None:
    """The end of the reference, where the runs part, and not just its beginning."""
    padding = "".join(f"    x{n} = {n}\n" for n in range(300))
    reference = f"def f(n):\n{padding}    return sum(range(n))\n"
    candidate = f"def f(n):\n{padding}    return sum(range(n + 1))\n"
    with examined(candidate, None, problem(reference), sandbox=sandbox) as at:
        around = reference_lines(at)
        shown = numbered(reference, 200, around)
    assert 302 in around
    assert "302 |     return sum(range(n))" in shown
    assert "left out" in shown


def test_a_long_program_keeps_the_suspicious_lines() -> None:
    source = "\n".join(f"x{n} = {n}  # {'long ' * 5}" for n in range(1, 400))
    shown = numbered(source, 300, around=[200])
    assert "200 | x200" in shown
    assert "[... lines 1 to " in shown
    assert n_tokens(shown) < 400
    assert numbered("a\n\x1b[2Jb", 100).split("\n")[1].startswith("2 | ")
    assert "\x1b" not in numbered("a\n\x1b[2Jb", 100)


def test_a_long_text_says_what_is_missing() -> None:
    text = "".join(f"{n} " for n in range(5_000))
    shown = shortened(text, 100)
    missing = int(re.search(r"(\d+) characters left out", shown)[1])
    assert missing == len(text) - 2 * 150
    assert shown.startswith("0 1 2")
    assert shown.endswith("4999 ")


def test_what_runs_only_after_the_failure_is_no_cause(sandbox: Sandbox) -> None:
    with examined(FINALLY, None, problem(RIGHT), sandbox=sandbox) as at:
        late = at.check(Claim(6))
        assert isinstance(late, Refusal)
        assert late.reason == "line 6 is executed only after the program has failed"
        in_time = at.check(Claim(2))
    assert not isinstance(in_time, Refusal)  # unproved, but among the suspects


@pytest.mark.parametrize("line", [1, 3, 4, 5, 7, 8])
def test_a_probe_can_stand_before_any_statement(line: int) -> None:
    compile(probed(LONG, line, "1"), "<probed>", "exec")


def test_a_probe_needs_a_statement_and_an_expression() -> None:
    for number, expression in [(6, "1"), (99, "1"), (2, "x = 1"), (2, "("), (2, "1 + " * 200)]:
        with pytest.raises(ReplyError):
            probed(LONG, number, expression)


def test_an_examination_outlives_its_processes(sandbox: Sandbox) -> None:
    """Between two questions everything it ran is gone, and the next one starts anew."""
    with examined(PROBLEM.reference.replace("> limit", ">= limit + 5"), None, PROBLEM,
                  sandbox=sandbox) as at:  # fmt: skip
        first = at.proof_at(2)
        for child in (at.found.children.candidate, at.found.children.reference):
            child.close()
        assert at.proof_at(2) == first
        assert first.confirmed
