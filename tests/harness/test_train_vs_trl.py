"""The comparison with TRL at its smallest: the same objective and updates, whatever they cost."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("trl", reason="needs the extra trl")

from harness.benchmarks.train_vs_trl import (
    SMALL,
    TOLERANCE,
    comparison,
    equalities,
)

pytestmark = pytest.mark.slow


def test_losses_and_gradients_are_those_of_trl() -> None:
    checks = equalities()
    assert len(checks) == 6
    for check in checks:
        for what in ("loss", "grad_norm"):
            assert check[what]["first_gap"] < TOLERANCE, check
            assert check[what]["largest_gap"] < 10 * TOLERANCE, check
        assert check["grad_norm"]["egca"][0] > 100 * TOLERANCE, "nothing is learned"
    later = [check["loss"]["egca"][-1] for check in checks if check["loss_type"] == "grpo"]
    assert later[0] != pytest.approx(later[1], abs=1e-6), "the KL term is never felt"


def test_both_sides_take_turns() -> None:
    found = comparison(SMALL)
    for name in ("trl", "egca"):
        assert found[name]["tokens_per_s"] > 0
        assert found[name]["peak_mb"] > found[name]["peak_over_start_mb"] > 0
    assert found["ratio"]["lowest"] <= found["ratio"]["median"] <= found["ratio"]["highest"]
