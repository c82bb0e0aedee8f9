"""Forward passes that read a prompt once for all of its completions in a micro-batch.

The completions then attend to the prompt's keys and values through a cache, as in sampling, but
with gradients: a prompt's is the sum over its completions, the same as without sharing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

_WORTH = 0.9  # share of the tokens of a plain pass, or fewer, that make sharing worth two passes


def shared_states(model: Any, ids: Tensor, starts: Tensor, lengths: Tensor) -> Tensor | None:
    """Hidden states that predict the completions' tokens, (B, T, hidden), T of the longest.

    Args:
        model: of transformers, without its output layer.
        ids: (B, S), prompts and completions, padded on the right.
        starts, lengths: (B,), tokens of each prompt and each completion.
    Returns: None where too few prompts are shared, or the model keeps no cache; then it has to be
        run on `ids`.
    """
    prompts, group = _distinct(ids, starts)
    width, longest = max(map(len, prompts)), int(lengths.max())
    n_read = len(prompts) * width + len(ids) * (longest - 1)
    if len(prompts) == len(ids) or longest == 1 or n_read > _WORTH * ids.numel():
        return None
    device = ids.device
    padding = torch.tensor([width - len(prompt) for prompt in prompts], device=device)
    read = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=device)
    mask = (torch.arange(width, device=device) >= padding[:, None]).long()
    cache = DynamicCache()
    first = model(
        input_ids=read, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0),
        past_key_values=cache, use_cache=True,
    ).last_hidden_state[:, -1]  # fmt: skip
    if len(cache.layers) == 0 or cache.get_seq_length() != width:
        return None
    cache.batch_select_indices(group)
    t = torch.arange(longest - 1, device=device)
    place = (starts[:, None] + t).clamp(max=ids.shape[1] - 1)
    rest = model(
        input_ids=ids.gather(1, place),
        attention_mask=torch.cat([mask[group], mask.new_ones(len(ids), longest - 1)], 1),
        position_ids=starts[:, None] + t,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return torch.cat([first[group][:, None], rest], 1)


def _distinct(ids: Tensor, starts: Tensor) -> tuple[list[list[int]], Tensor]:
    """The prompts that differ, and which of them each row has, (B,)."""
    known: dict[tuple[int, ...], int] = {}
    rows = zip(ids.tolist(), starts.tolist(), strict=True)
    group = [known.setdefault(tuple(row[:start]), len(known)) for row, start in rows]
    return [list(prompt) for prompt in known], torch.tensor(group, device=ids.device)
