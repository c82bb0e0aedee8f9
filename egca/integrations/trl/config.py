"""EGCATrainer's options: TRL's and ours, and which of them exclude each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from trl import GRPOConfig

from egca.credit import REWARDS, Strategy, find_strategy, options_from
from egca.debuggers.registry import check_name
from egca.errors import InputError
from egca.training.assessment import Rules
from egca.training.config import Credit
from egca.training.crediting import Crediting

# Those that multiply (B, T) advantages with (B, T) ratios.
LOSS_TYPES = ("grpo", "dapo", "dr_grpo", "bnpo", "cispo", "sapo", "vespo", "luspo")
SPANS = get_args(Credit.model_fields["span"].annotation)


@dataclass
class EGCAConfig(GRPOConfig):
    """Options of TRL's GRPOConfig, whose names and defaults stay, and of credit and judging."""

    _VALID_DICT_FIELDS: ClassVar[list[str]] = [*GRPOConfig._VALID_DICT_FIELDS, "credit_options"]

    credit: str = field(
        default="egca",
        metadata={"help": "Credit rule, as `egca credit list` names them, or package.module:name."},
    )
    credit_options: dict[str, Any] | str | None = field(
        default=None, metadata={"help": "Numbers that the rule takes, such as {'cap': 4}."}
    )
    credit_span: str = field(
        default="statement",
        metadata={"help": "What carries the credit of a wrong output: statement or expression."},
    )
    debugger: str = field(
        default="trace", metadata={"help": "Who localizes: trace, or FORM:MODEL (docs/debuggers)."}
    )
    debugger_max_cost: float | None = field(
        default=None, metadata={"help": "US dollars for the debugger's model, in each process."}
    )
    debugger_budget_s: float = field(
        default=2.0,
        metadata={"help": "Seconds, the last resort of the search for a repair, each program."},
    )
    test_reward: str | None = field(
        default=None,
        metadata={
            "help": "Reward of the tests: binary, graded, graded_and_adaptive or fraction; "
            "if not set, the credit rule's own, mostly binary."
        },
    )
    judge_workers: int = field(
        default=1, metadata={"help": "Processes that judge and localize, beside each of TRL's."}
    )
    judge_call_s: float | None = field(
        default=None,
        metadata={"help": "Seconds that a call may take; if not set, the judge's own."},
    )


def crediting_of(args: EGCAConfig) -> Crediting:
    """The credit rule of a config. Raises: InputError, CreditError for what there is not."""
    if args.credit_span not in SPANS:
        raise InputError(f"credit_span is {' or '.join(SPANS)}, not {args.credit_span!r}")
    rewards = (*REWARDS, "fraction")
    if args.test_reward is not None and args.test_reward not in rewards:
        raise InputError(f"test_reward is one of {', '.join(rewards)}, not {args.test_reward!r}")
    options = args.credit_options or {}
    if not isinstance(options, dict):
        raise InputError(f"credit_options is a dict, not {options!r}")
    # TRL scales A_i, so the scale is never read.
    return Crediting(
        find_strategy(args.credit),
        options_from(options),
        "none",
        args.credit_span,
        args.test_reward,
    )


def rules_of(args: EGCAConfig, crediting: Crediting) -> Rules:
    """How completions are judged. Raises: InputError for an unknown debugger or a bad number."""
    check_name(args.debugger)
    if args.judge_workers < 1:
        raise InputError(f"judge_workers is at least 1, got {args.judge_workers}")
    return Rules(
        args.debugger,
        args.judge_call_s,
        args.debugger_budget_s,
        args.debugger_max_cost,
        crediting.wants_share,
    )


def check_fits(args: EGCAConfig, strategy: Strategy, n_rewards: int, unfit: Sequence[str]) -> None:
    """Refuse what would bend the credit of tokens, in one line.

    Args:
        n_rewards: how many reward functions there are, the tests included.
        unfit: names of arguments that were given and make completions of several turns.
    Raises: InputError that names the option, why, and what to do.
    """
    liger = args.liger_kernel_config or {}
    checks = [
        (
            args.loss_type not in LOSS_TYPES,
            f"loss_type {args.loss_type!r} is not known to take an advantage for each token: there "
            f"are {', '.join(LOSS_TYPES)}",
        ),
        (
            args.importance_sampling_level != "token",
            f"importance_sampling_level {args.importance_sampling_level!r} moves all tokens of a "
            "completion by one ratio, also those without credit: use 'token'",
        ),
        (
            args.top_entropy_quantile < 1.0,
            f"top_entropy_quantile {args.top_entropy_quantile} drops tokens for their entropy, and "
            "their credit with them: use 1.0",
        ),
        (
            bool(liger.get("fused_linear_cross_entropy")),
            "Liger's fused loss takes one advantage a completion: leave fused_linear_cross_entropy "
            "out of liger_kernel_config",
        ),
        (
            bool(args.remove_unused_columns),
            "remove_unused_columns would drop the column problem: leave it False",
        ),
        (
            strategy.contrast is not None,
            f"credit {args.credit!r} learns from repairs beside the completions, for which TRL has "
            "no place: `egca train` has one",
        ),
        (
            n_rewards > 1 and args.multi_objective_aggregation != "sum_then_normalize",
            f"multi_objective_aggregation {args.multi_objective_aggregation!r} hides what the "
            "tests contribute to an advantage: use 'sum_then_normalize'",
        ),
        (bool(unfit), f"{', '.join(unfit)}: completions of several turns get no credit yet"),
    ]
    for is_wrong, message in checks:
        if is_wrong:
            raise InputError(f"EGCATrainer: {message}")
