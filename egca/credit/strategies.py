"""The credit strategies by name, and credit for a group under one of them.

A new rule is a function in rules/ and a line in STRATEGIES; the choices of `--credit`, the table of
docs/credit.md and the tests take it up from there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import import_module

import numpy as np

from egca.credit.evidence import Evidence, Need, any_signal, failed_in
from egca.credit.options import Options
from egca.credit.rules.bounded import egca_cap, egca_mask
from egca.credit.rules.contrast import contrast, repaired_place
from egca.credit.rules.executed import stepcoder
from egca.credit.rules.grpo_lambda import grpo_lambda
from egca.credit.rules.rltf import rltf
from egca.credit.rules.soft import soft
from egca.credit.rules.spans import (
    exception_by_trace,
    late,
    on_place,
    published,
    random_span,
    unconfirmed,
    without_gate,
)
from egca.credit.rules.survival import survival
from egca.credit.rules.tempo import tempo
from egca.credit.rules.uniform import uniform
from egca.credit.strategy import Context, Rule, Strategy, TokenCredit, describe
from egca.errors import CreditError
from egca.types import Mode

_LOGIC = failed_in(Mode.LOGIC)
_SYNTAX = failed_in(Mode.SYNTAX)
_PLACES = {Need.LOCATION: failed_in(Mode.SYNTAX, Mode.LOGIC)}
_EGCA = "EGCA, token advantages"
_ABLATION = "EGCA, ablations"
_OURS = "ours"

STRATEGIES: dict[str, Strategy] = {
    "uniform": Strategy(uniform, "every token the same", "GRPO, arXiv 2402.03300"),
    "egca": Strategy(
        on_place(published),
        "all of A_i on the tokens where behaviour first goes wrong",
        _EGCA,
        _PLACES,
        place=published,
    ),
    "egca-exception": Strategy(
        on_place(exception_by_trace),
        "egca, with exceptions where trace puts their cause",
        "EGCA, the gate's syntax mode; by trace is inferred",
        {**_PLACES, Need.EXCEPTIONS: _SYNTAX},
        place=exception_by_trace,
    ),
    "stepcoder": Strategy(
        stepcoder,
        "what the tests did not execute is masked",
        "StepCoder, arXiv 2402.01391",
        {Need.EXECUTED: any_signal},
        reward="graded",
    ),
    "rltf": Strategy(
        rltf,
        "uniform, and a penalty on the line that an error names",
        "RLTF, arXiv 2307.04349",
        {Need.LOCATION: lambda mode, advantage: mode is Mode.SYNTAX},
        conserves=False,
        options=("fine_reward",),
        reward="graded_and_adaptive",
    ),
    "tempo": Strategy(
        tempo,
        "more at tokens where the group's completions part",
        "TEMPO, arXiv 2509.18314",
        conserves=False,
    ),
    "grpo-lambda": Strategy(
        grpo_lambda,
        "eligibility traces over tokens",
        "GRPO-lambda, arXiv 2510.00194",
        conserves=False,
        options=("trace_decay", "trace", "lowest_advantage"),
    ),
    "random-span": Strategy(
        random_span,
        "egca, with the place moved to a random statement",
        _ABLATION,
        {**_PLACES, Need.STATEMENTS: failed_in(Mode.SYNTAX, Mode.LOGIC)},
        place=published,
    ),
    "late-span": Strategy(
        on_place(late),
        "egca, with the last divergent statement in place of the first",
        _ABLATION,
        {Need.LOCATION: _SYNTAX, Need.LATE: _LOGIC},
        place=late,
    ),
    "soft": Strategy(
        soft,
        "credit that fades with the distance from the place",
        _ABLATION,
        {**_PLACES, Need.STATEMENTS: failed_in(Mode.SYNTAX, Mode.LOGIC)},
        options=("temperature",),
        place=published,
    ),
    "egca-no-gate": Strategy(
        on_place(without_gate),
        "egca, with a place for everything that fails",
        _ABLATION,
        {
            Need.LOCATION: failed_in(Mode.SYNTAX, Mode.CONSTRAINT, Mode.LOGIC),
            Need.EXCEPTIONS: _SYNTAX,
        },
        place=without_gate,
    ),
    "egca-no-constraints": Strategy(
        on_place(published),
        "egca, with plain prompts and I_C = 1",
        _ABLATION,
        _PLACES,
        place=published,
        constraints=False,
    ),
    "egca-unconfirmed": Strategy(
        on_place(unconfirmed),
        "egca, with the first unequal state and no intervention",
        _ABLATION,
        {Need.LOCATION: _SYNTAX, Need.UNCONFIRMED: _LOGIC},
        place=unconfirmed,
    ),
    "egca-cap": Strategy(
        egca_cap,
        "egca, its multiplier bounded, the rest spread evenly",
        _OURS,
        _PLACES,
        ours=True,
        options=("cap",),
        place=published,
    ),
    "egca-mask": Strategy(
        egca_mask,
        "uniform on the place, nothing elsewhere in a failing completion",
        _OURS,
        _PLACES,
        conserves=False,
        ours=True,
        place=published,
    ),
    "survival": Strategy(
        survival,
        "the change of the chance to pass, step by step of the reference",
        "ours, after Kaplan and Meier (1958)",
        {Need.STEPS: any_signal, **_PLACES},
        ours=True,
    ),
    "egca-contrast": Strategy(
        on_place(repaired_place),
        "egca, and the verified repair raised in the same context",
        _OURS,
        {**_PLACES, Need.REPAIR: _LOGIC},
        ours=True,
        place=repaired_place,
        contrast=contrast,
    ),
}


def find_strategy(name: str) -> Strategy:
    """A strategy of STRATEGIES, or one from outside as "package.module:attribute".

    From outside it may be a Strategy, or a function like the rules here, which then gets located
    tokens and statements and need not conserve.
    Raises: CreditError for a name that is neither.

    >>> find_strategy("egca").conserves
    True
    >>> find_strategy("ecga")
    Traceback (most recent call last):
    egca.errors.CreditError: no credit strategy 'ecga'; did you mean 'egca'?
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    if ":" not in name:
        near = difflib.get_close_matches(name, STRATEGIES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(STRATEGIES)}"
        raise CreditError(f"no credit strategy {name!r}; {hint}")
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise CreditError(f"no credit strategy {name!r}: {error}") from None
    if isinstance(found, Strategy):
        return found
    if not callable(found):
        raise CreditError(f"credit strategy {name!r} is neither a Strategy nor a function")
    return from_outside(found, name)


