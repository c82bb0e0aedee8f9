"""What a client library's exception means to a user: one line, and whether to try again.

The official clients of both protocols are built alike: an error with a status and a body, or one of
the connection. Keys are cut out of every text that a server sends; chains of exceptions end here,
so that no traceback shows a request."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egca.errors import ContextError, ProviderError, TransientError

_MAX_REASON = 240  # characters of a server's message that are shown
_OVERFLOWS = (
    "context length", "context window", "context_length", "prompt is too long", "too many tokens",
    "maximum context", "max_model_len", "maximum model length", "context size", "input is too long",
)  # fmt: skip
_REFUSALS = ("content_filter", "content_policy", "content management policy", "safety", "flagged")
_QUOTAS = ("insufficient_quota", "credit balance", "billing")
_TRANSIENT = frozenset({408, 409, 425, 429})
_NEVER = frozenset({501, 505})  # what a server cannot do, it cannot do later either


@dataclass(frozen=True, slots=True)
class Place:
    """Who was asked. where: the address in words; key_name: the variable that its key is in."""

    name: str
    where: str
    model: str
    key_name: str
    key: str

    def __repr__(self) -> str:
        return f"Place({self.name!r}, {self.where!r})"

    def clean(self, text: str) -> str:
        """A text of a server in one line, bounded, without the key."""
        if self.key:
            text = text.replace(self.key, "***")
        text = " ".join(text.split())
        return text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}..."


def failure(error: Exception, place: Place, has_answered: bool) -> ProviderError:
    """The error to raise in place of a client's. has_answered: the server was there before."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return _refusal(status, error, place)
    kind = type(error).__name__
    if kind == "APITimeoutError" or "Timeout" in kind:
        return TransientError(f"{place.name}: {place.where} did not answer in time")
    causes = _causes(error)
    if any(type(cause).__name__ == "ConnectError" for cause in causes):
        reason = place.clean(str(causes[-1]) or type(causes[-1]).__name__)
        line = f"{place.name}: {place.where} cannot be reached: {reason}"
        return TransientError(line) if has_answered else ProviderError(line)
    if kind == "APIResponseValidationError" or isinstance(error, ValueError):
        return TransientError(f"{place.name}: {place.where} sent no proper JSON")
    reason = place.clean(_said(getattr(error, "body", None)) or str(causes[-1]) or kind)
    return TransientError(f"{place.name}: {place.where}: the answer broke off: {reason}")


def is_overflow(text: str) -> bool:
    """Whether a server's message says that a prompt is too long."""
    return any(words in text.lower() for words in _OVERFLOWS)


def said(error: Exception) -> str:
    """What a server said in an error, as it said it."""
    return _said(getattr(error, "body", None)) or str(error)


def _refusal(status: int, error: Any, place: Place) -> ProviderError:
    text = said(error)
    code = str(getattr(error, "code", "") or getattr(error, "type", "") or "")
    words = f"{code} {text}".lower()
    reason = place.clean(text)
    who = f"{place.name}: {place.where}"
    if status in {401, 403}:
        set_or_not = "refused the key in" if place.key else "wants a key; set"
        return ProviderError(f"{who} {set_or_not} {place.key_name} ({status}: {reason})")
    if any(mark in words for mark in _QUOTAS) or status == 402:
        return ProviderError(f"{who}: no credit left ({status}: {reason})")
    if status in {400, 413, 422} and is_overflow(words):
        return ContextError(
            f"{place.name}: prompt and reply do not fit into the context; lower --max-tokens or "
            f"shorten the prompt ({reason})"
        )
    if status == 404:
        if "model" in words:
            return ProviderError(f'{who} has no model "{place.model}" ({reason})')
        return ProviderError(
            f"{who} has no such page; is the address complete (.../v1)? ({reason})"
        )
    if status in {400, 422} and any(mark in words for mark in _REFUSALS):
        return ProviderError(f"{who} refused the prompt ({reason})")
    line = f"{who} answered {status}: {reason}"
    if status in _TRANSIENT or (status >= 500 and status not in _NEVER):
        return TransientError(line, retry_after_s(error.response.headers))
    return ProviderError(line)


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The wait that a server asks for: in milliseconds, in seconds, or until a date.

    >>> retry_after_s({"retry-after": "2.5"}), retry_after_s({"retry-after": "soon"})
    (2.5, None)
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            return max(0.0, float(text) / unit)
        except ValueError:
            pass
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    if date is None:
        return None
    return max(0.0, email.utils.mktime_tz(date) - (time.time() if now is None else now))


def _said(body: object) -> str:
    """The message in an error's body, whichever way the server nests it."""
    while isinstance(body, dict):
        found = [body[key] for key in ("error", "message", "detail", "msg") if body.get(key)]
        if not found:
            return str(body)
        body = found[0]
    return body if isinstance(body, str) else "" if body is None else str(body)


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what caused it, the innermost last."""
    found = [error]
    while found[-1].__cause__ is not None:
        found.append(found[-1].__cause__)
    return found
