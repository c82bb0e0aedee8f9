"""Both protocols against a real server on loopback: what is sent, what is read, what goes wrong."""

from __future__ import annotations

import json
import logging

import pytest
from asking import ASKED, PROTOCOLS, SCHEMA, opened
from wire import BEHAVIOURS, TEXT, Wire

from egca.errors import InputError, ProviderError
from egca.prompts import Prompt, all_prompts
from egca.providers import Message, Sampling, Wrapper, open_model, parsed

both = pytest.mark.parametrize("protocol", PROTOCOLS)
streamed = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
NO_STREAM = ("empty", "not json")  # what they send, they send whole


@both
@streamed
def test_a_reply(wire: Wire, protocol: str, is_streamed: bool) -> None:
    pieces: list[str] = []
    model = opened(wire, protocol, on_text=pieces.append if is_streamed else None)
    reply = model.complete(ASKED, Sampling(max_tokens=9), SCHEMA)
    assert parsed(reply.text, SCHEMA) == {"line": 3, "why": "off by one"}
    assert (reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("stop", 20, 7)
    assert (reply.model, reply.cost_usd) == (f"{protocol}:tiny-chat", None)
    assert reply.seconds > 0
    assert (model.usage.calls, model.usage.prompt_tokens, model.usage.n_unpriced) == (1, 20, 1)
    if is_streamed:
        assert len(pieces) > 3
        assert "".join(pieces) == TEXT == reply.text


def test_what_the_openai_protocol_is_sent(wire: Wire) -> None:
    model = opened(wire, "openai", logprobs=True)
    sampling = Sampling(0.5, 0.9, 33, 7, ("\n\n",))
    reply = model.complete(ASKED, sampling, SCHEMA)
    request = wire.requests[0]
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA
    assert request["response_format"]["json_schema"]["strict"] is True
    del request["response_format"]
    assert request == {
        "model": "tiny-chat",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Which line?"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 33,
        "seed": 7,
        "stop": ["\n\n"],
        "logprobs": True,
    }
    assert reply.logprobs == (-0.5,) * len(TEXT.split())


def test_what_the_anthropic_protocol_is_sent(wire: Wire) -> None:
    model = opened(wire, "anthropic")
    model.complete(ASKED, Sampling(0.5, max_tokens=33, stop=("END", "\n")), SCHEMA)
    request = wire.requests[0]
    assert request["output_config"]["format"]["schema"] == SCHEMA
    del request["output_config"]
    cached = {"type": "ephemeral"}
    assert request == {
        "model": "tiny-chat",
        "max_tokens": 33,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": cached}],
        "messages": [{"role": "user", "content": "Which line?"}],
        "temperature": 0.5,
        "stop_sequences": ["END"],
    }
    longer = [*ASKED, Message("assistant", "3"), Message("user", "Why?")]
    model.complete(longer, Sampling(1.0, 0.9))
    assert wire.requests[1]["cache_control"] == cached
    assert wire.requests[1]["top_p"] == 0.9
    assert "temperature" not in wire.requests[1]


@pytest.mark.parametrize("sampling", [Sampling(1.5), Sampling(0.5, 0.9)], ids=["hot", "both"])
def test_what_the_anthropic_protocol_cannot_say(wire: Wire, sampling: Sampling) -> None:
    with pytest.raises(InputError, match="anthropic:tiny-chat takes"):
        opened(wire, "anthropic").complete(ASKED, sampling)
    assert not wire.requests


def test_a_schema_that_cannot_be_closed_is_left_to_the_parser(wire: Wire) -> None:
    model = opened(wire, "anthropic")
    model.complete(ASKED, Sampling(), {"type": "object"})
    assert "output_config" not in wire.requests[0]


@both
def test_an_option_that_is_refused_is_left_out(wire: Wire, protocol: str, caplog) -> None:
    wire.takes = {"seed"}
    model = opened(wire, protocol)
    with caplog.at_level(logging.WARNING):
        replies = [model.complete(ASKED, Sampling(), SCHEMA) for _ in range(2)]
    left_out = model.provider.refused  # type: ignore[attr-defined]
    wanted = {
        "openai": {"temperature", "response_format"},
        "anthropic": {"temperature", "output_config"},
    }
    assert left_out == wanted[protocol]
    assert len(wire.requests) == 4  # two refusals, then it is known
    assert [reply.text for reply in replies] == [TEXT, TEXT]
    assert caplog.text.count("takes no temperature; it is left out") == 1


@pytest.mark.parametrize("bound", ["max_tokens", "max_completion_tokens"])
def test_both_names_of_the_bound_are_tried(wire: Wire, bound: str) -> None:
    wire.takes, wire.needed = {"temperature", "seed", bound}, {"model", "messages"}
    model = opened(wire, "openai")
    assert [model.complete(ASKED, Sampling(max_tokens=5)).text for _ in range(2)] == [TEXT] * 2
    assert wire.requests[-1][bound] == 5
    assert len(wire.requests) == (2 if bound == "max_tokens" else 3)


GIVES_UP = {
    "fault": (3, "answered 500: The server had an error (3 tries)"),
    "overloaded": (3, "answered 529: Overloaded (3 tries)"),
    "busy": (3, "answered 429: Rate limit reached (3 tries)"),
    "busy for long": (1, "answered 429: Daily limit; the server asks to wait 3600 s"),
    "no credit": (1, "no credit left (429: You exceeded your current quota)"),
    "cut": (3, "broke off"),
    "empty": (3, "(3 tries)"),
    "not json": (3, "(3 tries)"),
    "401": (1, "refused the key in"),
    "no model": (1, 'has no model "tiny-chat"'),
    "too long": (1, "do not fit into the context; lower --max-tokens or shorten the prompt"),
    "filtered": (1, "refused the prompt (The prompt was flagged)"),
    "refusal": (1, "refused to answer: "),
}


def asking(wire: Wire, protocol: str, is_streamed: bool) -> Wrapper:
    return opened(wire, protocol, on_text=(lambda text: None) if is_streamed else None)


@both
@streamed
@pytest.mark.parametrize("behaviour", GIVES_UP)
def test_one_clear_line(wire: Wire, protocol: str, is_streamed: bool, behaviour: str) -> None:
    wire.script = [behaviour]
    model = asking(wire, protocol, is_streamed)
    with pytest.raises(ProviderError) as error_info:
        model.complete(ASKED, Sampling())
    n_tries, words = GIVES_UP[behaviour]
    line = str(error_info.value)
    assert line.startswith(f"{protocol}:tiny-chat: ")
    assert words in line
    assert "\n" not in line
    is_no_stream = is_streamed and behaviour in NO_STREAM
    assert len(wire.requests) == n_tries + is_no_stream  # asked once more, for the whole


@both
@streamed
def test_a_web_page_is_no_answer(wire: Wire, protocol: str, is_streamed: bool) -> None:
    wire.script = ["web page"]
    with pytest.raises(ProviderError, match="sent no JSON"):
        asking(wire, protocol, is_streamed).complete(ASKED, Sampling())
    assert len(wire.requests) == 1 + is_streamed


@both
def test_a_server_that_streams_nothing_is_asked_for_the_whole(wire: Wire, protocol: str) -> None:
    wire.streams = False
    pieces: list[str] = []
    model = opened(wire, protocol, on_text=pieces.append)
    assert model.complete(ASKED, Sampling()).text == TEXT
    assert model.complete(ASKED, Sampling()).text == TEXT
    assert pieces == [TEXT, TEXT]
    assert [bool(request.get("stream")) for request in wire.requests] == [True, False, False]


def test_every_behaviour_is_tested() -> None:
    elsewhere = {"ok", "echo", "crowd", "slow", "length", "wrong schema", "web page"}
    assert set(BEHAVIOURS) == set(GIVES_UP) | elsewhere


@both
@streamed
def test_a_length_stop(wire: Wire, protocol: str, is_streamed: bool) -> None:
    wire.script = ["length"]
    model = asking(wire, protocol, is_streamed)
    reply = model.complete(ASKED, Sampling(), SCHEMA)
    assert reply.finish_reason == "length"
    with pytest.raises(ProviderError, match='the answer has no "why"'):
        parsed(reply.text, SCHEMA)
    assert parsed(reply.text, {**SCHEMA, "required": ["line"]}) == {"line": 3}


@both
def test_a_reply_of_another_form(wire: Wire, protocol: str) -> None:
    wire.script = ["wrong schema"]
    reply = opened(wire, protocol).complete(ASKED, Sampling(), SCHEMA)
    with pytest.raises(ProviderError, match=r'has no "why"|is "three", but must be an integer'):
        parsed(reply.text, SCHEMA)


@both
def test_a_slow_first_byte(wire: Wire, protocol: str) -> None:
    wire.script = ["slow"]
    with pytest.raises(ProviderError, match=r"did not answer in time \(3 tries\)"):
        opened(wire, protocol, timeout_s=0.2).complete(ASKED, Sampling())


@both
def test_a_server_that_is_not_there(wire: Wire, protocol: str) -> None:
    url = wire.url.rsplit(":", 1)[0] + ":1"
    model = open_model(f"{protocol}:tiny-chat", base_url=url, cache=False)
    with pytest.raises(ProviderError, match=r"127.0.0.1:1 cannot be reached"):
        model.complete(ASKED, Sampling())  # at once, and not after six tries


def test_a_wrong_model_name_is_answered_with_those_there_are(wire: Wire) -> None:
    wire.script = ["no model"]
    model = open_model("openai:tiny-chta", base_url=f"{wire.url}/v1", cache=False)
    with pytest.raises(
        ProviderError, match='has no model "tiny-chta"; it has tiny-chat, tiny-code'
    ):
        model.complete(ASKED, Sampling())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000", "is no base URL"),
        ("http://me:secret@host/v1", "a key goes into EGCA_API_KEY"),
        ("http://host/v1?key=secret", "a key goes into EGCA_API_KEY"),
        ("http://host:port/v1", "is no base URL"),
    ],
)
@both
def test_a_base_url_that_is_none(wire: Wire, protocol: str, url: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error_info:
        open_model(f"{protocol}:x", base_url=url)
    assert "secret" not in str(error_info.value)


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_no_key(protocol: str, monkeypatch) -> None:
    pytest.importorskip(protocol, reason='needs the extra "llm" (make test)')
    monkeypatch.delenv("EGCA_API_KEY")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(ProviderError, match=f"no key; set {protocol.upper()}_API_KEY"):
        open_model(f"{protocol}:x")


@both
@pytest.mark.parametrize(
    "prompt", [one for one in all_prompts() if one.schema], ids=lambda one: one.name
)
def test_every_prompts_schema_can_be_sent(wire: Wire, protocol: str, prompt: Prompt) -> None:
    opened(wire, protocol).complete(ASKED, Sampling(max_tokens=33), prompt.schema)
    request = wire.requests[0]
    form = request.get("response_format") or request.get("output_config")
    if form is not None:  # a schema that a protocol cannot hold is not sent
        assert all(f'"{name}"' in json.dumps(form) for name in prompt.schema.get("properties", ()))
        assert protocol == "openai" or '"type": [' not in json.dumps(form)
