"""Problems and completions for the tests of the verl adapter: 8 groups of 8, 64 in all."""

from __future__ import annotations

from typing import Any

from egca.problems import Example, Problem
from egca.structure import ConstraintSet

SOURCE = """\
def f(values):
    total = 0
    for x in values:
        if x > {bound}:
            total += x
    return total
"""
# What a completion of the problem with this bound says; {bound} is the problem's.
FORMS = [
    "{right}",
    "```python\n{right}```\n",
    "{right:x > |x > 1 + }",
    "Here it is:\n\n```python\n{right:total = 0|total = 1}```\nIt adds them up.\n",
    "{right:total += x|total += x.y}",
    "{right:total = 0|total = = 0}",
    "{right:return total|return totl}",
    "{right:total += x|total -= x}",
]


def problem_with(bound: int) -> Problem:
    """The sum of the values above a bound."""
    tests = tuple(
        Example(f"t{i}", ([*range(i)],), expected=sum(range(bound + 1, i))) for i in range(8)
    )
    return Problem(
        f"above/{bound}",
        "f",
        tests,
        prompt="The sum of the values above a bound.",
        reference=SOURCE.format(bound=bound),
    )


PROBLEMS = [problem_with(bound) for bound in range(1, 5)] * 2


def completions(problem: Problem) -> list[str]:
    """Eight of it, two of them right."""
    right = problem.reference or ""
    made = []
    for form in FORMS:
        before, _, rest = form.partition("{right")
        change, _, after = rest.partition("}")
        old, _, new = change.removeprefix(":").partition("|")
        made.append(before + (right.replace(old, new) if old else right) + after)
    return made


def sampled_ids(tokenizer: Any, text: str, *, is_odd: bool) -> list[int]:
    """Ids that a policy could have sampled: of the tokenizer, or of it letter by letter."""
    if is_odd:
        ids = [i for letter in text for i in tokenizer(letter, add_special_tokens=False).input_ids]
    else:
        ids = tokenizer(text, add_special_tokens=False).input_ids
    return [*ids, tokenizer.eos_token_id]


NO_CONSTRAINTS = ConstraintSet(())
