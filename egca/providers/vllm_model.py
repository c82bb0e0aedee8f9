"""Models of vLLM in this process: whole batches at once, on a GPU that a trainer may share.

Prompts with the same beginning share its keys and values (prefix caching); a schema is enforced
while tokens are drawn. Every reply has a seed of its own, made of the seed and its messages."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from egca.errors import ContextError, InputError, MissingExtraError, ProviderError
from egca.prompts import Message
from egca.providers.chat import Finish, Reply, Sampling, Schema
from egca.providers.failures import is_overflow
from egca.providers.local import MAX_REASON, LocalModel, check_dtype

_BATCH = 32  # calls that are answered together; the engine itself schedules many more


def open_vllm(
    model: str,
    name: str = "",
    dtype: str = "auto",
    memory_fraction: float | None = None,
    max_model_len: int | None = None,
    can_sleep: bool = False,
    logprobs: bool = False,
    eager: bool = False,
) -> VllmModel:
    """Load a model into a vLLM engine.

    Args:
        model: a folder, or an id of the hub.
        dtype: one of DTYPES.
        memory_fraction: of the GPU's memory, weights and cache together; vLLM's default is most of
            it, which leaves no room for a trainer.
        max_model_len: longest prompt and reply together; a shorter one needs less memory.
        can_sleep: allow `sleep`, which hands the memory to a trainer between two batches.
        logprobs: give the log-probability of each token.
        eager: compile nothing; it starts minutes sooner and answers more slowly.
    Raises: ProviderError, MissingExtraError, InputError.
    """
    from importlib.util import find_spec

    check_dtype(dtype)
    if memory_fraction is not None and not 0 < memory_fraction <= 1:
        raise InputError(f"memory_fraction is {memory_fraction:g}, but must be in (0, 1]")
    if find_spec("vllm") is None:
        raise MissingExtraError("a model of the provider vllm", "vllm")
    name = name or f"vllm:{model}"
    source = Path(model).expanduser()
    if model.startswith((".", "/", "~")) and not source.exists():
        raise ProviderError(f"{name}: no such folder")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    import vllm

    wanted = {
        "gpu_memory_utilization": memory_fraction,
        "max_model_len": max_model_len,
        "enable_sleep_mode": can_sleep or None,
    }
    try:
        engine = vllm.LLM(
            model=str(source) if source.exists() else model,
            dtype=dtype,
            trust_remote_code=False,  # code that a model brings along is never run
            enable_prefix_caching=True,
            enforce_eager=eager,
            **{key: value for key, value in wanted.items() if value is not None},
        )
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ProviderError(f"{name}: {reason[:MAX_REASON]}") from error
    return VllmModel(name, engine, model, dtype, can_sleep, logprobs)


class VllmModel(LocalModel):
    """An engine with its model."""

    def __init__(
        self, name: str, engine: Any, model: str, dtype: str, can_sleep: bool, logprobs: bool
    ) -> None:
        super().__init__(name, _BATCH)
        self.engine = engine
        self.model = model
        self.dtype = dtype
        self.can_sleep = can_sleep
        self.logprobs = logprobs
        self.is_asleep = False

    @property
    def identity(self) -> dict[str, object]:
        """Model and arithmetic, and what else shows in a reply."""
        about = {"model": self.model, "dtype": self.dtype, "logprobs": self.logprobs}
        return {"provider": "vllm", **about}

    def _batch(
        self, batch: Sequence[Sequence[Message]], sampling: Sampling, schema: Schema | None
    ) -> list[Reply]:
        """Replies that are generated together; the engine is woken first. Raises: ProviderError."""
        self.wake()
        turns = [
            [{"role": turn.role, "content": turn.content} for turn in messages]
            for messages in batch
        ]
        start = time.perf_counter()
        try:
            outputs = self.engine.chat(
                turns,
                [self._params(messages, sampling, schema) for messages in batch],
                use_tqdm=False,
            )
        except _refusals() as error:  # too long a prompt, a schema that cannot be enforced
            reason = " ".join(str(error).split())[:MAX_REASON]
            kind = ContextError if is_overflow(str(error)) else ProviderError
            raise kind(f"{self.name}: {reason}") from error
        seconds = (time.perf_counter() - start) / len(batch)
        return [self._reply(output, seconds) for output in outputs]

    def sleep(self) -> None:
        """Move the weights off the GPU and drop the cache, so that a trainer has the memory.

        Raises: InputError for an engine that was opened without can_sleep.
        """
        if not self.can_sleep:
            raise InputError(f"{self.name} cannot sleep; open it with can_sleep=True")
        with self._one_batch:  # not under one that is being generated
            if not self.is_asleep:
                self.engine.sleep(level=1)
                self.is_asleep = True

    def wake(self) -> None:
        """Bring the weights back; the next batch does it by itself."""
        with self._one_batch:
            if self.is_asleep:
                self.engine.wake_up()
                self.is_asleep = False

    def _params(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=_seed(sampling.seed, messages),
            stop=list(sampling.stop),
            logprobs=0 if self.logprobs else None,  # of the sampled token alone
            structured_outputs=None if schema is None else StructuredOutputsParams(json=schema),
        )

    def _reply(self, output: Any, seconds: float) -> Reply:
        sampled = output.outputs[0]
        found = None
        if sampled.logprobs is not None:
            pairs = zip(sampled.token_ids, sampled.logprobs, strict=True)
            found = tuple(float(entry[token].logprob) for token, entry in pairs)
        finish: Finish = "length" if sampled.finish_reason == "length" else "stop"
        n_prompt, n_tokens = len(output.prompt_token_ids or ()), len(sampled.token_ids)
        return Reply(sampled.text, finish, n_prompt, n_tokens, self.name, seconds, None, found)


def _refusals() -> tuple[type[Exception], ...]:
    """What the engine raises for a request that it does not take; older releases a ValueError."""
    try:
        from vllm.exceptions import VLLMClientError
    except ImportError:
        return (ValueError,)
    return (ValueError, VLLMClientError)


def _seed(seed: int, messages: Sequence[Message]) -> int:
    """A seed for one reply: 63 bits of the run's seed and the messages."""
    asked = repr((seed, [asdict(turn) for turn in messages]))
    return int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8]) >> 1
