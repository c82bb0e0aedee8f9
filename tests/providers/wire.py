"""A server on loopback that speaks both chat protocols, and misbehaves on request.

    with wire_server() as server:
        server.script = ["busy", "ok"]    # one behaviour a request, the last for all further ones

What it sends has the shape of recorded answers. A behaviour is a line in BEHAVIOURS."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODELS = ("tiny-chat", "tiny-code")
TEXT = 'It is {"line": 3, "why": "off by one"}.'
NEEDED = ("model", "messages", "stream", "max_tokens", "system", "cache_control")
USAGE = (20, 7)  # tokens of prompt and reply


@dataclass
class Wire:
    """The running server: what it is to do, and what it was asked."""

    url: str
    script: list[str] = field(default_factory=lambda: ["ok"])
    text: str = TEXT
    streams: bool = True  # False: the option is ignored
    takes: set[str] | None = None  # options that are taken; None: all
    needed: set[str] = field(default_factory=lambda: set(NEEDED))
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    n_under_way: int = 0
    most_under_way: int = 0
    n_crowd: int = 0  # calls that "crowd" waits for
    has_met: threading.Event = field(default_factory=threading.Event)
    n_gone: int = 0  # clients that left before the answer was written
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> str:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class Handler(BaseHTTPRequestHandler):
    """One connection. `self.server.wire` is what the test holds."""

    protocol_version = "HTTP/1.1"

    @property
    def wire(self) -> Wire:
        return self.server.wire  # type: ignore[attr-defined]

    @property
    def is_anthropic(self) -> bool:
        return self.path.endswith("/messages")

    def do_GET(self) -> None:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in MODELS
        ]
        self.send_json(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        wire = self.wire
        with wire.lock:
            wire.requests.append(request)
            wire.headers.append({key.lower(): value for key, value in self.headers.items()})
            wire.n_under_way += 1
            wire.most_under_way = max(wire.most_under_way, wire.n_under_way)
            behaviour = wire.next()
        try:
            BEHAVIOURS[behaviour](self, request)
        except OSError:
            wire.n_gone += 1
        finally:
            with wire.lock:
                wire.n_under_way -= 1

    def send_json(self, status: int, body: object, **headers: str) -> None:
        self.send_text(status, json.dumps(body), "application/json", **headers)

    def send_text(self, status: int, text: str, kind: str, **headers: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def send_error_body(self, status: int, message: str, code: str, **headers: str) -> None:
        if self.is_anthropic:
            error = {"type": "error", "error": {"type": code, "message": message}}
        else:
            error = {"error": {"message": message, "type": code, "param": None, "code": code}}
        self.send_json(status, error, **headers)

    def log_message(self, *_: object) -> None:
        pass


def chat(text: str, finish: str = "stop", **message: object) -> dict[str, Any]:
    """An answer of /chat/completions."""
    turn = {"role": "assistant", "content": text, "refusal": None, **message}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODELS[0],
        "choices": [{"index": 0, "message": turn, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": USAGE[0],
            "completion_tokens": USAGE[1],
            "total_tokens": sum(USAGE),
            "prompt_tokens_details": {"cached_tokens": 4},
        },
    }


def message(text: str, stop_reason: str | None = "end_turn", **more: object) -> dict[str, Any]:
    """An answer of /messages."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODELS[0],
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "output_tokens": USAGE[1],
            "cache_read_input_tokens": 6,
            "cache_creation_input_tokens": 4,
        },
        **more,
    }


def answer(
    handler: Handler, request: dict[str, Any], text: str, finish: str = "stop", n_pieces: int = 99
) -> None:
    """A whole answer, or a stream of at most n_pieces pieces that then breaks off."""
    if request.get("stream") and handler.wire.streams:
        stream(handler, request, text, finish, n_pieces)
    elif handler.is_anthropic:
        handler.send_json(200, message(text, {"length": "max_tokens"}.get(finish, "end_turn")))
    else:
        body = chat(text, finish)
        if request.get("logprobs"):
            entries = [
                {"token": word, "logprob": -0.5, "top_logprobs": []} for word in text.split()
            ]
            body["choices"][0]["logprobs"] = {"content": entries, "refusal": None}
        handler.send_json(200, body)


def stream(
    handler: Handler, request: dict[str, Any], text: str, finish: str, n_pieces: int
) -> None:
    words = text.split(" ")
    pieces = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
    events = list((claude_events if handler.is_anthropic else chat_events)(pieces, finish))
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("connection", "close")
    handler.end_headers()
    is_cut = n_pieces < len(pieces)
    for event in events[: n_pieces + 1 if is_cut else None]:
        handler.wfile.write(event.encode())
        handler.wfile.flush()
        time.sleep(0.005)
    handler.close_connection = True