def from_outside(rule: Rule, name: str) -> Strategy:
    """A bare function as a strategy."""
    return Strategy(
        rule,
        (rule.__doc__ or name).strip().partition("\n")[0],
        name,
        {**_PLACES, Need.STATEMENTS: failed_in(Mode.SYNTAX, Mode.LOGIC)},
        conserves=False,
    )


def assign(
    group: Sequence[Evidence],
    strategy: str | Strategy = "egca",
    *,
    options: Options | None = None,
    seed: int = 0,
) -> list[TokenCredit]:
    """The credit of every token of a group's completions, checked, in the order of the group.

    Args:
        group: all G completions of one problem, with the rewards that gave their advantages.
        strategy: a name for `find_strategy`, or a Strategy.
        options: the published values unless given.
        seed: for rules that draw at random; another one for each group and step.
    Raises: CreditError for an unknown strategy, an empty group, or a rule that gives another
        shape, numbers that are not finite, or another sum than A_i although it conserves.

    >>> group = [
    ...     Evidence([5, 6, 7, 8], 0.0, -0.5, "logic", located=[2]),
    ...     Evidence([5, 6], 1.0, 0.5, "correct"),
    ... ]
    >>> [credit.advantages for credit in assign(group)]
    [array([ 0. ,  0. , -0.5,  0. ]), array([0.25, 0.25])]
    >>> assign(group)[0].max_multiplier
    4.0
    """
    if not group:
        raise CreditError("a group has at least one completion, got none")
    chosen = find_strategy(strategy) if isinstance(strategy, str) else strategy
    name = strategy if isinstance(strategy, str) else chosen.label
    rows = chosen.function(group, Context(options or Options(), seed))
    if len(rows) != len(group):
        raise CreditError(f"credit strategy {name!r} gave {len(rows)} rows for {len(group)}")
    return [
        _checked(evidence, row, chosen, name) for evidence, row in zip(group, rows, strict=True)
    ]


def _checked(evidence: Evidence, row: object, strategy: Strategy, name: str) -> TokenCredit:
    credit = np.asarray(row, dtype=np.float64)
    if credit.shape != (evidence.n_tokens,) or not np.isfinite(credit).all():
        raise CreditError(
            f"credit strategy {name!r} must give {evidence.n_tokens} finite numbers, "
            f"got shape {credit.shape}"
        )
    off = abs(float(credit.sum()) - evidence.advantage)
    if strategy.conserves and off > 1e-6 * max(1.0, abs(evidence.advantage)):
        raise CreditError(
            f"credit strategy {name!r} must keep the sum {evidence.advantage:.6g}, "
            f"got {credit.sum():.6g}"
        )
    return describe(evidence, credit, strategy)
