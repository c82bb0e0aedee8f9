"""Two tasks that ask a model what programs do, and not for programs.

- code-reasoning: a right program and a call; what its variables held when they were last assigned.
  The answer is read from a trace.
- test-output: the statement and a call; what a right program returns, or prints.

An answer counts where its last line is the JSON object that the prompt asks for and every value is
right. Source: CodeRL+ (arXiv 2510.18471), whose published numbers stand in the table coderl-plus;
the programs here are those of whatever data set is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from egca.debuggers.fitting import numbered
from egca.errors import EgcaError, ProviderError
from egca.execution import Sandbox
from egca.execution.expectations import GroundTruth
from egca.execution.limits import Limits
from egca.problems import UNKNOWN, Example, Problem
from egca.prompts import Message, load_prompt
from egca.providers import ChatModel, Sampling
from egca.training.held import Asked, call_text, held_after
from egca.training.literals import is_literal, is_same, last_object
from egca.types import Program
from harness.provenance import provenance
from harness.studies.statistics import interval

CODE, OUTPUT = "code-reasoning", "test-output"
TASKS = (CODE, OUTPUT)
_TOKENS = 2_500  # of a program in a prompt
_MAX_CHARS = 200  # of an output; longer ones are an exercise in copying
_N_VARIABLES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one problem. answers: by name, a Python literal, or a text as it is printed.

    is_text: whether answers are texts.
    """

    task: str
    task_id: str
    messages: tuple[Message, ...]
    answers: Mapping[str, str]
    is_text: bool = False

    def grade(self, reply: str) -> tuple[bool, bool]:
        """Whether a reply has an answer in the form that was asked for, and whether it is right."""
        said = last_object(reply)
        if said is None or set(said) != set(self.answers):
            return False, False
        if self.is_text:
            return True, all(said[k].split() == v.split() for k, v in self.answers.items())
        return True, all(is_same(said[name], value) for name, value in self.answers.items())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model made of a question. reply: whole; error: why there is none."""

    task: str
    task_id: str
    is_formed: bool
    is_right: bool
    reply: str
    tokens: int = 0
    cost_usd: float | None = None
    error: str = ""


def questions(
    problems: Iterable[Problem], tasks: Sequence[str], sandbox: Sandbox
) -> tuple[list[Question], list[str]]:
    """One question of each task about each problem, and why some problems have none."""
    found: list[Question] = []
    left_out: list[str] = []
    makers = {CODE: _about_code, OUTPUT: _about_output}
    for problem in problems:
        for task in tasks:
            try:
                question = makers[task](problem, sandbox)
            except EgcaError as error:
                left_out.append(f"{problem.task_id}, {task}: {error}")
                continue
            if question is None:
                left_out.append(f"{problem.task_id}, {task}: no value that can be asked for")
            else:
                found.append(question)
    return found, left_out


def _about_code(problem: Problem, sandbox: Sandbox) -> Question | None:
    program = Program(problem.reference or "")
    held = held_after(program, problem, sandbox, Limits(), Asked(_N_VARIABLES))
    if held is None:
        return None
    messages = load_prompt(CODE).render(
        program=numbered(held.source, _TOKENS),
        call=held.call,
        variables=[name for name, _ in held.values],
    )
    return Question(CODE, problem.task_id, tuple(messages), dict(held.values))


def _about_output(problem: Problem, sandbox: Sandbox) -> Question | None:
    """About the first test whose output is short and plain."""
    expected = GroundTruth().expected(problem, sandbox, Limits())
    is_text = problem.kind == "script"
    for index, test in enumerate(problem.tests):
        if not isinstance(test, Example) or expected.is_skipped(index):
            continue
        value = expected.value(index) if test.expected is UNKNOWN else test.expected
        said = str(value) if is_text else repr(value)
        if len(said) > _MAX_CHARS or not (is_text or is_literal(said)):
            continue
        inputs = {"statement": problem.prompt, "call": call_text(problem, test)}
        messages = load_prompt(OUTPUT).render(**inputs)
        return Question(OUTPUT, problem.task_id, tuple(messages), {"output": said}, is_text)
    return None


def measure(
    model: ChatModel,
    asked: Sequence[Question],
    sampling: Sampling,
    batch_size: int,
    advance: Callable[[], None] = lambda: None,
) -> list[Answer]:
    """A model's answers, in the order of the questions; what is refused is an error of one."""
    found: list[Answer] = []
    for start in range(0, len(asked), batch_size):
        batch = asked[start : start + batch_size]
        for question, answer in zip(batch, _answers(model, batch, sampling), strict=True):
            found.append(_graded(question, answer))
            advance()
    return found


def _answers(model: ChatModel, batch: Sequence[Question], sampling: Sampling) -> list[Any]:
    """A reply to each, or the error in its place."""
    try:
        return list(model.complete_many([one.messages for one in batch], sampling))
    except ProviderError as error:
        if len(batch) == 1:
            return [error]
        return [answer for one in batch for answer in _answers(model, [one], sampling)]


def _graded(question: Question, answer: Any) -> Answer:
    if isinstance(answer, ProviderError):
        text = " ".join(str(answer).split())
        return Answer(question.task, question.task_id, False, False, "", error=text)
    is_formed, is_right = question.grade(answer.text)
    tokens = answer.prompt_tokens + answer.completion_tokens
    return Answer(question.task, question.task_id, is_formed, is_right, answer.text, tokens,
                  answer.cost_usd)  # fmt: skip


def document(
    answers: Mapping[str, Sequence[Answer]], command: str, dataset: str, sampling: Sampling
) -> dict[str, Any]:
    """What is written to results/measured: for each model and task shares in percent."""
    models = {
        name: {task: summary([one for one in listed if one.task == task]) for task in TASKS
               if any(one.task == task for one in listed)}
        for name, listed in answers.items()
    }  # fmt: skip
    head = provenance(
        command,
        paths=("egca", "harness", "prompts"),
        seed=sampling.seed,
        packages=("egca", "transformers", "torch"),
    )
    prompts = {task: load_prompt(task).id for task in TASKS}
    about = {"dataset": dataset, "temperature": sampling.temperature, "prompts": prompts}
    return {"provenance": head, **about, "models": models}


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Figures of one task; right and formed are [mean, low, high] in percent (bootstrap)."""
    costs = [one.cost_usd for one in answers if one.cost_usd is not None]
    return {
        "n": len(answers),
        "n_errors": sum(bool(one.error) for one in answers),
        "first_error": next((one.error for one in answers if one.error), None),
        "right": _share([one.is_right for one in answers]),
        "formed": _share([one.is_formed for one in answers]),
        "tokens": round(sum(one.tokens for one in answers) / len(answers), 1),
        "cost_usd": round(sum(costs), 4) if costs else None,
    }


def _share(values: Sequence[bool]) -> list[float]:
    mean = sum(values) / len(values)
    return [round(100 * x, 1) for x in (mean, *interval([float(one) for one in values]))]


def text(found: Mapping[str, Any]) -> str:
    """The figures as a terminal shows them."""
    lines = [f"{'model':24} {'task':16} {'n':>5}  {'right, %':22} {'in the form asked for, %':22}"]
    for name, tasks in found["models"].items():
        for task, one in tasks.items():
            right, formed = (
                "{:.1f} ({:.1f} to {:.1f})".format(*one[key]) for key in ("right", "formed")
            )
            lines.append(f"{name:24} {task:16} {one['n']:>5}  {right:22} {formed:22}".rstrip())
            if one["first_error"]:
                lines.append(f"  {one['n_errors']} got no reply; the first: {one['first_error']}")
    return "\n".join(lines)
