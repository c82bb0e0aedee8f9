"""Credit: from rewards and evidence to a_{i,t} of every token. Pure functions on numpy arrays."""

from egca.credit.advantages import advantage_part, group_advantages
from egca.credit.evidence import Evidence, Need, TokenRepair
from egca.credit.loss import Loss, for_loss, pad
from egca.credit.offsets import token_offsets, tokens_in_span
from egca.credit.options import Options, options_from
from egca.credit.rewards import REWARDS
from egca.credit.rules.contrast import token_repair
from egca.credit.strategies import STRATEGIES, assign, find_strategy
from egca.credit.strategy import Context, Contrast, Fallback, Rule, Strategy, TokenCredit

__all__ = [
    "REWARDS",
    "STRATEGIES",
    "Context",
    "Contrast",
    "Evidence",
    "Fallback",
    "Loss",
    "Need",
    "Options",
    "Rule",
    "Strategy",
    "TokenCredit",
    "TokenRepair",
    "advantage_part",
    "assign",
    "find_strategy",
    "for_loss",
    "group_advantages",
    "options_from",
    "pad",
    "token_offsets",
    "token_repair",
    "tokens_in_span",
]
