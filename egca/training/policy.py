"""The policy: a causal language model with its tokenizer, and what its tokens' probabilities are.

Scoring never holds logits of all tokens at once: `Scorer` takes the hidden states of completion
tokens only and goes through the output layer in chunks, which are computed again for the gradient.
Sampling is sampling.py's, updating is update.py's."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from egca.errors import InputError, ProviderError
from egca.training.config import Lora, Model

NO_FLASH_ATTENTION = (
    "model.attention flash_attention_2 needs the package flash-attn and a GPU that it runs on; "
    "sdpa needs neither"
)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """model: what is trained; with LoRA, wrapped by peft. ends: ids that end a completion.

    pieces: what tokens read alone, of those that offsets were asked of.
    """

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]
    pieces: dict[int, str] = field(default_factory=dict)

    @property
    def pad(self) -> int:
        """The id of padding."""
        return int(self.tokenizer.pad_token_id)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def decode(self, ids: Sequence[int]) -> str:
        """Text of sampled ids, without special tokens."""
        text: str = self.tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def encode(self, text: str, *, special: bool) -> list[int]:
        """Ids of a text, with the special tokens that the tokenizer puts around, or without."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        return ids

    def save(self, folder: Path) -> None:
        """Write what `load_policy` or transformers' from_pretrained reads (adapters for LoRA)."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def load_policy(options: Model, device: str = "auto", seed: int = 0) -> Policy:
    """The policy, in training mode and with dropout off where its config has none.

    Args: seed: of fresh adapters.
    Raises: ProviderError in one line where the model cannot be loaded, or not be trained here;
        InputError for options that it cannot have, MissingExtraError.
    """
    from egca.providers.transformers_model import load_transformers

    if options.attention == "flash_attention_2" and not has_flash_attention():
        raise InputError(NO_FLASH_ATTENTION)
    chat = load_transformers(options.name, dtype=options.dtype, device=device)
    model: Any = chat.model
    if not isinstance(getattr(model, "model", None), nn.Module):  # GPT-2 has it by another name
        raise ProviderError(
            f"{options.name}: a {type(model).__name__} cannot be trained here yet: what is below "
            "its output layer is not called model"
        )
    if getattr(model.config.get_text_config(), "final_logit_softcapping", None) or _scales(model):
        raise ProviderError(
            f"{options.name}: models that scale or cap logits cannot be trained here yet"
        )
    model.config._attn_implementation = options.attention
    if options.gradient_checkpointing:
        older = "gradient_checkpointing_enable"  # its name in transformers 5.0
        enable = getattr(model, "activation_checkpointing_enable", None) or getattr(model, older)
        enable({"use_reentrant": False})
    if options.lora is not None:
        torch.manual_seed(seed)
        model = with_lora(model, options.lora)
        if options.gradient_checkpointing:
            model.enable_input_require_grads()
    model.train()
    return Policy(model, chat.tokenizer, tuple(chat.ends))


def has_flash_attention() -> bool:
    """Whether model.attention may be flash_attention_2 here."""
    from transformers.utils import is_flash_attn_2_available

    return bool(is_flash_attn_2_available())


@torch.inference_mode()
def _scales(model: Any) -> bool:
    """Whether logits are more than the output layer of hidden states, from which `Scorer` has them.

    Granite divides them, Cohere multiplies them; the names in their configurations differ.
    """
    ids = torch.zeros((1, 2), dtype=torch.long, device=model.device)
    whole = model(input_ids=ids, use_cache=False).logits
    layer = model.get_output_embeddings()
    ours = layer(model.model(input_ids=ids, use_cache=False).last_hidden_state)
    return bool((whole - ours).abs().max() > 0.02 * ours.abs().max())


def with_lora(model: Any, options: Lora) -> Any:
    """The model with fresh adapters, everything else frozen."""
    from peft import LoraConfig, get_peft_model

    adapters = LoraConfig(
        r=options.r,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=options.targets,
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, adapters)
    except ValueError as error:
        raise InputError(f"model.lora: {' '.join(str(error).split())}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Rows of prompt and completion, right-padded, ready for a forward pass.

    ids (B, S): prompt, completion, padding. At completion token t of row b, the hidden state that
    predicts it sits at `starts[b] - 1 + t`; starts (B,) is the prompt's length, lengths (B,) T_i.
    Causal attention never looks right, so padding there needs no mask. carriers (B,): the row that
    begins with what is read of this one, in whose pass its hidden states are; None: each its own.
    lessons (B,): rows that nobody sampled, so that no temperature divides their logits; None: none.
    """

    ids: Tensor
    starts: Tensor
    lengths: Tensor
    carriers: Tensor | None = None
    lessons: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        """(B, T): 1 on tokens of the completions, 0 behind them."""
        return mask_of(self.lengths)

    def read(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a model has to read: ids (C, S) of the carriers, starts and lengths (C,) from the
        first completion that one carries to the end of its own, and each row's carrier, (B,)."""
        if self.carriers is None:
            rows = torch.arange(len(self.ids), device=self.ids.device)
            return self.ids, self.starts, self.lengths, rows
        kept, index = self.carriers.unique(return_inverse=True)
        starts = self.starts[kept].scatter_reduce(0, index, self.starts, "amin")
        return self.ids[kept], starts, (self.starts + self.lengths)[kept] - starts, index


def mask_of(lengths: Tensor) -> Tensor:
    """(B, T), float32: 1 up to each of the lengths (B,), 0 behind.

    >>> mask_of(torch.tensor([1, 2]))
    tensor([[1., 0.],
            [1., 1.]])
    """
    columns = torch.arange(int(lengths.max()), device=lengths.device)
    return (columns[None, :] < lengths[:, None]).to(torch.float32)


def tokens_of(
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    pad: int,
    device: torch.device | str,
) -> Tokens:
    """Pad rows to the longest."""
    width = max(len(p) + len(c) for p, c in zip(prompts, completions, strict=True))
    ids = [
        [*p, *c] + [pad] * (width - len(p) - len(c))
        for p, c in zip(prompts, completions, strict=True)
    ]
    return Tokens(
        torch.tensor(ids, device=device),
        torch.tensor([len(p) for p in prompts], device=device),
        torch.tensor([len(c) for c in completions], device=device),
    )


class Scorer(nn.Module):
    """Log-probabilities of completions under a model, as one module, whole or in shards.

    Args:
        model: a causal language model of transformers, or one wrapped by peft.
        temperature: of sampling; the probabilities are those that sampling used. Of lessons they
            are the model's own, at temperature 1.
        chunk: tokens whose logits exist in float32 at once.
        shares_prompts: whether a prompt may be read once for all of its completions, in two passes.
            Not where weights are in shards: every pass is a meeting of all processes, which would
            disagree about their number. Nor with gradient checkpointing, which keeps no cache.
    """

    def __init__(
        self,
        model: Any,
        temperature: float = 1.0,
        chunk: int = 4_096,
        *,
        shares_prompts: bool = True,
    ) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.chunk = chunk
        self.shares_prompts = shares_prompts and not _recomputed(model)

    def forward(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy (nats) of each completion token, float32 (B, T), 0 behind.

        The entropy carries no gradient.
        """
        from egca.training.shared_prompts import shared_states

        plain = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        mask = tokens.mask
        row, t = mask.nonzero(as_tuple=True)
        place = tokens.starts[row] + t
        targets = tokens.ids[row, place]
        ids, starts, lengths, index = tokens.read()
        hidden = None
        if self.shares_prompts:
            hidden = shared_states(plain.model, ids, starts, lengths)
        if hidden is None:
            hidden = plain.model(input_ids=ids, use_cache=False).last_hidden_state
            states = hidden[index[row], place - 1]
        else:
            states = hidden[index[row], place - starts[index[row]]]
        layer = plain.get_output_embeddings()
        heat = torch.full_like(mask[:, 0], self.temperature)
        if tokens.lessons is not None:
            heat = heat.masked_fill(tokens.lessons, 1.0)
        heat = heat[row, None]
        logprobs, entropies = [], []
        for at in range(0, len(targets), self.chunk):
            to = at + self.chunk
            part = states[at:to], targets[at:to], heat[at:to]
            if torch.is_grad_enabled() and len(targets) > self.chunk:
                one = checkpoint(self._score, layer, *part, use_reentrant=False)
            else:
                one = self._score(layer, *part)
            logprobs.append(one[0])
            entropies.append(one[1])
        flat = torch.zeros_like(mask), torch.zeros_like(mask)
        return (
            flat[0].index_put((row, t), torch.cat(logprobs)),
            flat[1].index_put((row, t), torch.cat(entropies)),
        )

    def _score(
        self, layer: nn.Module, states: Tensor, targets: Tensor, heat: Tensor
    ) -> tuple[Tensor, Tensor]:
        logits = layer(states).float() / heat
        logprobs = torch.log_softmax(logits, -1)
        with torch.no_grad():
            entropy = -(logprobs.exp() * logprobs).sum(-1)
        return logprobs.gather(-1, targets[:, None])[:, 0], entropy


def _recomputed(model: Any) -> list[Any]:
    """The parts of a model whose activations are computed again for the gradient."""
    return [part for part in model.modules() if getattr(part, "gradient_checkpointing", False)]


class Reference:
    """The frozen ref_policy of the KL term: a copy, or the same model with its adapters off."""

    def __init__(self, policy: Policy, temperature: float, chunk: int) -> None:
        self._adapted = policy.model if hasattr(policy.model, "disable_adapter") else None
        model = policy.model
        if self._adapted is None:
            model = copy.deepcopy(policy.model).requires_grad_(False).eval()
            for part in _recomputed(model):  # not here, where a cache can be kept
                part.gradient_checkpointing = False
        self._scorer = Scorer(model, temperature, chunk)

    @torch.no_grad()
    def logprobs(self, tokens: Tokens) -> Tensor:
        """Of completion tokens, (B, T)."""
        with self._without_adapters():
            found: Tensor = self._scorer(tokens)[0]
        return found

    @contextmanager
    def _without_adapters(self) -> Iterator[None]:
        if self._adapted is None:
            yield
        else:
            with self._adapted.disable_adapter():
                yield
