"""The objectives against hand-derived numbers, finite differences and their own laws."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from egca.training.objectives import (  # noqa: E402
    clipped_surrogate,
    clipped_value_loss,
    generalised_advantages,
    importance_correction,
    kl_penalty,
    rewards_to_go,
    sequence_factors,
    whitened,
)

numbers = st.floats(-2.0, 2.0, allow_nan=False, width=32)
rows = st.integers(1, 5).flatmap(
    lambda n: st.tuples(*[st.lists(numbers, min_size=n, max_size=n) for _ in range(3)])
)


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def test_the_surrogate_by_hand() -> None:
    # rho = 1.5 and 0.5, both outside [0.8, 1.2]; a = +2 and -1. The lower of free and bound counts:
    # +2: min(3.0, 2.4); -1: min(-0.5, -0.8).
    new = tensor(math.log(1.5), math.log(0.5)).requires_grad_()
    found = clipped_surrogate(new, tensor(0.0, 0.0), tensor(2.0, -1.0))
    assert found.loss.tolist() == [[pytest.approx(-2.4), pytest.approx(0.8)]]
    assert found.is_clipped.tolist() == [[True, True]]
    found.loss.sum().backward()
    assert new.grad.tolist() == [[0.0, 0.0]]


def test_the_gradient_by_hand() -> None:
    # Within the clip d/dlogp of -rho a is -rho a; the clip lets through what brings rho back.
    new = tensor(0.1, math.log(0.5), math.log(1.5)).requires_grad_()
    clipped_surrogate(new, tensor(0, 0, 0), tensor(-2.0, 3.0, -1.0)).loss.sum().backward()
    expected = [2 * math.exp(0.1), -1.5, 1.5]
    assert new.grad[0].tolist() == pytest.approx(expected)


@given(rows)
def test_the_gradient_by_finite_differences(case) -> None:
    new, old, advantages = (tensor(*row) for row in case)
    step = 1e-6

    def loss(x: torch.Tensor) -> torch.Tensor:
        penalty = kl_penalty(x, old, "k3")
        return (clipped_surrogate(x, old, advantages).loss + 0.05 * penalty).sum()

    edges = (torch.exp(new - old) - 0.8).abs(), (torch.exp(new - old) - 1.2).abs()
    near = (torch.minimum(*edges) < 1e-4) | (advantages.abs() < 1e-4)  # no derivative there
    x = new.clone().requires_grad_()
    loss(x).backward()
    for i in range(new.shape[1]):
        if near[0, i]:
            continue
        shift = torch.zeros_like(new)
        shift[0, i] = step
        slope = float(loss(new + shift) - loss(new - shift)) / (2 * step)
        assert x.grad[0, i].item() == pytest.approx(slope, rel=1e-4, abs=1e-5)


@given(st.lists(numbers, min_size=2, max_size=6), numbers)
def test_one_number_a_sequence_is_grpo_to_the_bit(logprobs, advantage) -> None:
    new = torch.tensor([logprobs]).requires_grad_()
    old = new.detach() + 0.1
    per_token = torch.full((1, len(logprobs)), advantage)
    one = clipped_surrogate(new, old, torch.tensor([[advantage]])).loss
    many = clipped_surrogate(new, old, per_token).loss
    assert torch.equal(one, many)


def test_clip_higher_lets_good_tokens_rise() -> None:
    new = tensor(math.log(1.25))
    found = clipped_surrogate(new, tensor(0.0), tensor(1.0), epsilon=0.2, epsilon_high=0.28)
    assert found.loss.item() == pytest.approx(-1.25)
    assert not found.is_clipped.any()


@given(st.lists(st.floats(-4, 4, allow_nan=False), min_size=1, max_size=5))
def test_kl_estimators(differences) -> None:
    d = torch.tensor(differences, dtype=torch.float64)
    zero = torch.zeros_like(d)
    assert torch.equal(kl_penalty(d, zero, "k1"), d)
    assert (kl_penalty(d, zero, "k2") >= 0).all()
    assert (kl_penalty(d, zero, "k3") >= -1e-12).all()
    assert torch.equal(kl_penalty(d, d), zero)


def test_k1_and_k3_estimate_the_divergence() -> None:
    logits = torch.tensor([[0.0, 1.0, -1.0], [0.5, 0.2, 0.1]], dtype=torch.float64)
    p, q = torch.log_softmax(logits, -1)
    exact = (p.exp() * (p - q)).sum()
    for estimator in ("k1", "k3"):
        mean = (p.exp() * kl_penalty(p, q, estimator)).sum()
        assert mean.item() == pytest.approx(exact.item())


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_what_a_penalty_pulls_towards(estimator: str) -> None:
    """Its gradient, in the mean over samples of the policy."""
    scores = torch.tensor([0.5, -0.3, 0.1, 1.2], dtype=torch.float64, requires_grad=True)
    ref = torch.log_softmax(torch.tensor([0.0, 0.4, -0.6, 0.2], dtype=torch.float64), -1)
    logprobs = torch.log_softmax(scores, -1)
    penalty = (logprobs.detach().exp() * kl_penalty(logprobs, ref, estimator)).sum()
    (found,) = torch.autograd.grad(penalty, scores, retain_graph=True)
    divergences = {
        "k1": 0.0 * logprobs.sum(),
        "k2": (logprobs.exp() * (logprobs - ref)).sum(),
        "k3": (ref.exp() * (ref - logprobs)).sum(),
    }
    (wanted,) = torch.autograd.grad(divergences[estimator], scores)
    assert torch.allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("normalisation", ["sequence", "token", "constant"])
def test_factors_make_a_mean_of_the_whole_step(normalisation) -> None:
    lengths = torch.tensor([3, 5, 1, 7])
    totals = {"n_sequences": 4, "n_tokens": 16, "max_length": 8}
    whole = sequence_factors(lengths, normalisation, **totals)
    parts = [sequence_factors(part, normalisation, **totals) for part in lengths.split([1, 3])]
    assert torch.equal(whole, torch.cat(parts))
    mean = (whole * lengths).sum().item()
    assert mean == pytest.approx({"constant": 16 / 32}.get(normalisation, 1.0))


def test_gae_by_hand() -> None:
    # gamma 0.5, lambda 0.5, rewards 0 0 1, values 0.2 0.4 0.6:
    # deltas 0, -0.1, 0.4; A_3 = 0.4, A_2 = -0.1 + 0.25 * 0.4 = 0, A_1 = 0 + 0.25 * 0 = 0.
    rewards, values = tensor(0, 0, 1), tensor(0.2, 0.4, 0.6)
    advantages, returns = generalised_advantages(
        rewards, values, tensor(1, 1, 1), gamma=0.5, lam=0.5
    )
    assert advantages[0].tolist() == pytest.approx([0.0, 0.0, 0.4])
    assert returns[0].tolist() == pytest.approx([0.2, 0.4, 1.0])


def test_gae_of_lambda_one_is_the_return_minus_the_value() -> None:
    rewards, values, mask = tensor(0, 0, 1, 9), tensor(0.3, 0.1, 0.7, 5), tensor(1, 1, 1, 0)
    advantages, _ = generalised_advantages(rewards, values, mask, lam=1.0)
    assert advantages[0].tolist() == pytest.approx([0.7, 0.9, 0.3, 0.0])


def test_the_value_loss_takes_the_larger_error() -> None:
    # The critic moved from 0 to 1 towards a return of 1: the bounded step of 0.2 still errs by 0.8.
    loss = clipped_value_loss(tensor(1.0), tensor(0.0), tensor(1.0))
    assert loss.item() == pytest.approx(0.32)


def test_whitening_leaves_padding_out() -> None:
    found = whitened(tensor(1.0, 3.0, 100.0), tensor(1, 1, 0))
    assert found[0].tolist() == pytest.approx([-1.0, 1.0, 0.0])


def test_rewards_to_go_by_hand() -> None:
    found = rewards_to_go(
        torch.tensor([1.0]), torch.tensor([[0.1, 0.2, 0.3]]), torch.ones(1, 3), 0.5
    )
    assert found[0].tolist() == pytest.approx([0.7, 0.75, 0.85])


def test_the_importance_correction_is_bounded_and_carries_no_gradient() -> None:
    old = tensor(0.0, -1.0).requires_grad_()
    found = importance_correction(tensor(-3.0, -0.5), old, 2.0)
    assert found[0].tolist() == pytest.approx([2.0, math.exp(-0.5)])
    assert not found.requires_grad
