"""Credit: from rewards and spans to the weight of every token. Pure functions on numpy arrays."""

from egca.credit.advantages import group_advantages
from egca.credit.offsets import token_offsets, tokens_in_span
from egca.credit.weights import (
    STRATEGIES,
    CreditStrategy,
    Fallback,
    TokenCredit,
    assign,
    capped,
    concentrated,
    needs_localization,
    pad,
    per_token_advantages,
    uniform,
)

__all__ = [
    "STRATEGIES",
    "CreditStrategy",
    "Fallback",
    "TokenCredit",
    "assign",
    "capped",
    "concentrated",
    "group_advantages",
    "needs_localization",
    "pad",
    "per_token_advantages",
    "token_offsets",
    "tokens_in_span",
    "uniform",
]
