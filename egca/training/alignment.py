"""CodeRL+'s second task: say what variables of a failed program hold at the end of a run.

An exercise is made of a failed rollout and a trace of it (held.py). Its prompt is the one of
prompts/code-reasoning, or, for a policy that knows nothing but programs, a plain form: the call,
the program, and the assignment to complete. Source: CodeRL+ (arXiv 2510.18471)."""

from __future__ import annotations

from dataclasses import dataclass

from egca.debuggers.fitting import numbered
from egca.prompts import load_prompt
from egca.training.data import PLAIN, encoded
from egca.training.held import Held
from egca.training.literals import is_literal, is_same, last_object
from egca.training.policy import Policy

PROMPT = "code-reasoning"
FORMAT, CORRECT = 0.1, 0.9  # what a reward is made of
_TOKENS = 2_500  # of a program in a prompt


@dataclass(frozen=True, slots=True)
class Exercise:
    """A task with a known answer.

    task_id: whose program it is about. prompt: its ids. answers: (name, literal) of each variable.
    is_plain: which form it has.
    """

    task_id: str
    prompt: tuple[int, ...]
    answers: tuple[tuple[str, str], ...]
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Grade:
    """is_formatted: whether there is an answer at all; n_correct: values that are right."""

    is_formatted: bool
    n_correct: int


NO_ANSWER = Grade(False, 0)


def exercise_of(
    task_id: str, held: Held, policy: Policy, family: str, max_tokens: int
) -> Exercise | None:
    """An exercise in the form of the run's prompts.

    None where its prompt is longer than max_tokens, or the tokenizer cannot say it.
    """
    if family != PLAIN:
        messages = load_prompt(PROMPT).render(
            program=numbered(held.source, _TOKENS),
            call=held.call,
            variables=[name for name, _ in held.values],
        )
        ids = tuple(encoded(messages, policy))
        return Exercise(task_id, ids, held.values, False) if len(ids) <= max_tokens else None
    text = plain_prompt(held)
    ids = tuple(policy.encode(text, special=True))
    answer = policy.encode(held.values[0][1], special=False)
    is_sayable = policy.decode(ids) == text and policy.decode(answer) == held.values[0][1]
    if not is_sayable or len(ids) > max_tokens:
        return None
    return Exercise(task_id, ids, held.values[:1], True)


def plain_prompt(held: Held) -> str:
    """The call, the program, and one more statement of its body to complete.

    >>> print(plain_prompt(Held("def f(x):\\n  y = x\\n  return y\\n", "f(3)", (("y", "3"),))))
    f(3)
    def f(x):
      y = x
      return y
      y =
    """
    lines = held.source.rstrip().split("\n")
    last = lines[-1]
    indent = last[: len(last) - len(last.lstrip())]
    return "\n".join([held.call, *lines, f"{indent}{held.values[0][0]} ="])


def graded(completion: str, exercise: Exercise) -> Grade:
    """What an answer is worth: its last line, strictly, behind any reasoning; plain ones whole."""
    wanted = dict(exercise.answers)
    said = _plain(completion, *wanted) if exercise.is_plain else last_object(completion)
    if said is None or set(said) != set(wanted):
        return NO_ANSWER
    return Grade(True, sum(is_same(said[name], wanted[name]) for name in wanted))


def reward_of(grade: Grade, n_variables: int, kind: str) -> float:
    """r_i, in [0, 1]. The released code divides by one more than there are variables.

    >>> reward_of(Grade(True, 1), 2, "paper"), reward_of(Grade(True, 1), 2, "released")
    (0.55, 0.4)
    """
    if not grade.is_formatted:
        return 0.0
    n = n_variables + (kind == "released")
    return round(FORMAT + CORRECT * grade.n_correct / n, 12)


def _plain(completion: str, name: str) -> dict[str, str] | None:
    text = completion.strip()
    return {name: text} if "\n" not in text and is_literal(text) else None
