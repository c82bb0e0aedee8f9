"""What a worker of vLLM does beside its own work, in the trainer's process or behind a server.

This is imported where vLLM runs, which may be an environment without anything else of egca's."""

from __future__ import annotations

from typing import Any


def renew_tied_head(worker: Any) -> None:
    """Repack an output layer that has the embedding's weights.

    On a processor vLLM multiplies by a packed copy, and a reload renews the embedding's alone.
    """
    head = getattr(worker.model_runner.get_model(), "lm_head", None)
    method = getattr(head, "quant_method", None)
    if method is not None:
        method.process_weights_after_loading(head)


class Extension:
    """Given to a server with --worker-extension-cls: its workers have these methods too."""

    def renew_tied_head(self) -> None:
        """See above."""
        renew_tied_head(self)
