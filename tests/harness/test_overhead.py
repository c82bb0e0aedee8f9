"""What the table of overhead times: the preset's own problems, with fewer or more tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from egca.problems import Example, load_dataset
from egca.training.config import load_config
from harness.tables.overhead import LEVELS, file_with_tests


@pytest.mark.parametrize("level", [name for name, one in LEVELS.items() if one.n_tests])
def test_a_level_has_the_presets_problems_with_so_many_of_their_tests(
    tmp_path: Path, level: str
) -> None:
    n_tests = LEVELS[level].n_tests
    assert n_tests is not None
    path = file_with_tests(tmp_path, n_tests, n_steps=2)
    found = list(load_dataset(path))
    config = load_config("tiny")
    assert len(found) == 3 * config.rollout.prompts_per_step
    for ours, own in zip(found, load_dataset(config.data.dataset), strict=False):
        assert (ours.task_id, ours.reference, ours.prompt) == (
            own.task_id, own.reference, own.prompt,
        )  # fmt: skip
        known = [(test.args, test.expected) for test in own.tests if isinstance(test, Example)]
        repeated = [(test.args, test.expected) for test in ours.tests if isinstance(test, Example)]
        assert repeated == [known[k % len(known)] for k in range(n_tests)]
