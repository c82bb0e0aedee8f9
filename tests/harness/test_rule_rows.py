"""The table of credit rules grows by seeds, wherever the earlier ones were measured."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from egca.errors import InputError
from harness.studies.rule_rows import Seeds, rows_of
from harness.studies.rules import study

TARGET = 0.35
GAINS = {"uniform": 0.0, "egca": -0.03, "egca-mask": 0.05}
OTHERS = ("entropy", "grad_norm", "effective_tokens", "multiplier_max", "located")


def left(rule: str, seed: int) -> dict[str, Any]:
    """What a run of a rule leaves: a curve with noise of its seed, all else told by the seed."""
    noise = random.Random(f"{rule} {seed}")
    curve = [0.2 + (0.3 + GAINS[rule]) * step / 40 + noise.uniform(-0.02, 0.02)
             for step in range(40)]  # fmt: skip
    others = {name: [n + seed / 10] * 40 for n, name in enumerate(OTHERS)}
    end = {"pass_at_1": round(curve[-1], 4)}
    return {
        "curves": {"pass_rate": curve, **others},
        "modes": [{"syntax": 0.02, "constraint": 0.0, "correct": p, "logic": 0.98 - p}
                  for p in curve],
        "seconds": {"total": 60.0 + seed, "train": 20.0 + seed},
        "final": {"sampled": end, "greedy": end},
    }  # fmt: skip


def seeds_of(rule: str, seeds: range) -> Seeds:
    return Seeds.of_runs([left(rule, seed) for seed in seeds], TARGET)


def flat(value: Any) -> Any:
    """Numbers to within the digits that a file keeps."""
    if isinstance(value, dict):
        return {name: flat(one) for name, one in value.items()}
    if isinstance(value, list):
        return [flat(one) for one in value]
    return pytest.approx(value, abs=2e-4) if isinstance(value, float) else value


def test_a_table_that_grew_is_the_table_of_all_its_seeds() -> None:
    whole = rows_of({rule: seeds_of(rule, range(8)) for rule in GAINS})
    first = rows_of({rule: seeds_of(rule, range(3)) for rule in GAINS})
    grown = rows_of({
        row["rule"]: Seeds.of_row(row).with_more(seeds_of(row["rule"], range(3, 8)))
        for row in first
    })  # fmt: skip
    for ours, theirs in zip(grown, whole, strict=True):  # kept with one digit
        assert ours.pop("seconds") == pytest.approx(theirs.pop("seconds"), abs=0.1)
    assert grown == flat(whole)


def test_a_rule_with_fewer_seeds_is_compared_by_those_that_both_have() -> None:
    rows = rows_of({"uniform": seeds_of("uniform", range(6)), "egca": seeds_of("egca", range(4))})
    alone = rows_of({"uniform": seeds_of("uniform", range(4)), "egca": seeds_of("egca", range(4))})
    assert rows[1] == alone[1]
    assert rows[0]["n_seeds"] == 6


def test_what_is_measured_is_not_measured_again(tmp_path: Path) -> None:
    """Nor is a student made for it: the cache and the folder of the runs stay empty."""
    rows = rows_of({rule: seeds_of(rule, range(5)) for rule in GAINS})
    tuned = {rule: {"rate": 3e-4, "scores": {}} for rule in GAINS}
    before = {"target": TARGET, "tuning": tuned, "rows": rows}
    folder = tmp_path / "runs"
    assert study("medium-15", tuple(GAINS), 5, folder, 1, before) == before
    assert not folder.exists()


def test_rates_that_were_chosen_in_two_ways_are_not_mixed(tmp_path: Path) -> None:
    rows = rows_of({rule: seeds_of(rule, range(5)) for rule in GAINS})
    tuned = {rule: {"rate": 3e-4, "scores": {}} for rule in GAINS}
    before = {"target": TARGET, "tuned_by": "the area", "tuning": tuned, "rows": rows}
    with pytest.raises(InputError, match=r"^survival: .* chosen otherwise \(the area\)"):
        study("medium-15", ("survival",), 5, tmp_path / "runs", 1, before)
