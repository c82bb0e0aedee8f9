"""Problems on their way into data sets of other trainers: with a reference, with constraints C, and
as a conversation. The columns are trl/data.py's and verl_data.py's."""

from __future__ import annotations

from collections.abc import Iterable

from egca.errors import InputError
from egca.problems import Problem
from egca.prompts import Prompt
from egca.structure import ConstraintSet, messages_of
from egca.training.config import Debugger
from egca.training.demands import demands_of

PROMPT = "generation-with-constraints"
N_KNOWN = 1_024  # problems that a process keeps parsed

Demanded = tuple[Problem, ConstraintSet | None]


def with_demands(
    problems: Iterable[Problem], debugger: Debugger | None, *, skip_bad: bool | None = None
) -> list[Demanded]:
    """Problems with what the form of their programs has to be, in order.

    Args:
        debugger: who extracts constraints; None: nobody does, all are None.
        skip_bad: leave out problems without a reference; None where a caller has no such option.
    Raises: InputError for a problem without a reference, or if none is left.
    """
    usable = []
    for problem in problems:
        if problem.reference is not None:
            usable.append(problem)
        elif not skip_bad:
            remedy = "" if skip_bad is None else "; skip_bad leaves it out"
            raise InputError(f"{problem.task_id}: it has no reference to compare with{remedy}")
    if not usable:
        raise InputError("there is no problem with a reference to train on")
    demands: list[ConstraintSet | None] = [None] * len(usable)
    if debugger is not None:
        demands, _ = demands_of(usable, debugger, None)
    return list(zip(usable, demands, strict=True))


def conversation(
    problem: Problem, constraints: ConstraintSet | None, prompt: Prompt
) -> list[dict[str, str]]:
    """What the model is asked, as chat templates take it."""
    messages = messages_of(prompt, problem, constraints)
    return [{"role": message.role, "content": message.content} for message in messages]
