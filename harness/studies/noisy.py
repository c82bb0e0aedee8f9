"""Credit rules whose place is wrong with a fixed probability: learning against accuracy.

Given to a run as credit.strategy=harness.studies.noisy:WRONG_50 and the like. A wrong place is
another statement of the same completion, drawn anew for each; the localizer's own errors come on
top."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import replace

from egca.credit import STRATEGIES, Evidence, Need, Strategy
from egca.credit.rules.bounded import egca_mask
from egca.credit.rules.spans import on_place, published
from egca.credit.strategy import Context, Rule
from egca.types import Mode


def misplaced(rule: Rule, share: float) -> Rule:
    """The rule on evidence whose place is wrong for this share of the completions."""

    def noisy(group: Sequence[Evidence], context: Context):  # type: ignore[no-untyped-def]
        return rule([_moved(one, share, context.seed) for one in group], context)

    return noisy


def _moved(evidence: Evidence, share: float, seed: int) -> Evidence:
    ids = ",".join(map(str, evidence.token_ids))
    rng = random.Random(f"{seed}/{zlib.crc32(ids.encode())}")
    others = [tokens for tokens in evidence.statements if not set(tokens) & set(evidence.located)]
    if evidence.mode is not Mode.LOGIC or not others or rng.random() >= share:
        return evidence
    return replace(evidence, located=others[int(rng.random() * len(others))])


def _strategy(name: str, rule: Rule, share: float) -> Strategy:
    base = STRATEGIES[name]
    needs = {**base.needs, Need.STATEMENTS: base.needs[Need.LOCATION]}
    label = f"{name}, its place wrong with probability {share:g}"
    return replace(base, function=misplaced(rule, share), label=label, needs=needs)


WRONG_10 = _strategy("egca", on_place(published), 0.10)
WRONG_25 = _strategy("egca", on_place(published), 0.25)
WRONG_50 = _strategy("egca", on_place(published), 0.50)
WRONG_100 = _strategy("egca", on_place(published), 1.0)
MASK_WRONG_10 = _strategy("egca-mask", egca_mask, 0.10)
MASK_WRONG_25 = _strategy("egca-mask", egca_mask, 0.25)
MASK_WRONG_50 = _strategy("egca-mask", egca_mask, 0.50)
MASK_WRONG_100 = _strategy("egca-mask", egca_mask, 1.0)
