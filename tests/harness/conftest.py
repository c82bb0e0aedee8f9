"""Runs as training leaves them, written by hand: tables are tested on numbers that are known."""

from __future__ import annotations

import json
import random
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from egca.types import Cause

N_STEPS = 40
N_TASKS = 40  # of the tests
GAINS = {"grpo": 0.0, "egca": 0.1, "random-span": -0.1, "wrong-100": -0.05}  # over GRPO's curve
TALK_GAINS = {"rlef": 0.06, "rlef-random": -0.02}  # over what GRPO makes of real feedback


def left_by(gain: float, seed: int, n_steps: int = N_STEPS) -> dict[str, Any]:
    """What a run leaves whose pass rate rises to 0.5 + gain, with noise of its seed."""
    rng = random.Random(seed)
    curve = [0.2 + (0.3 + gain) * step / n_steps + rng.uniform(-0.02, 0.02)
             for step in range(n_steps)]  # fmt: skip
    modes = [{"syntax": 0.02, "constraint": 0.0, "correct": p, "logic": 0.98 - p} for p in curve]
    end = solved_at(round(0.5 + gain + rng.uniform(-0.02, 0.02), 4))
    return {
        "options": {},
        "curves": {"pass_rate": curve},
        "modes": modes,
        "seconds": {"total": 60.0},
        "final": {"sampled": end, "greedy": end},
    }


def solved_at(mean: float) -> dict[str, Any]:
    """A test whose pass@1 is this; a gain over half of them is twice as large on every other task,
    and none on the others."""
    shares = {f"task/{n:02}": 0.5 + (mean - 0.5) * 2 * (n % 2) for n in range(N_TASKS)}
    return {"pass_at_1": mean, "solved": shares}


def talked_by(gain: float, seed: int) -> dict[str, dict[str, float]]:
    """The records of a run's dialogues: half are solved at once; with real feedback so many more
    at each turn as 0.1 and the gain say, with random feedback a few."""
    rng = random.Random(seed)
    first = 0.5 + rng.uniform(-0.02, 0.02)
    found = {}
    for kind, more in (("real", 0.1 + gain), ("random", 0.02)):
        right = [first, first + more, first + 1.5 * more]
        record = {"dialogue_1_at_3": right[-1], "independent_1_at_3": first + 0.1}
        for turn in (1, 2, 3):
            share = [right[0], *(b - a for a, b in pairwise(right))][turn - 1]
            made = 1.0 if turn == 1 else 1.0 - right[turn - 2]
            causes = dict.fromkeys((cause.value for cause in Cause), 0.0)
            causes |= {"none": share / made, "compile": 0.1, "exit": 0.05}
            causes["wrong_output"] = 1.0 - sum(causes.values())
            record |= {f"turn_{turn}_{name}": value for name, value in causes.items()}
            record |= {f"turn_{turn}_solved": right[turn - 1], f"turn_{turn}_made": made}
        record |= {"turn_2_chrf": 0.8, "turn_3_chrf": 0.9}
        found[kind] = record
    return found


@pytest.fixture
def made(tmp_path: Path):
    """A request whose runs are all there: `made(methods, n_seeds)`."""
    pytest.importorskip("torch", reason="needs the extra train")
    pytest.importorskip("matplotlib", reason="needs the extra report")
    from harness.studies.runs import run_of
    from harness.studies.talks import has_dialogues
    from harness.studies.tuning import Grid, for_tuning
    from harness.tables.learning import run_for
    from harness.tables.methods import METHODS
    from harness.tables.request import Request

    def make(
        methods: tuple[str, ...],
        n_seeds: int = 5,
        grid: Grid = Grid((1e-4, 2e-4), (1e-4, 2e-4), (1_000,)),  # noqa: B008
        folder: Path = tmp_path / "runs",
    ) -> Request:
        folder.mkdir(exist_ok=True)
        request = Request(methods, folder, n_seeds, 1, "egca bench main", grid=grid)
        trained = {"grpo", *methods} - {"base"}
        for name in trained:
            if METHODS[name].missing():
                continue
            for rate, seed in product(grid.rates, (*grid.seeds, *range(n_seeds))):
                run = run_for(request, name, rate, seed)
                for one in (run, for_tuning(run)) if seed in grid.seeds else (run,):
                    left = left_by(GAINS.get(name, 0.0) - (rate != grid.rates[1]) * 0.05, seed)
                    left["options"] = dict(one.options)
                    if has_dialogues(left["options"]):
                        left["final"]["turns"] = talked_by(TALK_GAINS.get(name, 0.0), seed)
                    (folder / f"{one.key}.json").write_text(json.dumps(left))
        key = run_of({"model.name": "tiny:medium-15"}).key
        tested = {name: solved_at(0.25) for name in ("sampled", "greedy")}
        (folder / f"untrained-{key}.json").write_text(json.dumps(tested))
        return request

    return make
