"""The words of a localization that terminal and HTML share: titles, causes, proofs, steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from egca.localization.render.values import glimpse, text_of
from egca.localization.result import Localization, Opinion, Step
from egca.problems import UNKNOWN, Check, Problem, Test
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.types import Divergence, Moment, Outcome, Repair, SourceMap, TestResult, Verdict

_MODES = {
    "syntax": "syntax: it does not compile, or running it raises",
    "constraint": "constraint: it breaks a rule that the reference keeps",
    "correct": "correct: it passes all tests",
    "logic": "logic: it runs, and what comes out is wrong",
}
_VALUE_LIMIT = 300
# a name, or what is stored under one: x, x.y, x[...]
_PLACE = re.compile(r"[^\W\d]\w*(\.\w+|\[.*\])*", re.DOTALL)


def title(localization: Localization) -> str:
    """What was examined and how it ended: "HumanEval/3 fails 2 of 5 tests"."""
    name = localization.problem.task_id or localization.problem.entry_point or "program"
    verdict = localization.verdict
    if localization.divergence is None and verdict.passed:
        return f"{name} passes {counted(localization.n_tests, 'test')}"
    if not verdict.results or not localization.n_tests:
        return f"{name} does not run"
    return f"{name} fails {localization.n_failing} of {counted(localization.n_tests, 'test')}"


def brief(localization: Localization) -> str:
    """The title and the place: "f fails 1 of 2 tests; line 4, confidence 93 %"."""
    divergence = localization.divergence
    if divergence is None:
        return title(localization)
    place = f"line {divergence.span.line}, confidence {confidence_text(divergence.confidence)}"
    return f"{title(localization)}; {place}"


def notes(localization: Localization) -> list[str]:
    """All remarks, each once; says so where there was no reference to compare with."""
    divergence = localization.divergence
    found = [*(divergence.notes if divergence else ()), *localization.notes]
    is_alone = divergence is not None and localization.reference is None
    if is_alone and not any("without a reference" in note for note in found):
        found.append("without a reference this is weaker: only the tests were there to compare")
    return list(dict.fromkeys(found))


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "test"), counted(2, "test")
    ('1 test', '2 tests')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ordinal(number: int) -> str:
    """
    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '112th']
    """
    ending = (
        "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{ending}"


def mode_text(divergence: Divergence) -> str:
    return _MODES[divergence.mode.value]


def cause_text(divergence: Divergence) -> str:
    return divergence.cause.value.replace("_", " ")


def confidence_text(confidence: float) -> str:
    """A chance in whole percent, never rounded to certainty."""
    return f"{min(max(round(100 * confidence), 1), 99)} %"


def moment_text(moment: Moment | None) -> str:
    """When it happened: "input 1, call 2 of f, 3rd iteration"; "" if that is not known."""
    if moment is None:
        return ""
    parts = [f"test input {moment.input_index + 1}"]
    if moment.function and moment.call:
        parts.append(f"{ordinal(moment.call)} call of {moment.function}")
    if moment.iteration:
        parts.append(f"{ordinal(moment.iteration)} iteration")
    elif moment.occurrence > 1:
        parts.append(f"{ordinal(moment.occurrence)} time")
    return ", ".join(parts)


def call_text(localization: Localization, limit: int) -> str:
    """The failing input: a call, or the standard input of a script; a failing check by its name."""
    failing = localization.failing
    if failing is None:
        return ""
    if localization.problem.kind == "script":
        stdin = failing_stdin(localization)
        return "" if stdin is None else f"stdin {glimpse(stdin, max(limit - 6, 8))}"
    if is_check(localization) and not failing.args:
        return failing.name
    name = localization.problem.entry_point.rsplit(".", 1)[-1]
    given = [("", value) for value in failing.args]
    given += [(f"{key}=", value) for key, value in _keywords(localization, failing).items()]
    room = max((limit - len(name) - 2) // max(len(given), 1) - 2, 8)
    arguments = [key + text_of(value, n_items=max(limit // 2, 2)) for key, value in given]
    if sum(map(len, arguments)) + 2 * len(arguments) > limit - len(name) - 2:
        arguments = [key + glimpse(value, room) for key, value in given]
    return f"{name}({', '.join(arguments)})"


def judged_test(problem: Problem, verdict: Verdict, result: TestResult | None) -> Test | None:
    """The test of a result. Names may repeat; results are in the order of the tests."""
    pairs = zip(problem.tests, verdict.results, strict=False)
    return next((test for test, one in pairs if one is result), None)


def failing_test(localization: Localization) -> Test | None:
    """The first failing test itself."""
    return judged_test(localization.problem, localization.verdict, localization.failing)


def _keywords(localization: Localization, failing: TestResult) -> dict[str, object]:
    """Keyword arguments of the failing call: the last one that code made, or the example's."""
    if failing.calls:
        return dict(failing.calls[-1].kwargs)
    return dict(getattr(failing_test(localization), "kwargs", {}))


