"""Models behind the chat-completions protocol: OpenAI itself, and every server that speaks it.

vLLM, llama.cpp, Ollama and `transformers serve` are reached by `base_url`. What a server takes is
found out, not assumed: an option that it refuses is left out from then on, with a note."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from egca.errors import InputError, ProviderError, TransientError
from egca.prompts import Message
from egca.providers.chat import Finish, Reply, Sampling, Schema
from egca.providers.failures import Place, failure, is_overflow, said
from egca.providers.prices import Price, price_of
from egca.providers.remote import NoStreamError, RemoteModel, check_client, check_stream, patience

OPENAI = "https://api.openai.com/v1"
# What a request can do without; the rest is the request.
OPTIONAL = (
    "response_format", "seed", "logprobs", "stream_options", "temperature", "top_p", "stop",
)  # fmt: skip
# The bound of a reply has an old and a new name, and servers that know but one of them.
BOUNDS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


def open_openai(
    model: str,
    name: str = "",
    base_url: str | None = None,
    concurrency: int = 8,
    timeout_s: float = 600.0,
    logprobs: bool = False,
    on_text: Callable[[str], None] | None = None,
) -> OpenAIModel:
    """Reach a model of OpenAI, or of a server that speaks its protocol.

    Args:
        base_url: the server, up to /v1. Default: EGCA_BASE_URL, OPENAI_BASE_URL, OpenAI.
        concurrency: calls under way at once. timeout_s: how long the server may be silent.
        logprobs: ask for the log-probability of each token.
        on_text: is handed every piece of a reply as it comes.

    The key is EGCA_API_KEY; OPENAI_API_KEY where it belongs: OpenAI and OPENAI_BASE_URL. No other
    server gets to see it. Raises: ProviderError, MissingExtraError, InputError.
    """
    check_client("openai", concurrency)
    url, key_name, key = address(base_url)
    if not key and url == OPENAI:
        raise ProviderError(f"{name or model}: no key; set {key_name} (or --base-url to a server)")
    place = Place(name or f"openai:{model}", place_of(url), model, key_name, key)
    return OpenAIModel(place, url, concurrency, timeout_s, logprobs, on_text)


def address(base_url: str | None) -> tuple[str, str, str]:
    """Where to ask, the variable that its key is in, and the key."""
    theirs = os.environ.get("OPENAI_BASE_URL", "")
    url = base_url or os.environ.get("EGCA_BASE_URL", "") or theirs or OPENAI
    url = checked_url(url)
    own = usable_key("EGCA_API_KEY")
    if not own and url in {OPENAI, theirs.rstrip("/")}:
        return url, "OPENAI_API_KEY", usable_key("OPENAI_API_KEY")
    return url, "EGCA_API_KEY", own


def checked_url(url: str) -> str:
    """A base URL without a slash at its end. Raises: InputError, which does not show a password."""
    try:
        parts = urlsplit(url.strip())
        is_complete = parts.scheme in {"http", "https"} and bool(parts.hostname)
        has_secret = bool(parts.username or parts.password or parts.query)
        _ = parts.port
    except ValueError:
        is_complete, has_secret = False, "@" in url
    if has_secret:
        raise InputError("the base URL has a user or a query in it; a key goes into EGCA_API_KEY")
    if not is_complete:
        raise InputError(f'"{url}" is no base URL; it looks like http://localhost:8000/v1')
    return url.strip().rstrip("/")


def usable_key(name: str) -> str:
    """The key in an environment variable. Raises: InputError, which does not show it."""
    key = os.environ.get(name, "").strip()
    if any(not "!" <= char <= "~" for char in key):
        raise InputError(f"{name} holds characters that no key has; was it copied in full?")
    return key


def place_of(url: str) -> str:
    """A server in words: its host, and its port where it has one."""
    return "OpenAI" if url == OPENAI else urlsplit(url).netloc


class OpenAIModel(RemoteModel):
    """A model of a server; `refused` holds the options that the server turned down."""

    def __init__(
        self,
        place: Place,
        url: str,
        concurrency: int,
        timeout_s: float,
        logprobs: bool,
        on_text: Callable[[str], None] | None,
    ) -> None:
        import httpx2
        import openai

        super().__init__(place.name, concurrency)
        self.place = place
        self.url = url
        self.logprobs = logprobs
        self.on_text = on_text
        self.price: Price | None = price_of("openai", place.model) if url == OPENAI else None
        self.bound = "max_completion_tokens" if url == OPENAI else "max_tokens"
        self.has_answered = False
        self._client = openai.AsyncOpenAI(
            api_key=place.key or "none",
            base_url=url,
            max_retries=0,
            timeout=patience(timeout_s),
        )
        self._errors = (openai.APIError, httpx2.HTTPError, ValueError)

    @property
    def identity(self) -> dict[str, object]:
        """Server and model, and what else shows in a reply."""
        model = self.place.model
        return {"provider": "openai", "url": self.url, "model": model, "logprobs": self.logprobs}

    async def models(self) -> list[str]:
        """The models that the server lists; [] where it lists none."""
        try:
            page = await self._client.models.list()
            return sorted(str(entry.id) for entry in page.data or [])
        except (*self._errors, TypeError, AttributeError):
            return []

    async def _answer(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        while True:
            request = self._request(messages, sampling, schema)
            start = time.perf_counter()
            try:
                reply = await self._sent(request, start)
            except self._errors as error:
                if self._does_without(error, request):
                    continue
                raise await self._failure(error) from None
            self.has_answered = True
            return reply

    def _request(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            self.bound: sampling.max_tokens,
        }
        if sampling.top_p < 1:
            wanted["top_p"] = sampling.top_p
        if sampling.stop:
            wanted["stop"] = list(sampling.stop)
        if self.logprobs:
            wanted["logprobs"] = True
        if schema is not None:
            form = {"name": "answer", "schema": schema, "strict": is_strict(schema)}
            wanted["response_format"] = {"type": "json_schema", "json_schema": form}
        if self.on_text is not None:
            wanted["stream_options"] = {"include_usage": True}
        return {
            "model": self.place.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
            **{key: value for key, value in wanted.items() if key not in self.refused},
        }

    def _does_without(self, error: Exception, request: dict[str, Any]) -> bool:
        """Whether the server turned down an option that can be left out; it is from now on."""
        text = said(error)
        if getattr(error, "status_code", None) not in {400, 422} or is_overflow(text):
            return False
        named = [str(getattr(error, "param", None) or ""), *re.findall(r"\w+", text)]
        for option in OPTIONAL:
            if option in request and option in named:
                self.leave_out(option)
                return True
        other = BOUNDS[self.bound]
        if self.bound in named and other not in self.refused:
            self.refused.add(self.bound)
            self.bound = other
            return True
        return False

    async def _failure(self, error: Exception) -> ProviderError:
        found = failure(error, self.place, self.has_answered)
        if getattr(error, "status_code", None) == 404:
            listed = await self.models()
            if listed and self.place.model not in listed:
                shown = ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")
                model, where = self.place.model, self.place.where
                return ProviderError(f'{self.name}: {where} has no model "{model}"; it has {shown}')
        return found

    async def _sent(self, request: dict[str, Any], start: float) -> Reply:
        if self.on_text is not None and "stream" not in self.refused:
            try:
                return await self._streamed(request, start, self.on_text)
            except NoStreamError:
                self.refused |= {"stream", "stream_options"}
                request.pop("stream_options", None)
        completion = await self._client.chat.completions.create(**request)
        if isinstance(completion, str):
            raise ProviderError(
                f"{self.name}: {self.place.where} sent no JSON; is the address complete (.../v1)?"
            )
        choice = next(iter(getattr(completion, "choices", None) or ()), None)
        if choice is None or choice.message is None:
            raise TransientError(f"{self.name}: {self.place.where} sent an answer without a choice")
        found = [entry.logprob for entry in getattr(choice.logprobs, "content", None) or ()]
        text, refusal = choice.message.content, getattr(choice.message, "refusal", None)
        if self.on_text is not None and text:
            self.on_text(text)
        return self._reply(text, refusal, choice.finish_reason, completion.usage, found, start)

    async def _streamed(
        self, request: dict[str, Any], start: float, on_text: Callable[[str], None]
    ) -> Reply:
        texts: list[str] = []
        refusals: list[str] = []
        found: list[float] = []
        finish = usage = None
        async with await self._client.chat.completions.create(**request, stream=True) as stream:
            check_stream(stream.response)
            async for chunk in stream:
                usage = getattr(chunk, "usage", None) or usage
                for choice in chunk.choices or ():
                    finish = choice.finish_reason or finish
                    refusals.append(getattr(choice.delta, "refusal", None) or "")
                    found += [e.logprob for e in getattr(choice.logprobs, "content", None) or ()]
                    if choice.delta.content:
                        texts.append(choice.delta.content)
                        on_text(choice.delta.content)
        if finish is None:
            raise TransientError(f"{self.name}: {self.place.where}: the stream broke off")
        return self._reply("".join(texts), "".join(refusals), finish, usage, found, start)

    def _reply(
        self,
        text: str | None,
        refusal: str | None,
        finish_reason: str | None,
        usage: Any,
        logprobs: list[float],
        start: float,
    ) -> Reply:
        if refusal or finish_reason == "content_filter":
            reason = self.place.clean(refusal or "its content filter")
            raise ProviderError(f"{self.name}: refused to answer: {reason}")
        finish: Finish = "length" if finish_reason == "length" else "stop"
        n_prompt = getattr(usage, "prompt_tokens", 0) or 0
        n_completion = getattr(usage, "completion_tokens", 0) or 0
        details = getattr(usage, "prompt_tokens_details", None)
        n_cached = getattr(details, "cached_tokens", 0) or 0
        cost = None
        if self.price is not None:
            cost = self.price.cost(n_prompt - n_cached, n_completion, n_cached)
        seconds = time.perf_counter() - start
        return Reply(
            text or "", finish, n_prompt, n_completion, self.name, seconds, cost,
            tuple(logprobs) or None,
        )  # fmt: skip


def is_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes a schema: objects are closed, every property required."""
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        names = set(schema.get("properties", {}))
        if (
            schema.get("additionalProperties") is not False
            or set(schema.get("required", ())) != names
        ):
            return False
    return all(map(is_strict, schema.values()))
