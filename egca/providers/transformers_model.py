"""Models of the transformers library in this process: a folder, an id of the hub, a GGUF file.

Replies follow Sampling alone: what a model's generation_config.json adds (a repetition penalty,
top-k) is left out. Every reply of a batch draws from a generator of its own, seeded by the seed and
its messages, so that it does not depend on what else is asked. torch is imported on opening."""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from egca.errors import ContextError, MissingExtraError, ProviderError, is_out_of_memory
from egca.prompts import Message
from egca.providers.chat import Finish, Reply, Sampling, Schema
from egca.providers.decoding import StopTexts, logits_processors
from egca.providers.local import MAX_REASON, LocalModel, check_dtype

_BATCH = 8  # calls that a GPU answers together; on a processor a batch is no faster


def conversation_text(tokenizer: Any, messages: Sequence[Message], name: str) -> str:
    """What a model reads of a conversation, up to where its reply begins.

    Without a chat template it is the contents, apart by an empty line.
    Raises: ProviderError with what the template of the model called `name` says.
    """
    if tokenizer.chat_template is None:
        return "\n\n".join(message.content for message in messages)
    from jinja2 import TemplateError

    turns = [{"role": message.role, "content": message.content} for message in messages]
    options: list[list[dict[str, str]]] = [turns]
    if turns[0]["role"] == "system" and len(turns) > 1:
        # Some templates refuse a system message; what it says then opens the first turn.
        first = {**turns[1], "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
        options.append([first, *turns[2:]])
    for option in options:
        try:
            text: str = tokenizer.apply_chat_template(
                option, tokenize=False, add_generation_prompt=True
            )
        except TemplateError as error:
            said = f"{name}: its chat template says: {error}"
        else:
            return text
    raise ProviderError(said)


def open_transformers(
    model: str, name: str = "", dtype: str = "auto", device: str = "auto"
) -> TransformersModel:
    """A model to chat with; arguments and errors are those of `load_transformers`."""
    loaded = load_transformers(model, name, dtype, device)
    if not loaded.has_template:
        logging.getLogger(__name__).warning(
            "egca: note: %s has no chat template: messages are given as plain text", loaded.name
        )
    return loaded


def load_transformers(
    model: str, name: str = "", dtype: str = "auto", device: str = "auto"
) -> TransformersModel:
    """Load a model and its tokenizer.

    Args:
        model: a folder, a file that ends in .gguf, or an id of the hub.
        dtype: one of DTYPES; auto is float32 on the CPU, else what the model was saved in.
        device: "cpu", "cuda", "cuda:1"; auto is the first GPU that there is.
    Raises: ProviderError, MissingExtraError.
    """
    check_dtype(dtype)
    is_gguf = model.endswith(".gguf")
    _need(("torch", "transformers", *(["gguf"] if is_gguf else [])))
    import torch
    import transformers

    transformers.logging.disable_progress_bar()
    name = name or f"transformers:{model}"
    place = _device(device)
    source, files = _source(model, name)
    wanted = dtype if dtype != "auto" else "float32" if place == "cpu" else "auto"
    with _loading(name):
        # Code that a model brings along is never run: this is no sandbox.
        options = {**files, "trust_remote_code": False}
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        loaded = transformers.AutoModelForCausalLM.from_pretrained(
            source, dtype=wanted if wanted == "auto" else getattr(torch, wanted), **options
        )
        loaded = loaded.to(place).eval()
    return TransformersModel(name, loaded, tokenizer)


class TransformersModel(LocalModel):
    """A loaded causal language model with its tokenizer; nothing holds it to a schema."""

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        from transformers import GenerationConfig

        super().__init__(name, 1 if model.device.type == "cpu" else _BATCH)
        self.model = model
        self.tokenizer = tokenizer
        self.has_template = tokenizer.chat_template is not None
        self.context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self.ends = _end_tokens(model.generation_config.eos_token_id, tokenizer.eos_token_id)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.convert_ids_to_tokens(self.ends[0] if self.ends else 0)
        tokenizer.padding_side = "left"
        model.generation_config = GenerationConfig(
            eos_token_id=self.ends or None, pad_token_id=tokenizer.pad_token_id
        )

    @property
    def identity(self) -> dict[str, object]:
        """Model and arithmetic."""
        config = self.model.config
        return {"provider": "transformers", "name": self.name, "dtype": str(config.dtype)}

    def _batch(
        self, batch: Sequence[Sequence[Message]], sampling: Sampling, schema: Schema | None
    ) -> list[Reply]:
        texts = [self.text_of(messages) for messages in batch]
        encoded = self.tokenizer(
            texts, return_tensors="pt", padding=True, add_special_tokens=not self.has_template
        )
        lengths = [int(n) for n in encoded["attention_mask"].sum(dim=1)]
        self._check_context(max(lengths), sampling.max_tokens)
        start = time.perf_counter()
        with _memory(self.name, len(batch)):
            rows, stops = self._generate(encoded, texts, sampling)
        seconds = (time.perf_counter() - start) / len(batch)
        replies: list[Reply] = []
        prompts = encoded["input_ids"]
        for row, (ids, n_prompt) in enumerate(zip(rows, lengths, strict=True)):
            n_tokens, has_ended = self._length(ids, stops.ended[row])
            text = stops.cut(self._decode(prompts[row], ids[:n_tokens]))
            finish: Finish = "stop" if has_ended else "length"
            replies.append(Reply(text, finish, n_prompt, n_tokens, self.name, seconds))
        return replies

    def text_of(self, messages: Sequence[Message]) -> str:
        """What the tokenizer sees of a conversation, up to where the reply begins."""
        return conversation_text(self.tokenizer, messages, self.name)

    def _generate(
        self, encoded: Any, texts: list[str], sampling: Sampling
    ) -> tuple[list[list[int]], StopTexts]:
        """The sampled token ids of each row, padding after them, and where stop texts came."""
        import torch

        encoded = encoded.to(self.model.device)
        n_prompt = encoded["input_ids"].shape[1]
        stops = StopTexts(sampling.stop, self.tokenizer, n_prompt, len(texts))
        seeds = [_row_seed(sampling.seed, text) for text in texts]
        with torch.inference_mode():
            output = self.model.generate(
                input_ids=encoded["input_ids"],
                attention_mask=encoded["attention_mask"],
                max_new_tokens=sampling.max_tokens,
                do_sample=False,  # the noise of a sample is added to the scores
                logits_processor=logits_processors(sampling, seeds, self.model.device),
                stopping_criteria=[stops] if sampling.stop else [],
            )
        return output[:, n_prompt:].tolist(), stops

    def _length(self, ids: list[int], n_stopped: int | None) -> tuple[int, bool]:
        """How many tokens were sampled, and whether the reply ended before max_tokens."""
        ends = [i + 1 for i, token in enumerate(ids) if token in self.ends][:1]
        if n_stopped is not None:
            ends.append(n_stopped)
        return (min(ends), True) if ends else (len(ids), False)

    def _decode(self, prompt_ids: Any, ids: list[int]) -> str:
        """The text of sampled tokens; of a continuation with the space that it begins with."""

        def decode(tokens: list[int]) -> str:
            text: str = self.tokenizer.decode(
                tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            return text

        if self.has_template:
            return decode(ids)
        last = prompt_ids[-1:].tolist()
        before, whole = decode(last), decode(last + ids)
        return whole[len(before) :] if whole.startswith(before) else decode(ids)

    def _check_context(self, n_prompt: int, max_tokens: int) -> None:
        if self.context is not None and n_prompt + max_tokens > self.context:
            raise ContextError(
                f"{self.name}: a prompt of {n_prompt} tokens and a reply of up to {max_tokens} do "
                f"not fit into its context of {self.context}; lower --max-tokens"
            )


def _need(modules: Sequence[str]) -> None:
    from importlib.util import find_spec

    if not all(find_spec(module) for module in modules):
        raise MissingExtraError("a model of the provider transformers", "train")


def _device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ProviderError(f'device is "{device}", but must be cpu, cuda or cuda:N') from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ProviderError(f"device is {device}, but torch sees no GPU; egca doctor says more")
    return device


def _source(model: str, name: str) -> tuple[str, dict[str, str]]:
    """What from_pretrained loads, a folder or an id, and the file in it where there is just one."""
    path = Path(model).expanduser()
    if model.endswith(".gguf"):
        if not path.is_file():
            raise ProviderError(f"{name}: no such file or directory")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        return str(path), {}
    if path.exists():
        raise ProviderError(f"{name}: a file, but neither a folder nor .gguf")
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise ProviderError(f"{name}: no such folder")
    return model, {}


def _end_tokens(*ids: int | list[int] | None) -> list[int]:
    """All tokens that end a reply, each once."""
    found: list[int] = []
    for entry in ids:
        found += entry if isinstance(entry, list) else [] if entry is None else [entry]
    return list(dict.fromkeys(found))


def _row_seed(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{text}".encode()).digest()[:7])


@contextmanager
def _loading(name: str) -> Iterator[None]:
    """What keeps a model from loading, in one line."""
    from safetensors import SafetensorError

    mendable = (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError)
    try:
        # The bar of a GGUF file cannot be turned off otherwise.
        with _memory(name, 0), redirect_stderr(io.StringIO()):
            yield
    except mendable as error:
        reason = " ".join(str(error).split())
        if "couldn't connect" in reason:
            reason = "not on this machine, and the hub is out of reach"
        elif "not a valid model identifier" in reason:
            reason = "neither a folder here nor a model of the hub that may be read"
        raise ProviderError(f"{name}: {reason[:MAX_REASON]}") from error


@contextmanager
def _memory(name: str, n_prompts: int) -> Iterator[None]:
    """Running out of memory is no bug: it names what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        what = (
            f"with {n_prompts} prompts at once; lower --batch-size" if n_prompts else "loading it"
        )
        raise ProviderError(f"{name}: out of memory {what}") from None
