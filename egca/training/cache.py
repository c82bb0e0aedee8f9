"""A key-value cache that does not copy itself at every token.

transformers' own appends by concatenation, which moves all keys and values of all rows for each
token. Imports transformers, so it is imported where it is used."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

_SPARE = 16  # tokens of room beyond need: more, and gaps between heads slow attention down


class RoomyLayer(DynamicLayer):
    """Keys and values of one layer, (B, heads, T, size): a view of a buffer with room at the end.

    Whatever else transformers does with `keys` and `values` (selecting rows, cropping) leaves a
    tensor that is no such view; the next update then makes a new buffer. Without gradients only.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._buffers: dict[str, Tensor] = {}

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **options: Any
    ) -> tuple[Tensor, Tensor]:
        """Append to both; what the layer now holds."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys = self._appended("keys", self.keys, key_states)
        self.values = self._appended("values", self.values, value_states)
        return self.keys, self.values

    def _appended(self, name: str, held: Tensor, new: Tensor) -> Tensor:
        n = held.shape[2] if held.numel() else 0
        end = n + new.shape[2]
        buffer = self._buffers.get(name)
        is_view = buffer is not None and held.data_ptr() == buffer.data_ptr()
        if buffer is None or not is_view or end > buffer.shape[2] or len(held) != len(buffer):
            batch, heads, _, size = new.shape
            buffer = new.new_empty(batch, heads, end + _SPARE, size)
            if n:
                buffer[:, :, :n] = held
            self._buffers[name] = buffer
        buffer[:, :, n:end] = new
        return buffer[:, :, :end]


def roomy_cache() -> Cache:
    """An empty cache for sampling."""
    return Cache(layer_class_to_replicate=RoomyLayer)
