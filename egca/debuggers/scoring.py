"""A model's score of a program: how likely it is to be right, said without running it."""

from __future__ import annotations

from egca.debuggers.dialogue import Dialogue
from egca.debuggers.fitting import numbered, shortened
from egca.errors import ReplyError
from egca.problems import Problem
from egca.prompts import load_prompt
from egca.providers import ChatModel, Sampling
from egca.types import Program

PROMPT = "critique"
N_ANSWERS = 2
_STATEMENT, _PROGRAM = 1_200, 2_500  # tokens


async def scored(
    debugger: str, model: ChatModel, problem: Problem, program: Program, sampling: Sampling
) -> float:
    """The score that a model gives, in [0, 1].

    Raises: ReplyError if no answer stands after a second try; ProviderError without a reply.
    """
    prompt = load_prompt(PROMPT)
    messages = prompt.render(
        statement=shortened(problem.prompt or "(only its name is known)", _STATEMENT),
        program=numbered(program.source, _PROGRAM),
    )
    dialogue = Dialogue(debugger, model, prompt, messages, sampling)
    for left in reversed(range(N_ANSWERS)):
        try:
            return float((await dialogue.ask())["score"])
        except ReplyError as error:
            if not left:
                raise
            dialogue.say(f"This answer does not stand: {error}. Answer with one JSON object.")
    raise AssertionError("unreachable")