def script_texts(
    localization: Localization, n_lines: int
) -> tuple[list[str] | None, list[str] | None, list[str] | None] | None:
    """What a script read, should have printed and printed, as lines, for people.

    At most about n_lines of each, around the first line that differs. None when this is no script,
    when text would hide the difference (white space only), or when the script printed nothing.
    """
    failing = localization.failing
    if failing is None or localization.problem.kind != "script" or failing.actual.failure:
        return None
    actual, expected = actual_and_expected(localization)
    stdin = failing_stdin(localization)
    if not isinstance(actual, str) or not isinstance(expected, str) or not actual.strip():
        return None
    ours, theirs = actual.splitlines(), expected.splitlines()
    differing = (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    at = next(differing, min(len(ours), len(theirs)))
    if [line.split() for line in ours] == [line.split() for line in theirs]:
        return None
    read = None if stdin is None else _around(stdin.splitlines(), 0, n_lines)
    return read, _around(theirs, at, n_lines), _around(ours, at, n_lines)


def _around(lines: list[str], at: int, n_lines: int) -> list[str]:
    """
    >>> _around(list("abcdefgh"), 5, 3)
    ['… 4 lines', 'e', 'f', 'g', '… 1 line']
    """
    if len(lines) <= n_lines + 1:
        return lines
    first = max(min(at - n_lines // 2, len(lines) - n_lines), 0)
    shown = [line if len(line) <= 200 else line[:199] + "…" for line in lines]
    shown = shown[first : first + n_lines]
    left = len(lines) - first - n_lines
    head = [f"… {counted(first, 'line')}"] if first else []
    return [*head, *shown, *([f"… {counted(left, 'line')}"] if left else [])]


def failing_stdin(localization: Localization) -> str | None:
    """The standard input of the first failing test of a script."""
    failing = localization.failing
    if failing is None:
        return None
    stdin = getattr(failing_test(localization), "stdin", None)
    if stdin is not None:
        return str(stdin)
    if failing.args and isinstance(failing.args[0], str):
        return failing.args[0]
    return None


def is_check(localization: Localization) -> bool:
    """Whether the first failing test is code, so that there is no expected value."""
    return isinstance(failing_test(localization), Check)


def has_expected(localization: Localization) -> bool:
    """Whether an expected value of the first failing test is known."""
    failing = localization.failing
    return failing is not None and failing.expected is not UNKNOWN and not is_check(localization)


def failure_text(outcome: Outcome) -> str:
    """How a call ended that gave no value: "IndexError: list index out of range"."""
    failure = outcome.failure
    if failure is None:
        return ""
    return str(failure) if failure.type else f"no value: {failure}"


def actual_and_expected(localization: Localization) -> tuple[object, object]:
    """Values of the first failing test; for a script what it printed."""
    failing: TestResult | None = localization.failing
    if failing is None:
        return None, None
    outcome = failing.actual
    is_printed = localization.problem.kind == "script" and outcome.value is None
    return (outcome.stdout if is_printed else outcome.value), failing.expected


def step_text(step: Step, limit: int) -> str:
    """One step of a trace in about `limit` characters: "total = 7", "i > 3 is True".

    The value of an expression that nothing keeps has an arrow: "max(a, b) -> 7".
    """
    target = step.target
    if len(target) > max(limit // 2, 10):
        target = target[: max(limit // 2, 10) - 1] + "…"
    value = glimpse(step.value, max(limit - len(target) - 4, 6))
    match step.kind:
        case "branch":
            return f"{target} is {value}" if target else value
        case "item":
            return "while True" if target == "while" else f"for {target} = {value}"
        case "call":
            is_tuple = isinstance(step.value, tuple) and len(step.value) != 1
            return f"call {target}{value}" if is_tuple else f"call {target}({value})"
        case "return":
            return f"return {value}"
        case "raise":
            word = "caught" if target == "except" else "raise"
            return f"{word} {_exception_text(step.value)}"
        case "value":
            return target if step.value is None else f"{target} -> {value}"
    return target if target in ("break", "continue", "pass") else f"{target} = {value}"


def _exception_text(value: object) -> str:
    """A raised exception, recorded as (type name, message) or as text."""
    parts = value if isinstance(value, tuple) else (value,)
    return ": ".join(str(part) for part in parts if part)


def assigned(step: Step, parameters: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Names (or d[k], a.b) that hold a value after a step, with the value's text.

    Args: parameters: of the program's functions by name, for the arguments of a call.

    >>> from egca.types import SourceMap
    >>> span = SourceMap("x").span(0, 1)
    >>> assigned(Step("item", span, "a, b", (1, 2)), {})
    [('a', '1'), ('b', '2')]
    >>> assigned(Step("call", span, "f", (1, 2)), {"f": ["x", "y"]})
    [('x', '1'), ('y', '2')]
    """
    if step.kind == "call":
        names = list(parameters.get(step.target.rpartition(".")[2], ()))
        if len(names) == 1:
            return [(names[0], glimpse(step.value, _VALUE_LIMIT))]
    elif step.kind in ("write", "item") and step.target not in ("while", "break", "continue"):
        names = [name.strip() for name in step.target.strip("()").split(",")]
        if _PLACE.fullmatch(step.target):
            return [(step.target, glimpse(step.value, _VALUE_LIMIT))]
    else:
        return []
    if not isinstance(step.value, tuple | list) or len(names) != len(step.value):
        return []
    return [
        (name, glimpse(value, _VALUE_LIMIT))
        for name, value in zip(names, step.value, strict=True)
        if _PLACE.fullmatch(name)
    ]


def parameters_of(source: str) -> dict[str, list[str]]:
    """Parameters of each function of a program as traces record them: without self; {} if broken.

    >>> parameters_of("class A:\\n def f(self, x, *, y): pass")
    {'f': ['x', 'y']}
    """
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return {}
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            listed = [*node.args.posonlyargs, *node.args.args, node.args.vararg]
            listed += [*node.args.kwonlyargs, node.args.kwarg]
            names = [argument.arg for argument in listed if argument is not None]
            found[node.name] = names[1:] if names[:1] in (["self"], ["cls"]) else names
    return found


def code_lines(source: str) -> list[str]:
    """The lines of a program as the compiler counts them, without their ends.

    >>> code_lines("a = '\\x0c'\\r\\nb = 1\\n")
    ["a = '\\x0c'", 'b = 1']
    """
    source_map = SourceMap(source)
    lines = [source_map.line_text(n).rstrip("\r\n") for n in range(1, source_map.n_lines + 1)]
    return lines if lines[-1] else lines[:-1]


def repair_lines(repair: Repair, source: str) -> tuple[list[str], list[str]]:
    """The lines that a repair takes out of a program, and those it puts in.

    >>> from egca.types import SourceMap
    >>> span = SourceMap("a = 1\\nb = a\\n").span(10, 11)
    >>> repair_lines(Repair(span, "a", "-a", "a = 1\\nb = -a\\n"), "a = 1\\nb = a\\n")
    (['b = a'], ['b = -a'])
    """
    before, after = code_lines(source), code_lines(repair.source)
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return before[head : len(before) - tail], after[head : len(after) - tail]


_OUTCOMES = {
    "confirmed": "its place, and an intervention confirms it",
    "accepted": "its place, that nothing confirms",
    "trace": "no answer of it stood: this is the trace's",
    "not asked": "not asked: this is the trace's",
}


def opinion_rows(opinion: Opinion) -> list[tuple[str, str]]:
    """Labels and texts of who was asked, what became of it, and what it took."""
    rows = [("debugger", f"{opinion.debugger}: {_OUTCOMES.get(opinion.outcome, opinion.outcome)}")]
    if opinion.reason:
        sure = ""
        if opinion.confidence is not None:
            sure = f" ({confidence_text(opinion.confidence)} sure, it says)"
        rows.append(("it says", f"{opinion.reason}{sure}"))
    rows += [("refused", reason) for reason in opinion.refused]
    if opinion.n_replies:
        rows.append(("it took", effort_text(opinion)))
    return rows


def effort_text(opinion: Opinion) -> str:
    """What asking a model took: "2 replies, asked again, 900 + 40 tokens, $0.0033, 2.1 s; ..."."""
    replies = "1 reply" if opinion.n_replies == 1 else f"{opinion.n_replies} replies"
    replies += f" ({opinion.n_cached} from the cache)" if opinion.n_cached else ""
    again = ", asked again" if opinion.was_asked_again else ""
    cost = "" if opinion.cost_usd is None else f", ${opinion.cost_usd:.4f}"
    tokens = f"{opinion.prompt_tokens} + {opinion.completion_tokens} tokens"
    prompt = f"{opinion.prompt}, sha256 {opinion.prompt_sha256[:12]}"
    return f"{replies}{again}, {tokens}{cost}, {opinion.seconds:.1f} s; {prompt}"


def extraction_text(opinion: Opinion) -> str:
    """Who named the constraints, and what it took."""
    if opinion.fell_back:
        why = "; ".join(opinion.refused)
        return f"{opinion.debugger} gave no usable answer ({why}): these are the reference's own"
    return f"{opinion.debugger}: {effort_text(opinion)}"


def proof_text(divergence: Divergence) -> str:
    """What was changed and what became right by it; says so where nothing was confirmed."""
    proof = divergence.proof
    if not proof.confirmed:
        return proof.text or "none: no change that was tried made a failing input right"
    count = f"{proof.n_repaired} of {counted(proof.n_failing, 'failing input')} right by it"
    return f"{proof.text} ({count})" if proof.text else count
