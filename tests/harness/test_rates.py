"""Rules at the same learning rates: compared pair by pair, corrected over all pairs."""

import pytest

pytest.importorskip("torch")

from harness.studies.rates import cells_of


def _values(*numbers: float) -> dict[str, list[float]]:
    return {"area": list(numbers), "sampled": list(numbers), "greedy": list(numbers)}


def test_a_rule_stands_beside_uniform_credit_at_its_own_rate() -> None:
    rows = cells_of(
        {
            ("uniform", 3e-4): _values(0.1, 0.2, 0.3),
            ("uniform", 6e-4): _values(0.5, 0.5, 0.5),
            ("egca-cap", 3e-4): _values(0.2, 0.4, 0.6),
            ("egca-cap", 6e-4): _values(0.5, 0.4, 0.6),
        }
    )

    by_cell = {(row["rule"], row["rate"]): row["area"] for row in rows}
    assert by_cell["egca-cap", 3e-4]["delta_vs_uniform"] == pytest.approx(0.2)
    assert by_cell["egca-cap", 6e-4]["delta_vs_uniform"] == 0.0
    assert by_cell["egca-cap", 3e-4]["p_vs_uniform"] == 0.25
    assert by_cell["egca-cap", 3e-4]["p_holm"] == 0.5  # of two comparisons
    assert by_cell["egca-cap", 6e-4]["p_holm"] == 1.0
    assert "p_holm" not in by_cell["uniform", 3e-4]
