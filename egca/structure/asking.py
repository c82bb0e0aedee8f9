"""What a model is asked when it is to write a program: a problem put into a prompt."""

from __future__ import annotations

from egca.problems import Problem
from egca.prompts import Message, Prompt
from egca.structure.constraints import ConstraintSet


def messages_of(
    prompt: Prompt, problem: Problem, constraints: ConstraintSet | None = None, **more: str
) -> list[Message]:
    """What the model is asked. A prompt may use any of these inputs, and more that are given.

    Raises: PromptError.
    """
    head, _, method = problem.entry_point.partition(".")
    if not head:
        target = "a script that reads standard input and prints the answer"
    elif method:
        target = f"the class `{head}` with its method `{method}`"
    else:
        target = f"the function `{head}`"
    inputs: dict[str, str | list[str]] = {
        "statement": problem.prompt,
        "target": target,
        "entry_point": problem.entry_point,
        "task_id": problem.task_id,
        "constraints": [] if constraints is None else constraints.sentences(),
        **more,
    }
    return prompt.render(**{name: text for name, text in inputs.items() if name in prompt.inputs})