def chat_events(pieces: list[str], finish: str) -> Iterator[str]:
    """The events of a streamed /chat/completions."""

    def event(delta: dict[str, str], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        body = {**chat(""), "object": "chat.completion.chunk", "choices": [choice], "usage": None}
        return f"data: {json.dumps(body)}\n\n"

    yield event({"role": "assistant", "content": ""})
    for piece in pieces:
        yield event({"content": piece})
    if finish == "refusal":
        yield event({"refusal": "it could do harm"})
        finish = "stop"
    yield event({}, finish)
    last = {**chat(""), "object": "chat.completion.chunk", "choices": []}
    yield f"data: {json.dumps(last)}\n\n"
    yield "data: [DONE]\n\n"


def claude_events(pieces: list[str], finish: str) -> Iterator[str]:
    """The events of a streamed /messages."""

    def event(kind: str, **body: object) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **body})}\n\n"

    start = message("", None)
    yield event("message_start", message={**start, "content": []})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for piece in pieces:
        delta = {"type": "text_delta", "text": piece}
        yield event("content_block_delta", index=0, delta=delta)
    yield event("content_block_stop", index=0)
    stop = {"length": "max_tokens", "refusal": "refusal"}.get(finish, "end_turn")
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield event("message_delta", delta=delta, usage={"output_tokens": USAGE[1]})
    yield event("message_stop")


def ok(handler: Handler, request: dict[str, Any]) -> None:
    takes = handler.wire.takes
    for name in request:
        if takes is not None and name not in takes | handler.wire.needed:
            said = f"Unsupported parameter: '{name}' is not supported with this model."
            return handler.send_error_body(400, said, "invalid_request_error")
    return answer(handler, request, handler.wire.text)


def echo(handler: Handler, request: dict[str, Any]) -> None:
    time.sleep(0.02)  # so that calls overlap
    answer(handler, request, request["messages"][-1]["content"])


def crowd(handler: Handler, request: dict[str, Any]) -> None:
    """An echo once so many calls are under way as the test wants to see together."""
    wire = handler.wire
    with wire.lock:
        if wire.n_under_way >= wire.n_crowd:
            wire.has_met.set()
    wire.has_met.wait(10)
    answer(handler, request, request["messages"][-1]["content"])


def slow(handler: Handler, request: dict[str, Any]) -> None:
    handler.connection.settimeout(0.05)
    for _ in range(200):
        with contextlib.suppress(TimeoutError):
            if handler.connection.recv(1, socket.MSG_PEEK) == b"":
                raise OSError("the client has left")
    answer(handler, request, handler.wire.text)


def cut(handler: Handler, request: dict[str, Any]) -> None:
    if request.get("stream"):
        return answer(handler, request, handler.wire.text, n_pieces=3)
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "4000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "chat')
    handler.close_connection = True
    return None


def refusal(handler: Handler, request: dict[str, Any]) -> None:
    if request.get("stream"):
        return stream(handler, request, "", "refusal", 99)
    if handler.is_anthropic:
        details = {"type": "refusal", "category": "cyber", "explanation": "it could do harm"}
        return handler.send_json(200, message("", "refusal", stop_details=details))
    return handler.send_json(200, chat("", refusal="it could do harm"))


def empty(handler: Handler, request: dict[str, Any]) -> None:
    if handler.is_anthropic:
        return handler.send_json(200, {"type": "message", "content": None})
    return handler.send_json(200, {**chat(""), "choices": []})


def echoed_key(handler: Handler, request: dict[str, Any]) -> None:
    """Some servers show in their error the key that they were sent."""
    key = handler.headers.get("x-api-key") or handler.headers["authorization"].split()[-1]
    handler.send_error_body(401, f"Incorrect API key provided: {key}.", "invalid_api_key")


def error(status: int, text: str, code: str, **headers: str) -> Any:
    return lambda handler, request: handler.send_error_body(status, text, code, **headers)


BEHAVIOURS: dict[str, Callable[[Handler, dict[str, Any]], None]] = {
    "ok": ok,
    "echo": echo,
    "length": lambda h, r: answer(h, r, '{"line": 3, "why": "off', "length"),
    "wrong schema": lambda h, r: answer(h, r, '{"line": "three"}'),
    "crowd": crowd,
    "slow": slow,
    "cut": cut,
    "empty": empty,
    "refusal": refusal,
    "not json": lambda h, r: h.send_text(200, '{"id": "chatcmpl-1", "cho', "application/json"),
    "web page": lambda h, r: h.send_text(200, "<html>Sign in</html>", "text/html"),
    "busy": error(429, "Rate limit reached", "rate_limit_exceeded", retry_after="0.2"),
    "busy for long": error(429, "Daily limit", "rate_limit_exceeded", retry_after="3600"),
    "no credit": error(429, "You exceeded your current quota", "insufficient_quota"),
    "fault": error(500, "The server had an error", "server_error"),
    "overloaded": error(529, "Overloaded", "overloaded_error"),
    "401": echoed_key,
    "no model": error(404, "The model `x` does not exist", "model_not_found"),
    "too long": error(
        400,
        "This model's maximum context length is 8 tokens, but max_tokens asks for 9",
        "context_length_exceeded",
    ),
    "filtered": error(400, "The prompt was flagged", "content_policy_violation"),
}


@contextlib.contextmanager
def wire_server() -> Iterator[Wire]:
    """A server on a free port, stopped at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    wire = Wire(f"http://127.0.0.1:{server.server_port}")
    server.wire = wire  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
