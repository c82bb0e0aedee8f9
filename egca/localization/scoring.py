"""How evidence becomes a ranking: one weighted sum a line, one softmax over the lines.

The weights were fitted by harness/calibration/ranking.py and lie in weights.json, in two
columns: for programs that one small edit repairs, and for those that none does. To read a ranking,
take the features of a line (evidence.py), look their weights up and add. The softmax over all
lines is the chance that the line is the faulty one, as far as the data knew; confidence comes from
a table of how often rankings with such a chance were right, and is lower without a reference."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

from egca.localization.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Ranked:
    """A line with its share of suspicion and the features that speak for it most."""

    line: int
    chance: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """By feature: what it adds to a line's score. `calibration` are (chance, share right) knots,
    `without_reference` is how often a first line is right then, relative to with one."""

    repaired: Mapping[str, float]
    unrepaired: Mapping[str, float]
    calibration: Mapping[str, list[list[float]]]
    without_reference: float


@lru_cache(maxsize=1)
def weights() -> Weights:
    """The fitted weights that come with the package."""
    text = resources.files("egca.localization").joinpath("weights.json").read_text("utf-8")
    data = json.loads(text)
    names = ("repaired", "unrepaired", "calibration", "without_reference")
    return Weights(*(data[name] for name in names))


def rank(evidence: Evidence) -> list[Ranked]:
    """Lines by falling suspicion; ties go to the earlier line."""
    table = weights().repaired if evidence.has_repair else weights().unrepaired
    scores: dict[int, float] = {}
    reasons: dict[int, tuple[str, ...]] = {}
    for line, features in evidence.features.items():
        parts = {name: table.get(name, 0.0) * value for name, value in features.items()}
        scores[line] = sum(parts[name] for name in sorted(parts))
        best = sorted(parts, key=lambda name: (-parts[name], name))
        reasons[line] = tuple(name for name in best if parts[name] > 0.25)[:3]
    top = max(scores.values(), default=0.0)
    mass = {line: math.exp(score - top) for line, score in scores.items()}
    total = sum(mass.values())
    order = sorted(mass, key=lambda line: (-mass[line], line))
    return [Ranked(line, mass[line] / total, reasons[line]) for line in order]


def confidence(evidence: Evidence, chance: float, has_reference: bool) -> float:
    """How often a first line with this chance was right on the calibration data, in [0, 1]."""
    return _share_right(evidence, chance) * (1 if has_reference else weights().without_reference)


def _share_right(evidence: Evidence, chance: float) -> float:
    knots = weights().calibration["repaired" if evidence.has_repair else "unrepaired"]
    if not knots:
        return chance
    if chance <= knots[0][0]:
        return knots[0][1]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if chance <= x1:
            return y0 + (y1 - y0) * (chance - x0) / (x1 - x0)
    return knots[-1][1]
