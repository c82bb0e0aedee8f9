"""What each provider needs of this machine before a model of it can be opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Needs:
    """about: what a provider reaches. extra: of egca, that installs modules. keys: variables, one
    of which holds a key. addresses: variables that name a server, which may want no key.
    """

    about: str
    extra: str
    modules: tuple[str, ...]
    keys: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


NEEDS: dict[str, Needs] = {
    "openai": Needs(
        "OpenAI, and any server of its protocol",
        "llm",
        ("openai", "tenacity"),
        ("OPENAI_API_KEY", "EGCA_API_KEY"),
        ("EGCA_BASE_URL", "OPENAI_BASE_URL"),
    ),
    "anthropic": Needs("Claude models", "llm", ("anthropic", "tenacity"), ("ANTHROPIC_API_KEY",)),
    "vllm": Needs("in this process, on a GPU: whole batches at once", "vllm", ("vllm",)),
    "transformers": Needs(
        "in this process: folder, id or GGUF file", "train", ("torch", "transformers")
    ),
}


def is_installed(provider: str) -> bool:
    """Whether the modules of a provider's extra are here."""
    return all(map(find_spec, NEEDS[provider].modules))


def lacks_of(provider: str) -> list[str]:
    """What this machine lacks for a provider, each as the end of "it lacks ..."."""
    needs = NEEDS[provider]
    lacks = [] if is_installed(provider) else [f'the extra "{needs.extra}"']
    if needs.keys and not any(map(os.environ.get, (*needs.keys, *needs.addresses))):
        lacks.append(f"a key in {needs.keys[0]}" + (", or --base-url" if needs.addresses else ""))
    return lacks
