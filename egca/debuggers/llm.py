"""One question to a model: everything about the program in a prompt, one checked answer.

An answer that does not stand is asked for once more, with the reason; after that the answer is the
trace's, and says so."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from egca.debuggers.base import Debugger, Extraction, Run
from egca.debuggers.dialogue import Dialogue, claim_of
from egca.debuggers.extraction import extracted
from egca.debuggers.fitting import (
    numbered,
    outcome_text,
    reference_lines,
    shortened,
    steps_table,
)
from egca.debuggers.scoring import scored
from egca.errors import ContextError, ReplyError
from egca.localization.claims import Refusal
from egca.localization.examination import Examination
from egca.localization.render.values import glimpse, plain
from egca.localization.render.wording import call_text
from egca.localization.result import Localization, Opinion
from egca.problems import Problem
from egca.prompts import load_prompt
from egca.providers import ChatModel, Sampling
from egca.structure import extract_constraints
from egca.types import Failure, Program

N_ANSWERS = 2
N_HALVINGS = 2
MAX_REPLY = 400  # tokens; an answer is a line of JSON
_CALL_CHARS = 600


@dataclass(frozen=True, slots=True)
class Shares:
    """Tokens that each part of a prompt may take; what a part leaves unused is not handed on."""

    statement: int = 1_200
    candidate: int = 2_500
    reference: int = 1_500
    steps: int = 2_500

    def halved(self) -> Shares:
        """For a model whose context is too short."""
        return Shares(*(tokens // 2 for tokens in astuple(self)))


class LlmDebugger(Debugger):
    """Asks once, checks, asks again at most once.

    A prompt that does not fit into the model's context is halved, twice at most.

    Args:
        model: who is asked. prompt: by name; results say which version it was.
        shares: tokens of the parts of the prompt.
    """

    def __init__(
        self,
        model: ChatModel,
        name: str = "",
        prompt: str = "localization",
        sampling: Sampling | None = None,
        shares: Shares | None = None,
    ) -> None:
        self.name = name or f"llm:{model.name}"
        self.model = model
        self.prompt = load_prompt(prompt)
        self.sampling = sampling or Sampling(max_tokens=MAX_REPLY)
        self.shares = shares or Shares()
        self.concurrency = model.concurrency

    async def place(self, at: Examination, run: Run) -> Localization:
        if not at.is_open:
            return at.answer(None, Opinion(self.name, self.model.name), 0.0)
        shares = self.shares
        for _ in range(N_HALVINGS):
            try:
                return await self._asked(at, run, shares)
            except ContextError:
                shares = shares.halved()
        return await self._asked(at, run, shares)

    async def _asked(self, at: Examination, run: Run, shares: Shares) -> Localization:
        """Raises: ContextError if the first prompt does not fit; ProviderError."""
        messages = self.prompt.render(
            **inputs_of(at, shares),
            steps=steps_table(at, shares.steps),
            constraints=_demands(at.problem),
        )
        dialogue = Dialogue(self.name, self.model, self.prompt, messages, self.sampling)
        for _ in range(N_ANSWERS):
            try:
                answer = await dialogue.ask()
                known = await run(at.check, claim_of(answer, at))
            except ContextError:
                if not dialogue.replies:
                    raise
                break  # the first answer and its refusal are too much for it
            except ReplyError as error:
                known = Refusal(str(error))
            if not isinstance(known, Refusal):
                outcome = "confirmed" if known.proof.confirmed else "accepted"
                opinion = dialogue.opinion(outcome, answer["reason"], answer["confidence"])
                return at.answer(known, opinion, dialogue.seconds)
            dialogue.refuse(known.reason)
            dialogue.say(
                f"This answer does not stand: {known.reason}. "
                "Look again, and answer with one JSON object as before."
            )
        return at.answer(None, dialogue.opinion("trace"), dialogue.seconds)

    async def rate(self, problem: Problem, program: Program) -> float:
        return await scored(self.name, self.model, problem, program, self.sampling)

    async def demands(self, problem: Problem, reference: str | None) -> Extraction:
        return await extracted(self.name, self.model, problem, reference, self.sampling)


def inputs_of(at: Examination, shares: Shares) -> dict[str, str]:
    """The inputs that all prompts of localization share."""
    found, one = at.by_trace, at.failing_input
    is_script = at.problem.kind == "script"
    source = at.problem.reference or ""
    reference = numbered(source, shares.reference, reference_lines(at)) if source else ""
    wanted = one.expected
    if not one.is_known:
        expected = "(the tests are code; the result is not what they ask for)"
    elif isinstance(wanted, Failure):
        expected = f"it raises {wanted.type}"
    else:
        expected = plain(glimpse(wanted, _CALL_CHARS))
    outcome = at.found.runs.failing[0].outcome
    name = at.problem.entry_point.rpartition(".")[2]
    arguments = [glimpse(argument, _CALL_CHARS) for argument in one.call.args]
    arguments += [f"{key}={glimpse(value, 200)}" for key, value in one.call.kwargs.items()]
    call = f"{name}({', '.join(arguments)})"
    if is_script:
        call = f"standard input {glimpse(one.call.stdin or '', _CALL_CHARS)}"
    return {
        "statement": shortened(at.problem.prompt or call_text(found, 80), shares.statement),
        "candidate": numbered(at.program.source, shares.candidate, at.suspects[:5]),
        "reference": reference,
        "call": plain(call),
        "expected": expected,
        "actual": outcome_text(outcome, is_script, _CALL_CHARS),
    }


def _demands(problem: Problem) -> list[str]:
    """The constraints that the gate would turn a program away for."""
    return [one.sentence for one in extract_constraints(problem).constraints if one.enforced]
