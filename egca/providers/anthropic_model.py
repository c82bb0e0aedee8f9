"""Claude models through Anthropic's own client.

The system message is marked for the server's prompt cache, and so is the last turn of a longer
conversation; a single question is not, since writing it would cost a quarter more for nothing. The
protocol has no seed: a temperature above 0 gives another reply each time, and the cache on disk is
what keeps a run repeatable."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from egca.errors import InputError, ProviderError, TransientError
from egca.prompts import Message
from egca.providers.chat import Finish, Reply, Sampling, Schema
from egca.providers.failures import Place, failure, is_overflow, said
from egca.providers.openai_model import checked_url, place_of, usable_key
from egca.providers.prices import Price, price_of
from egca.providers.remote import NoStreamError, RemoteModel, check_client, check_stream, patience

ANTHROPIC = "https://api.anthropic.com"
KEY_NAME = "ANTHROPIC_API_KEY"
OPTIONAL = ("output_config", "temperature", "top_p", "stop_sequences")
_CACHE = {"type": "ephemeral"}


def open_anthropic(
    model: str,
    name: str = "",
    base_url: str | None = None,
    concurrency: int = 8,
    timeout_s: float = 600.0,
    on_text: Callable[[str], None] | None = None,
) -> AnthropicModel:
    """Reach a Claude model, with the key in ANTHROPIC_API_KEY.

    Args:
        base_url: a server that speaks the protocol. Default: ANTHROPIC_BASE_URL, Anthropic.
        concurrency: calls under way at once. timeout_s: how long the server may be silent.
        on_text: is handed every piece of a reply as it comes.
    Raises: ProviderError, MissingExtraError, InputError.
    """
    check_client("anthropic", concurrency)
    url = checked_url(base_url or os.environ.get("ANTHROPIC_BASE_URL", "") or ANTHROPIC)
    key = usable_key(KEY_NAME)
    if not key:
        raise ProviderError(f"{name or model}: no key; set {KEY_NAME}")
    where = "Anthropic" if url == ANTHROPIC else place_of(url)
    place = Place(name or f"anthropic:{model}", where, model, KEY_NAME, key)
    return AnthropicModel(place, url, concurrency, timeout_s, on_text)


class AnthropicModel(RemoteModel):
    """A Claude model; `refused` holds the options that it turned down."""

    def __init__(
        self,
        place: Place,
        url: str,
        concurrency: int,
        timeout_s: float,
        on_text: Callable[[str], None] | None,
    ) -> None:
        import anthropic
        import httpx2

        super().__init__(place.name, concurrency)
        self.place = place
        self.url = url
        self.on_text = on_text
        self.price: Price | None = price_of("anthropic", place.model)
        self.has_answered = False
        self._client = anthropic.AsyncAnthropic(
            api_key=place.key,
            base_url=url,
            max_retries=0,
            timeout=patience(timeout_s),
        )
        self._errors = (anthropic.APIError, httpx2.HTTPError, ValueError)

    @property
    def identity(self) -> dict[str, object]:
        """Server and model."""
        return {"provider": "anthropic", "url": self.url, "model": self.place.model}

    async def _answer(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        while True:
            request = self._request(messages, sampling, schema)
            start = time.perf_counter()
            try:
                message = await self._sent(request)
            except self._errors as error:
                if self._does_without(error, request):
                    continue
                raise failure(error, self.place, self.has_answered) from None
            self.has_answered = True
            return self._reply(message, start)

    def _request(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> dict[str, Any]:
        system = [turn.content for turn in messages if turn.role == "system"]
        turns = [turn for turn in messages if turn.role != "system"]
        wanted: dict[str, Any] = {"temperature": sampling.temperature}
        if sampling.top_p < 1:  # newer models take one of the two
            wanted = {"top_p": sampling.top_p}
            if sampling.temperature != 1:
                raise InputError(
                    f"{self.name} takes a temperature or a top_p; leave --top-p at 1, or set "
                    "--temperature 1"
                )
        if sampling.temperature > 1:
            raise InputError(f"{self.name} takes temperatures up to 1")
        # Blank stop texts are refused, those that only begin with a blank are not.
        stops = [text for text in sampling.stop if text.strip()]
        if stops:
            wanted["stop_sequences"] = stops
        if schema is not None and can_close(schema):
            wanted["output_config"] = {"format": _form(schema)}
        request: dict[str, Any] = {
            "model": self.place.model,
            "max_tokens": sampling.max_tokens,
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
            **{key: value for key, value in wanted.items() if key not in self.refused},
        }
        # The client has no parameters for these any more, since newer models refuse them.
        request["extra_body"] = {
            key: request.pop(key) for key in ("temperature", "top_p") if key in request
        }
        if system:
            block = {"type": "text", "text": "\n\n".join(system), "cache_control": _CACHE}
            request["system"] = [block]
        if len(turns) > 1:
            request["cache_control"] = _CACHE
        return request

    def _does_without(self, error: Exception, request: dict[str, Any]) -> bool:
        """Whether the server turned down an option that can be left out; it is from now on."""
        text = said(error)
        if getattr(error, "status_code", None) != 400 or is_overflow(text):
            return False
        named = re.findall(r"\w+", text)
        aliases = {"output_config": {"output_config", "output_format", "schema", "json_schema"}}
        for option in OPTIONAL:
            if option in {**request, **request["extra_body"]} and aliases.get(
                option, {option}
            ) & set(named):
                self.leave_out(option)
                return True
        return False

    async def _sent(self, request: dict[str, Any]) -> Any:
        if self.on_text is not None and "stream" not in self.refused:
            try:
                return await self._streamed(request, self.on_text)
            except NoStreamError:
                self.refused.add("stream")
        message = await self._client.messages.create(**request)
        if isinstance(message, str):
            raise ProviderError(f"{self.name}: {self.place.where} sent no JSON")
        if self.on_text is not None:
            self.on_text(_text(message))
        return message

    async def _streamed(self, request: dict[str, Any], on_text: Callable[[str], None]) -> Any:
        async with self._client.messages.stream(**request) as stream:
            check_stream(stream.response)
            message = None
            async for event in stream:
                if event.type == "text":
                    on_text(event.text)
                elif event.type == "message_start":
                    message = event.message
            if message is not None:
                message = await stream.get_final_message()
        if message is None or message.stop_reason is None:
            raise TransientError(f"{self.name}: {self.place.where}: the stream broke off")
        return message

    def _reply(self, message: Any, start: float) -> Reply:
        if getattr(message, "content", None) is None or getattr(message, "usage", None) is None:
            raise TransientError(f"{self.name}: {self.place.where} sent no proper answer")
        if message.stop_reason == "refusal":
            details = getattr(message, "stop_details", None)
            reason = getattr(details, "explanation", None) or "no reason given"
            raise ProviderError(f"{self.name}: refused to answer: {self.place.clean(reason)}")
        cut = {"max_tokens", "model_context_window_exceeded"}
        finish: Finish = "length" if message.stop_reason in cut else "stop"
        usage = message.usage
        n_read = usage.cache_read_input_tokens or 0
        n_written = usage.cache_creation_input_tokens or 0
        cost = None
        if self.price is not None:
            cost = self.price.cost(usage.input_tokens, usage.output_tokens, n_read, n_written)
        return Reply(
            _text(message),
            finish,
            usage.input_tokens + n_read + n_written,
            usage.output_tokens,
            self.name,
            time.perf_counter() - start,
            cost,
        )


def _text(message: Any) -> str:
    blocks = getattr(message, "content", None) or ()
    return "".join(block.text for block in blocks if block.type == "text")


def can_close(schema: Any) -> bool:
    """Whether the protocol can hold a reply to a schema: it knows closed objects and types only."""
    if isinstance(schema, list):
        return all(map(can_close, schema))
    if not isinstance(schema, dict):
        return True
    is_open = isinstance(schema.get("additionalProperties"), dict) or "properties" not in schema
    if schema.get("type") == "object" and is_open:
        return False
    if not schema.keys() & {"type", "enum", "const", "anyOf", "oneOf", "allOf"}:
        return False
    nested = [part for key, part in schema.items() if key in {"items", "anyOf", "oneOf", "allOf"}]
    return can_close(nested) and can_close(list(schema.get("properties", {}).values()))


def _form(schema: Schema) -> dict[str, Any]:
    """The schema in the protocol's terms; bounds that it does not know become descriptions."""
    import anthropic

    return {"type": "json_schema", "schema": anthropic.transform_schema(_one_typed(schema))}


def _one_typed(schema: Any) -> Any:
    """The schema with anyOf in place of lists of types, which the client does not know.

    >>> _one_typed({"type": ["integer", "null"]})
    {'anyOf': [{'type': 'integer'}, {'type': 'null'}]}
    """
    if isinstance(schema, list):
        return [_one_typed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: _one_typed(part) for key, part in schema.items() if key != "type"}
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return {"anyOf": [{**rest, "type": kind} for kind in kinds]}
    return {**rest, "type": _one_typed(kinds)} if "type" in schema else rest
