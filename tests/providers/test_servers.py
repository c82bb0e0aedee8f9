"""Real servers with a real small model: SmolLM2-135M-Instruct behind `transformers serve` and vLLM.

`make test-servers` sets them up in a virtual environment of their own. One ignores a schema, so
that the parser must carry it, the other holds replies to it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real_servers import BIN, QUIET, serving
from smollm2_folder import unpack

from egca.errors import ProviderError
from egca.providers import Message, Sampling, Wrapper, open_model, parsed

pytestmark = pytest.mark.servers

SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "integer"}, "why": {"type": "string", "maxLength": 30}},
    "required": ["line", "why"],
    "additionalProperties": False,
}
QUESTION = [Message("user", "Which line of a program is wrong? Guess, in a few words.")]


@dataclass
class Server:
    """A running server. honours_schema: whether it holds replies to one."""

    url: str
    model: str
    honours_schema: bool
    log: Path

    def open(self, **options: Any) -> Wrapper:
        return open_model(f"openai:{self.model}", base_url=self.url, **{"cache": False, **options})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as a folder; EGCA_SMOLLM2 names one that was unpacked before."""
    if "EGCA_SMOLLM2" in os.environ:
        return Path(os.environ["EGCA_SMOLLM2"])
    path = tmp_path_factory.mktemp("smollm2")
    unpack(path)
    return path


