"""Scores of programs by a debugger that is a model; the trace gives none."""

from __future__ import annotations

import pytest
from scripted import scripted_server

from egca.debuggers import open_debugger
from egca.errors import EgcaError, InputError
from egca.problems import Problem

PROBLEM = Problem("one", "f", (), prompt="Add one to x.")
PROGRAM = "def f(x):\n    return x + 2\n"


def opened(url: str, form: str = "llm"):
    return open_debugger(f"{form}:openai:scripted", base_url=url, cache=False)


@pytest.mark.parametrize("form", ["llm", "ensemble"])
def test_a_score_is_what_the_model_says_of_the_program(form: str) -> None:
    with scripted_server([{"reason": "off by one", "score": 0.25}]) as server:
        assert opened(server.url, form).score(PROBLEM, PROGRAM) == 0.25
    (request,) = server.requests
    said = request["messages"][-1]["content"]
    assert "Add one to x." in said
    assert "return x + 2" in said


def test_an_answer_that_does_not_stand_is_asked_for_once_more() -> None:
    script = ["it is wrong", {"reason": "r", "score": 2}, {"reason": "r", "score": 0.5}]
    with scripted_server(script) as server:
        debugger = opened(server.url)
        first, second = debugger.score_many([(PROBLEM, PROGRAM), (PROBLEM, PROGRAM)], concurrency=1)
    assert isinstance(first, EgcaError)
    assert second == 0.5
    assert "does not stand" in server.requests[1]["messages"][-1]["content"]


def test_the_trace_has_no_score() -> None:
    debugger = open_debugger("trace")
    assert not debugger.gives_scores
    with pytest.raises(InputError, match="trace gives no scores; name a debugger that is a model"):
        debugger.score(PROBLEM, PROGRAM)
