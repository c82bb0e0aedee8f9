"""The tools of the agent: what it may ask of the program, and how the answers read.

Everything runs in the sandbox, on copies; nothing writes, and no tool takes more than its budget.
What is wrong with a request raises ReplyError, whose line goes back to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from egca.debuggers.dialogue import event_of, literal
from egca.debuggers.fitting import n_tokens, outcome_text, row_text
from egca.debuggers.probing import Reading, read, state
from egca.errors import InputError, ReplyError
from egca.execution import Call
from egca.execution.patching import Patch
from egca.execution.wire import encode_checked
from egca.localization.examination import Examination
from egca.localization.render.values import glimpse, plain
from egca.providers.schema import misfit

MAX_ROWS = 40
MAX_READINGS = 5
_VALUE_CHARS = 400

Arguments = dict[str, Any]
_INTEGER = {"type": "integer", "minimum": 1}
_TEXT = {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that the agent can do. properties, required: of its arguments, as JSON Schema."""

    about: str
    run: Callable[[Examination, Arguments], str]
    properties: dict[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def check(self, arguments: Arguments) -> None:
        """Raises: ReplyError for arguments that are not its own."""
        schema = {
            "type": "object",
            "properties": self.properties,
            "required": list(self.required),
            "additionalProperties": False,
        }
        wrong = misfit(arguments, schema)
        if wrong is not None:
            raise ReplyError(wrong)


def show(at: Examination, arguments: Arguments) -> str:
    """Steps of the aligned runs."""
    first = arguments["first"]
    last = min(arguments.get("last", first + 19), len(at.steps), first + MAX_ROWS - 1)
    if first > len(at.steps):
        raise ReplyError(f"there is no step {first}; the steps are 1 to {len(at.steps)}")
    rows = [row_text(number, at.steps[number - 1]) for number in range(first, last + 1)]
    left = len(at.steps) - last
    return "\n".join([*rows, f"[{left} more steps]" if left else "[the end]"])


def compare(at: Examination, arguments: Arguments) -> str:
    """Both sides of one step, values in full."""
    step = arguments["step"]
    if step > len(at.steps):
        raise ReplyError(f"there is no step {step}; the steps are 1 to {len(at.steps)}")
    row = at.steps[step - 1]
    lines = ["the values agree" if row.is_equal else "the values differ or have no partner"]
    for name, side in (("failing program", row.candidate), ("correct program", row.reference)):
        if side is None:
            lines.append(f"{name}: nothing at this step")
        else:
            value = plain(glimpse(side.value, _VALUE_CHARS))
            where = f"line {side.span.line}, iteration {side.iteration}"
            lines.append(f"{name}: {where}, {side.kind} {plain(side.target)}: {value}")
    return "\n".join(lines)


def value(at: Examination, arguments: Arguments) -> str:
    """An expression just before a statement is executed for the n-th time."""
    readings = read(at, arguments["line"], arguments["expression"])
    occurrence = arguments.get("occurrence", 1)
    if len(readings) < occurrence:
        return f"line {arguments['line']} is executed {len(readings)} times"
    return _said(readings[occurrence - 1])


def stop_at(at: Examination, arguments: Arguments) -> str:
    """The local variables before a statement, each time that a condition holds."""
    readings = read(at, arguments["line"], state(arguments.get("condition", "True")))
    hits = [(n, one) for n, one in enumerate(readings, 1) if one.failure or one.value is not None]
    head = f"executed {len(readings)} times, the condition holds at {len(hits)} of them"
    lines = [f"time {n}: {_said(one)}" for n, one in hits[:MAX_READINGS]]
    return "\n".join([head, *lines])


def _said(reading: Reading) -> str:
    if reading.failure:
        return f"the expression raises {reading.failure}"
    return plain(glimpse(reading.value, _VALUE_CHARS))


def change(at: Examination, arguments: Arguments) -> str:
    """The run with one value replaced, or one decision flipped."""
    event = event_of(arguments["step"], at)
    trace = at.found.runs.failing[0]
    site = trace.sites[trace.site_ids[event]]
    occurrence = list(trace.indices(site)).index(event) + 1
    if arguments.get("flip"):
        if not isinstance(trace.value(event), bool):
            raise ReplyError(f"step {arguments['step']} is no decision; give a value instead")
        patch = Patch(site.id, occurrence, flip=True)
    else:
        if "value" not in arguments:
            raise ReplyError('change needs "value", a Python literal, or "flip": true')
        data, reason = encode_checked(literal(arguments["value"]))
        if reason:
            raise ReplyError(f"this value cannot be put in: {reason}")
        patch = Patch(site.id, occurrence, data)
    outcome = at.intervene([patch])
    is_script = at.problem.kind == "script"
    is_right = at.failing_input.accepts(outcome, is_script)
    said = "RIGHT" if is_right else "still wrong"
    if is_right and not at.found.fails_alone():
        said += ", as it is without the change: by itself this call does not fail"
    return (
        f"the program then gives {outcome_text(outcome, is_script, _VALUE_CHARS)}, which is {said}"
    )


def run(at: Examination, arguments: Arguments) -> str:
    """Both programs on another input."""
    is_script = at.problem.kind == "script"
    if is_script:
        call = Call(stdin=arguments["input"])
    else:
        given = literal(arguments["input"])
        call = Call(given if isinstance(given, tuple) else (given,))
    lines = []
    try:
        for name, source in (("failing", at.program.source), ("correct", at.problem.reference)):
            if source is not None:
                outcome = at.trace(source, call).outcome
                lines.append(
                    f"the {name} program: {outcome_text(outcome, is_script, _VALUE_CHARS)}"
                )
    except InputError as error:
        raise ReplyError(str(error)) from None
    return "\n".join(lines)


def submit(at: Examination, arguments: Arguments) -> str:
    """The agent takes this one itself: it ends the dialogue."""
    raise ReplyError("submit is the last turn")


TOOLS: dict[str, Tool] = {
    "show": Tool(
        'show {"first": 1, "last": 20}: steps of the two runs, aligned; = where they agree',
        show, {"first": _INTEGER, "last": _INTEGER}, ("first",),
    ),
    "value": Tool(
        'value {"expression": "i + 1", "line": 4, "occurrence": 2}: what an expression is in the '
        "failing program just before the statement at a line is executed for the n-th time",
        value, {"expression": _TEXT, "line": _INTEGER, "occurrence": _INTEGER},
        ("expression", "line"),
    ),
    "break": Tool(
        'break {"line": 4, "condition": "i > 2"}: the local variables before the statement at a '
        "line, each time that a condition holds",
        stop_at, {"line": _INTEGER, "condition": _TEXT}, ("line",),
    ),
    "change": Tool(
        'change {"step": 7, "value": "[1, 2]"} or {"step": 7, "flip": true}: run the failing '
        "program with another value at one step, or one decision flipped, and see whether the "
        "output becomes right",
        change, {"step": _INTEGER, "value": _TEXT, "flip": {"type": "boolean"}}, ("step",),
    ),
    "run": Tool(
        'run {"input": "([1, 2], 3)"}: both programs on another input: a tuple of arguments, or '
        "what a script reads",
        run, {"input": {"type": "string"}}, ("input",),
    ),
    "compare": Tool(
        'compare {"step": 7}: what the two programs have at one step, in full',
        compare, {"step": _INTEGER}, ("step",),
    ),
    "submit": Tool(
        'submit {"line": 4, "expression": "i > n", "step": 7, "expected": "True", "reason": "...", '
        '"confidence": 0.8}: the faulty statement; expression (quoted), step and expected (the '
        "value that there should have been, a Python literal) may be left out",
        submit,
        {
            "line": _INTEGER, "end_line": _INTEGER, "expression": {"type": "string"},
            "step": {"type": ["integer", "null"]}, "expected": {"type": ["string", "null"]},
            "reason": {"type": "string"}, "confidence": {"type": "number", "minimum": 0,
            "maximum": 1},
        },
        ("line", "reason", "confidence"),
    ),
}  # fmt: skip


def cut_to(text: str, budget: int) -> str:
    """An answer of a tool within so many tokens; whole lines, and how many are missing."""
    if n_tokens(text) <= budget:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    for line in lines:
        budget -= n_tokens(line) + 1
        if budget < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"[{len(lines) - len(kept)} lines left out: ask for less]"])
