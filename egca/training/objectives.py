"""Objectives: pure functions of log-probabilities and token advantages, on torch tensors.

Nothing here knows a model, a file or a credit rule. B is sequences of a micro-batch, T completion
tokens of the longest; `mask` is 1 on tokens that were sampled, 0 on padding. Losses come back per
token; `sequence_factors` says what each is multiplied by, so that the sum over all micro-batches of
a step is the objective of the whole step, however it was cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Normalisation = Literal["sequence", "token", "constant"]
KlEstimator = Literal["k1", "k2", "k3"]


@dataclass(frozen=True, slots=True)
class Surrogate:
    """Per token: the loss (B, T), and where the clip decided it (B, T), boolean."""

    loss: Tensor
    is_clipped: Tensor


def clipped_surrogate(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    *,
    epsilon: float = 0.2,
    epsilon_high: float | None = None,
) -> Surrogate:
    """-min(rho a, clip(rho, 1 - epsilon, 1 + epsilon_high) a) with rho = exp(logprobs - old).

    Args:
        logprobs: of the policy, (B, T), with gradient.
        old_logprobs: of the policy that sampled, (B, T).
        advantages: (B, T), or (B, 1) for one number a sequence.
        epsilon_high: None takes epsilon; larger is DAPO's clip-higher.
    Source: PPO (arXiv 1707.06347) eq. 7; per-token form of GRPO (arXiv 2402.03300) eq. 3; the
        asymmetric clip is DAPO's (arXiv 2503.14476) eq. 8.

    >>> one = torch.zeros(1, 1)
    >>> clipped_surrogate(one + 0.5, one, one + 1.0).loss.item()
    -1.2000000476837158
    """
    ratio = torch.exp(logprobs - old_logprobs)
    high = epsilon if epsilon_high is None else epsilon_high
    free = ratio * advantages
    bound = ratio.clamp(1.0 - epsilon, 1.0 + high) * advantages
    return Surrogate(-torch.minimum(free, bound), bound < free)


def kl_penalty(logprobs: Tensor, ref_logprobs: Tensor, estimator: KlEstimator = "k3") -> Tensor:
    """Estimates of KL(policy || ref_policy) per token from a sample of the policy, (B, T).

    With d = logprobs - ref_logprobs: k1 = d, unbiased and signed; k2 = d^2 / 2, low variance;
    k3 = exp(-d) - 1 + d, unbiased, at least 0 and GRPO's choice. As a term of a loss they differ
    by their gradients, whose means over samples of the policy are those of KL(policy ||
    ref_policy) for k2, of KL(ref_policy || policy) for k3, and 0 for k1, which holds nothing back
    there; inside a reward k1 is right.
    Source: J. Schulman, Approximating KL divergence (2020); GRPO (arXiv 2402.03300) eq. 4.

    >>> kl_penalty(torch.zeros(1), torch.zeros(1) - 1.0, "k2").item()
    0.5
    """
    difference = logprobs - ref_logprobs
    if estimator == "k1":
        return difference
    if estimator == "k2":
        return difference.square() / 2
    return torch.exp(-difference) - 1.0 + difference


def sequence_factors(
    lengths: Tensor,
    normalisation: Normalisation,
    *,
    n_sequences: float,
    n_tokens: float,
    max_length: int,
) -> Tensor:
    """What the token losses of each sequence are multiplied by before they are summed, (B,).

    Args:
        lengths: T_i of the sequences at hand, (B,), at least 1 each.
        normalisation: "sequence" is 1 / (N T_i), as GRPO publishes it; "token" 1 / sum_j T_j over
            the whole step (DAPO, eq. 8); "constant" 1 / (N L) (Dr. GRPO, arXiv 2503.20783).
        n_sequences, n_tokens: N and sum_j T_j of the whole step, not of the micro-batch.
        max_length: L, the bound on a completion's tokens.

    >>> sequence_factors(torch.tensor([2, 4]), "sequence", n_sequences=2, n_tokens=6, max_length=8)
    tensor([0.2500, 0.1250])
    """
    if normalisation == "sequence":
        return 1.0 / (n_sequences * lengths.to(torch.float32))
    divisor = n_tokens if normalisation == "token" else n_sequences * max_length
    return torch.full(lengths.shape, 1.0 / divisor, device=lengths.device)


def importance_correction(sampler_logprobs: Tensor, old_logprobs: Tensor, bound: float) -> Tensor:
    """min(pi_old / pi_sampler, bound) per token, (B, T): truncated importance sampling.

    An inference engine rounds differently from the trainer, so what it samples is slightly
    off-policy; a factor above the bound would be noise. Multiplies the loss; carries no gradient.
    Source: Yao et al., Your efficient RL framework secretly brings you off-policy RL (2025).

    >>> importance_correction(torch.tensor([-1.0, -5.0]), torch.tensor([-1.0, -1.0]), 2.0)
    tensor([1., 2.])
    """
    return torch.exp(old_logprobs - sampler_logprobs).clamp(max=bound).detach()


def generalised_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float = 1.0, lam: float = 0.95
) -> tuple[Tensor, Tensor]:
    """GAE: token advantages and the returns that a critic learns, both (B, T).

    Args:
        rewards: per token, (B, T); the outcome usually sits on the last token of a completion.
        values: of the critic before each token, (B, T); behind the end the value is 0.
    Source: Schulman et al. (arXiv 1506.02438) eq. 16.

    >>> one = torch.ones(1, 2)
    >>> generalised_advantages(torch.tensor([[0.0, 1.0]]), one * 0.5, one, lam=1.0)[0]
    tensor([[0.5000, 0.5000]])
    """
    advantages = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[:, 0])
    following = torch.zeros_like(running)
    for t in reversed(range(rewards.shape[1])):
        is_token = mask[:, t]
        delta = rewards[:, t] + gamma * following - values[:, t]
        running = (delta + gamma * lam * running) * is_token
        following = values[:, t] * is_token
        advantages[:, t] = running
    return advantages, (advantages + values) * mask


def clipped_value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, *, epsilon: float = 0.2
) -> Tensor:
    """Half the squared error of a critic per token, (B, T), its step bounded as the policy's is.

    Source: PPO2 as published by OpenAI baselines; the larger of the two errors counts.
    """
    near = old_values + (values - old_values).clamp(-epsilon, epsilon)
    return torch.maximum((values - returns).square(), (near - returns).square()) / 2


def whitened(advantages: Tensor, mask: Tensor, eps: float = 1e-8) -> Tensor:
    """Mean 0 and deviation 1 over all sampled tokens: (B, T) of a whole step, padding 0.

    Source: REINFORCE++ (arXiv 2501.03262) eq. 6; the usual step before PPO's update.

    >>> whitened(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0]]))
    tensor([[-1.,  1.,  0.]])
    """
    n = mask.sum()
    mean = (advantages * mask).sum() / n
    variance = ((advantages - mean).square() * mask).sum() / n
    return (advantages - mean) / (variance.sqrt() + eps) * mask


def rewards_to_go(rewards: Tensor, penalties: Tensor, mask: Tensor, beta: float) -> Tensor:
    """r_i - beta times the penalties from token t on, (B, T): REINFORCE++ before whitening.

    Args: rewards: r_i, (B,). penalties: KL estimates per token (k1), (B, T).
    Source: REINFORCE++ (arXiv 2501.03262) eq. 4 and 5, discount 1.
    """
    masked = penalties * mask
    to_go = masked.flip(1).cumsum(1).flip(1)
    return (rewards[:, None] - beta * to_go) * mask
