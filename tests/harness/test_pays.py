"""When credit pays: what was measured before is not measured again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.studies.pays import FACTORS, STUDENT, known_areas, rates_of, runs_of, study

RULE = "egca-mask"
N_SEEDS = 3


def measured(factor: str, folder: Path) -> dict[str, Any]:
    """The table of a factor of which every run is known: the rule gains 0.01 by seed and level."""
    areas: dict[Any, float] = {}
    for n, level in enumerate(FACTORS[factor]):
        for name, rate in rates_of(RULE).items():
            for seed, run in enumerate(runs_of(name, rate, factor, level, N_SEEDS)):
                areas[run] = 0.4 + (name == RULE) * 0.01 * (n + seed)
    return study(factor, RULE, N_SEEDS, folder, 1, areas)


def test_a_table_tells_which_runs_are_known(tmp_path: Path) -> None:
    table = measured("normalisation", tmp_path)
    assert [round(level["difference"], 3) for level in table.values()] == [0.01, 0.02, 0.03]
    known = known_areas({RULE: {"normalisation": table}})
    again = study("normalisation", RULE, N_SEEDS, tmp_path, 1, known)
    assert again == table
    assert not [*tmp_path.iterdir()]


def test_the_study_of_rules_knows_the_level_without_a_change() -> None:
    known = known_areas({})
    for name, rate in rates_of(RULE).items():
        assert all(run in known for run in runs_of(name, rate, "span", "statement", N_SEEDS))
        assert not any(run in known for run in runs_of(name, rate, "span", "expression", N_SEEDS))
    assert all(run["model.name"] == f"tiny:{STUDENT}" for run in known)
