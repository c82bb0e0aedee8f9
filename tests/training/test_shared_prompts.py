"""Shortcuts of sampling and scoring that must change nothing but the time."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from egca.training import shared_prompts  # noqa: E402
from egca.training.cache import roomy_cache  # noqa: E402
from egca.training.policy import Scorer, tokens_of  # noqa: E402
from egca.training.sampling import _drawn  # noqa: E402
from egca.training.shared_prompts import shared_states  # noqa: E402

PROMPTS = [[5, 6, 7, 8, 9, 10], [11, 12, 13], [5, 6, 7, 8, 9, 10], [11, 12, 13], [11, 12, 13]]
COMPLETIONS = [[14, 15, 16], [17, 18, 19, 20], [21], [22, 23], [24, 25, 26, 27]]


@pytest.fixture
def model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        )
    )  # fmt: skip


def scored(model, monkeypatch, worth: float):
    """Log-probabilities, entropies and gradients."""
    monkeypatch.setattr(shared_prompts, "_WORTH", worth)
    tokens = tokens_of(PROMPTS, COMPLETIONS, 0, "cpu")
    logprobs, entropy = Scorer(model)(tokens)
    (logprobs * torch.arange(1.0, 21.0).view(5, 4)).sum().backward()
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    return [logprobs.detach(), entropy, *found]


def test_sharing_prompts_changes_neither_scores_nor_gradients(model, monkeypatch) -> None:
    tokens = tokens_of(PROMPTS, COMPLETIONS, 0, "cpu")
    assert shared_states(model.model, tokens.ids, tokens.starts, tokens.lengths) is not None
    shared, plain = scored(model, monkeypatch, 0.9), scored(model, monkeypatch, 0.0)
    for one, other in zip(shared, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_prompts_that_differ_are_not_shared(model) -> None:
    tokens = tokens_of([[5, 6], [6, 5]], [[7, 8], [9, 10]], 0, "cpu")
    assert shared_states(model.model, tokens.ids, tokens.starts, tokens.lengths) is None


def test_recomputed_activations_leave_no_cache_to_share(model, monkeypatch) -> None:
    plain = scored(model, monkeypatch, 0.0)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    passes: list[int] = []
    model.model.register_forward_hook(lambda *_: passes.append(1))
    for one, other in zip(scored(model, monkeypatch, 0.9), plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert len(passes) == 1  # no prompt is read in vain


@torch.inference_mode()
def test_a_cache_with_room_decodes_as_a_plain_pass(model) -> None:
    ids = torch.randint(0, 40, (3, 50))
    cache = roomy_cache()
    model(input_ids=ids[:, :4], past_key_values=cache, use_cache=True)
    rows = torch.tensor([2, 0, 2])
    for at in range(4, 50):
        if at == 30:  # rows leave and are repeated, as in sampling
            cache.batch_select_indices(rows)
            ids = ids[rows]
        logits = model(input_ids=ids[:, at : at + 1], past_key_values=cache, use_cache=True).logits
        wanted = model(input_ids=ids[:, : at + 1]).logits[:, -1]
        torch.testing.assert_close(logits[:, -1], wanted, rtol=1e-4, atol=1e-5)


def test_draws_follow_the_weights() -> None:
    weights = torch.tensor([[0.0, 1.0, 0.0, 3.0, 0.0]]).expand(20_000, 5)
    drawn = _drawn(weights, torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn, minlength=5) / len(drawn)
    assert set(drawn.tolist()) == {1, 3}
    assert counts[3] == pytest.approx(0.75, abs=0.015)