@pytest.fixture(scope="module", params=["transformers", "vllm"])
def server(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server on a free port, started for the tests of this file and stopped after them."""
    if request.param == "vllm":
        arguments = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
        arguments += ["--served-model-name", "smollm2", "--max-model-len", "1024"]
        arguments += ["--enforce-eager", "--max-num-seqs", "16"]
        model = "smollm2"
    else:
        arguments = ["-m", "transformers.cli.transformers", "serve", str(folder)]
        arguments += ["--device", "cpu"]
        model = str(folder)
    log = tmp_path_factory.mktemp("log") / f"{request.param}.txt"
    with serving(arguments, log) as address:
        yield Server(f"{address}/v1", model, request.param == "vllm", log)


def test_chat(server: Server) -> None:
    model = server.open()
    reply = model.complete(QUESTION, Sampling(max_tokens=12))
    assert reply.text.strip()
    assert 0 < reply.completion_tokens <= 12
    assert reply.prompt_tokens > 10
    assert reply.finish_reason == "length"
    assert reply.cost_usd is None
    again = model.complete(QUESTION, Sampling(max_tokens=12))
    assert again.text == reply.text  # temperature 0


def test_a_streamed_reply_is_the_same(server: Server) -> None:
    pieces: list[str] = []
    whole = server.open().complete(QUESTION, Sampling(max_tokens=12))
    streamed = server.open(on_text=pieces.append).complete(QUESTION, Sampling(max_tokens=12))
    assert "".join(pieces) == streamed.text == whole.text
    assert len(pieces) > 3


def test_a_schema_is_honoured_where_it_can_be(server: Server) -> None:
    reply = server.open().complete(QUESTION, Sampling(max_tokens=80), SCHEMA)
    if server.honours_schema:
        assert set(parsed(reply.text, SCHEMA)) == {"line", "why"}
    else:
        assert reply.text == server.open().complete(QUESTION, Sampling(max_tokens=80)).text


@pytest.mark.parametrize(
    "question",
    [
        'Answer with JSON only. Example:\n```json\n{"line": 3}\n```\n'
        "The wrong line is line 7. Now give the JSON for line 7.",
        "Write a Python dict with the key 'line' and the value 7.",
    ],
    ids=["a fence that a length stop cuts", "a dict amid Python"],
)
def test_the_parser_carries_a_server_that_ignores_schemas(server: Server, question: str) -> None:
    schema = {
        "type": "object",
        "properties": {"line": {"type": "integer"}},
        "required": ["line"],
    }
    reply = server.open().complete([Message("user", question)], Sampling(max_tokens=60), schema)
    if server.honours_schema:
        assert reply.text.lstrip().startswith("{")
        return
    assert "```" in reply.text
    assert parsed(reply.text, schema)["line"] == 7


def test_sixteen_at_once(server: Server) -> None:
    model = server.open(concurrency=16)
    batch = [[Message("user", f"Say the number {number}.")] for number in range(16)]
    replies = model.complete_many(batch, Sampling(max_tokens=6))
    assert len(replies) == 16
    assert model.usage.calls == 16
    one = server.open().complete(batch[7], Sampling(max_tokens=6))
    assert one.prompt_tokens == replies[7].prompt_tokens


def test_a_cancelled_call_leaves_the_server_well(server: Server) -> None:
    model = server.open()

    async def give_up() -> None:
        await asyncio.wait_for(model.acomplete(QUESTION, Sampling(max_tokens=600)), 0.5)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert model.complete(QUESTION, Sampling(max_tokens=4)).text


def test_log_probabilities_where_they_are_offered(server: Server) -> None:
    reply = server.open(logprobs=True).complete(QUESTION, Sampling(max_tokens=6))
    if server.honours_schema:
        assert reply.logprobs is not None
        assert len(reply.logprobs) == reply.completion_tokens
        assert all(logprob <= 0 for logprob in reply.logprobs)
    else:
        assert reply.logprobs is None  # it ignores the wish, and nothing is made up


def test_a_wrong_name_is_one_clear_line(server: Server) -> None:
    model = open_model("openai:no/such-model", base_url=server.url, cache=False)
    with pytest.raises(ProviderError) as error_info:
        model.complete(QUESTION, Sampling(max_tokens=4))
    assert str(error_info.value).startswith("openai:no/such-model: ")
    assert "\n" not in str(error_info.value)


def test_too_long_a_prompt_is_one_clear_line(server: Server) -> None:
    if not server.honours_schema:
        pytest.skip("this server has no bound on prompts")
    with pytest.raises(ProviderError, match="do not fit into the context; lower --max-tokens"):
        server.open().complete([Message("user", "word " * 3000)], Sampling())


def test_the_command_line_checks_it(server: Server, tmp_path: Path) -> None:
    name = ["check", f"openai:{server.model}", "--base-url", server.url, "--max-tokens", "60"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "egca", "providers", *name],
        capture_output=True, text=True, env=environment, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert ": fits the schema; " in done.stderr or not server.honours_schema


IN_PROCESS = """
import asyncio
import sys
from egca.providers import Message, Sampling, open_model, parsed

SCHEMA = {"type": "object", "properties": {"line": {"type": "integer"}}, "required": ["line"],
          "additionalProperties": False}

def main():
    model = open_model(f"vllm:{sys.argv[1]}", dtype="bfloat16", max_model_len=512, logprobs=True,
                       eager=True)
    batch = [[Message("user", f"Say {text}.")] for text in ("one", "two", "three")]
    hot = Sampling(1.0, max_tokens=8, seed=3)
    replies = model.complete_many(batch, hot)
    assert [reply.text for reply in model.complete_many(batch, hot)] == [r.text for r in replies]
    alone = model.complete(batch[1], hot)
    assert alone.prompt_tokens == replies[1].prompt_tokens
    for reply in replies:
        assert len(reply.logprobs) == reply.completion_tokens <= 8
    held = model.complete(batch[0], Sampling(max_tokens=40), SCHEMA)
    assert isinstance(parsed(held.text, SCHEMA)["line"], int)
    asked = ["one", "two", "word " * 600, "three"]
    kinds = [type(one).__name__ for one in asyncio.run(at_once(model, asked))]
    assert kinds == ["Reply", "Reply", "ContextError", "Reply"], kinds
    print("works", model.usage)

async def at_once(model, asked):
    short = Sampling(max_tokens=4)
    calls = [model.acomplete([Message("user", text)], short) for text in asked]
    return await asyncio.gather(*calls, return_exceptions=True)

if __name__ == "__main__":
    main()
"""


def test_vllm_in_this_process(folder: Path, tmp_path: Path) -> None:
    if not (BIN / "python").exists():
        pytest.skip("needs vLLM in .venv-servers: make test-servers")
    script = tmp_path / "in_process.py"
    script.write_text(IN_PROCESS)
    environment = {**os.environ, **QUIET, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [str(BIN / "python"), str(script), str(folder)],
        capture_output=True, text=True, env=environment, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "works 11 calls" in done.stdout
