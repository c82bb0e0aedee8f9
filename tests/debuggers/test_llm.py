"""One question to a model: what it is told, which answers stand, and what happens to the others."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from total_above import CANDIDATE, FAULT, GOOD, PROBLEM, REFERENCE, Scripting

sys.path.insert(0, str(Path(__file__).parents[1] / "providers"))
from wire import wire_server

from egca.debuggers import Case, open_debugger
from egca.errors import ContextError, EgcaError, ProviderError
from egca.localization.render.document import document
from egca.localization.render.html import page
from egca.localization.render.terminal import TerminalView
from egca.prompts import load_prompt
from egca.providers import RetryPolicy
from egca.types import Program

REFUSED = [
    ({"line": 99}, "there are no lines 99 to 99"),
    ({"line": 2}, "line 2 holds no statement that can be at fault"),
    ({"line": 1}, "line 1 holds no statement that can be at fault"),
    ({"line": 8}, "line 8 is not executed on the first failing input"),
    ({"line": 3}, "no small edit of line 3 makes every test pass, but an edit elsewhere does"),
    ({"line": FAULT, "expression": "range(7)"}, "the quoted expression does not stand"),
    ({"line": FAULT, "step": 1}, "the step belongs to line 1, not to line 4"),
    ({"line": FAULT, "step": 900}, "there is no step 900"),
    ({"line": "four"}, 'line is "four", but must be an integer'),
]


def test_an_answer_that_stands_is_the_localization(scripted: Scripting, sandbox) -> None:
    debugger, server = scripted("llm", GOOD)
    found = debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    assert found.divergence is not None
    assert found.divergence.span.line == FAULT
    assert found.divergence.proof.confirmed
    opinion = found.opinion
    prompt = load_prompt("localization")
    assert opinion is not None
    assert (opinion.outcome, opinion.reason, opinion.confidence) == ("confirmed", "skips", 0.9)
    assert (opinion.prompt, opinion.prompt_sha256) == (prompt.id, prompt.digest)
    assert opinion.debugger == "llm:openai:scripted"
    assert (opinion.n_replies, opinion.was_asked_again, opinion.fell_back) == (1, False, False)
    assert opinion.prompt_tokens > 300
    assert (opinion.sampling["seed"], opinion.sampling["max_tokens"]) == (0, 400)
    assert len(server.requests) == 1


def test_the_prompt_carries_what_the_model_needs(scripted: Scripting, sandbox) -> None:
    debugger, server = scripted("llm", GOOD)
    debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    asked = server.requests[0]["messages"][-1]["content"]
    for text in (
        PROBLEM.prompt,
        "4 |     for i in range(1, len(values)):",
        "2 |     found = [value for value in values if value > limit]",
        "The first failing input: total_above([8, 1, 5], 3)",
        "Expected: 13",
        "The failing program gives: 5",
        "L4 for i = 1",
        "Do not call eval",
    ):
        assert text in asked, text
    assert "left out" not in asked
    assert server.requests[0]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(("answer", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_a_bad_answer_is_asked_again_with_the_reason(
    scripted: Scripting, sandbox, answer, reason
) -> None:
    debugger, server = scripted("llm", {"reason": "so", "confidence": 1, **answer}, GOOD)
    found = debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    assert found.opinion is not None
    assert found.opinion.outcome == "confirmed"
    assert found.opinion.was_asked_again
    assert found.opinion.refused[0].startswith(reason)
    told = server.requests[1]["messages"]
    assert [message["role"] for message in told[-2:]] == ["assistant", "user"]
    assert reason in told[-1]["content"]


def test_two_bad_answers_leave_the_traces(scripted: Scripting, sandbox) -> None:
    debugger, server = scripted("llm", "I think it is fine.")
    found = debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    trace = open_debugger("trace").localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    assert found.divergence == trace.divergence
    assert found.opinion is not None
    assert found.opinion.fell_back
    assert found.opinion.refused == ("the answer holds no JSON",) * 2
    assert len(server.requests) == 2


def test_a_value_that_only_the_model_knows_confirms_its_place(scripted: Scripting, sandbox) -> None:
    """Many faults, and the value that would help is none that the reference ever has."""
    candidate = (
        "def total_above(values, limit):\n    total = 100\n    for value in values:\n"
        "        if value < limit:\n            total += value\n"
        "    total = total * 3 - 1\n    return total - 7\n"
    )
    trace = open_debugger("trace").localize(candidate, None, PROBLEM, sandbox=sandbox)
    assert trace.divergence is not None
    assert not trace.divergence.proof.confirmed, trace.divergence.sentence
    steps = [(n, row.candidate) for n, row in enumerate(trace.traces, 1) if row.candidate]
    at = next(n for n, step in steps if step.span.line == 6)
    said = {"line": 6, "step": at, "expected": "20", "reason": "so", "confidence": 0.5}
    found = scripted("llm", said)[0].localize(candidate, None, PROBLEM, sandbox=sandbox)
    assert found.opinion is not None
    assert found.opinion.outcome == "confirmed", found.opinion.refused
    assert found.divergence is not None
    assert (found.divergence.span.line, found.divergence.expected) == (6, 20)


def test_nothing_is_asked_about_what_passes_or_does_not_run(scripted: Scripting, sandbox) -> None:
    debugger, server = scripted("llm", GOOD)
    for program in (REFERENCE, "def total_above(values, limit:\n"):
        found = debugger.localize(program, None, PROBLEM, sandbox=sandbox)
        assert found.opinion is not None
        assert found.opinion.outcome == "not asked"
    assert server.requests == []


def test_many_are_asked_at_once_and_answered_in_order(scripted: Scripting, sandbox) -> None:
    lock, at_once = threading.Lock(), {"now": 0, "most": 0}

    def say(messages):

        with lock:
            at_once["now"] += 1
            at_once["most"] = max(at_once["most"], at_once["now"])
        time.sleep(0.3)
        with lock:
            at_once["now"] -= 1
        return GOOD

    debugger, server = scripted("llm", say)
    cases = [Case(CANDIDATE, PROBLEM), Case(REFERENCE, PROBLEM), Case(CANDIDATE, PROBLEM)]
    cases += [Case(Program(CANDIDATE), PROBLEM)] * 3
    found = debugger.localize_many(cases, sandbox=sandbox, concurrency=3)
    assert [one.divergence is None for one in found] == [False, True, False, False, False, False]
    assert len(server.requests) == 5
    assert 2 <= at_once["most"] <= 3


def test_a_case_that_fails_does_not_lose_the_others(scripted: Scripting, sandbox) -> None:
    other = replace(PROBLEM, reference="def total_above(values:\n")
    debugger, _ = scripted("llm", GOOD)
    cases = [Case(CANDIDATE, PROBLEM), Case(CANDIDATE, other), Case(CANDIDATE, PROBLEM)]
    found = debugger.localize_many(cases, sandbox=sandbox, concurrency=1)
    assert [isinstance(one, EgcaError) for one in found] == [False, True, False]
    with pytest.raises(EgcaError, match=re.escape(str(found[1]))):
        debugger.localize(CANDIDATE, None, other, sandbox=sandbox)
    sets = debugger.extract_constraints_many([(replace(PROBLEM, reference=None), None)])
    assert "there is none" in str(sets[0])


def test_a_prompt_that_is_refused_costs_its_case_alone(sandbox) -> None:
    pytest.importorskip("openai", reason='needs the extra "llm"')
    with wire_server() as wire:
        wire.script, wire.text = ["ok", "filtered", "ok"], json.dumps(GOOD)
        debugger = open_debugger("llm:openai:tiny-chat", base_url=f"{wire.url}/v1", cache=False)
        cases = [Case(CANDIDATE, PROBLEM)] * 3
        found = debugger.localize_many(cases, sandbox=sandbox, concurrency=1)
    kinds = [type(one).__name__ for one in found]
    assert kinds == ["Localization", "ProviderError", "Localization"]
    assert "refused the prompt" in str(found[1])


@pytest.mark.parametrize("form", ["llm", "agent"])
def test_a_prompt_that_does_not_fit_is_halved(sandbox, form: str) -> None:
    pytest.importorskip("openai", reason='needs the extra "llm"')
    wordy = replace(PROBLEM, prompt=" ".join(f"word {n}" for n in range(2_000)))
    answer = GOOD if form == "llm" else {"tool": "submit", "arguments": GOOD}
    with wire_server() as wire:
        wire.script, wire.text = ["too long", "too long", "ok"], json.dumps(answer)
        name = f"{form}:openai:tiny-chat"
        debugger = open_debugger(name, base_url=f"{wire.url}/v1", cache=False)
        found = debugger.localize(CANDIDATE, None, wordy, sandbox=sandbox)
        prompts = [len(request["messages"][-1]["content"]) for request in wire.requests]
        wire.script = ["too long"]
        with pytest.raises(ContextError, match="do not fit into the context"):
            debugger.localize(CANDIDATE, None, wordy, sandbox=sandbox)
        assert len(wire.requests) == 6
    assert found.opinion is not None
    assert (found.opinion.outcome, found.opinion.n_replies) == ("confirmed", 1)
    assert prompts[0] - prompts[1] > 1_500
    assert prompts[1] - prompts[2] > 750


@pytest.mark.parametrize("form", ["llm", "agent"])
def test_a_dialogue_that_fills_the_context_leaves_the_traces(sandbox, form: str) -> None:
    pytest.importorskip("openai", reason='needs the extra "llm"')
    with wire_server() as wire:
        wire.script, wire.text = ["ok", "too long"], "I do not know."
        name = f"{form}:openai:tiny-chat"
        debugger = open_debugger(name, base_url=f"{wire.url}/v1", cache=False)
        found = debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    assert found.opinion is not None
    assert found.opinion.fell_back
    assert found.divergence is not None
    assert found.divergence.span.line == FAULT


def test_no_reply_is_an_error_that_names_the_model(scripted: Scripting, sandbox) -> None:
    retry = RetryPolicy(n_tries=1)
    debugger = scripted("llm", GOOD, base_url="http://127.0.0.1:9/v1", retry=retry)[0]
    with pytest.raises(ProviderError, match="openai:scripted"):
        debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)


def test_every_rendering_says_who_was_asked(scripted: Scripting, sandbox) -> None:
    hostile = {"line": 99, "reason": "<script>alert(1)</script>\x1b[2J", "confidence": 1}
    debugger, _ = scripted("llm", hostile, {**GOOD, "reason": "<b>it</b> skips \x1b[2J"})
    found = debugger.localize(CANDIDATE, None, PROBLEM, sandbox=sandbox)
    data = json.loads(json.dumps(document(found), allow_nan=False))["debugger"]
    assert (data["outcome"], data["was_asked_again"], data["n_replies"]) == ("confirmed", True, 2)
    assert [turn["role"] for turn in data["transcript"]] == [
        "system", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    console = Console(width=100, color_system=None, record=True, file=io.StringIO())
    console.print(TerminalView(found, shows_transcript=True))
    shown = console.export_text()
    for text in ("llm:openai:scripted", "<b>it</b> skips", "refused", "2 replies, asked again"):
        assert text in shown, text
    assert "transcript: assistant" in shown
    assert "\x1b" not in shown
    html = page(found)
    assert "llm:openai:scripted" in html
    assert "<script>alert" not in html
    assert "<b>it" not in html
