"""The completions of a run as they are kept: samples/step-000012.jsonl.gz, a line a completion."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from egca.credit import token_offsets
from egca.errors import InputError
from egca.files import reason_of, write_whole
from egca.training.crediting import Group, Rollout
from egca.training.distributed import World
from egca.training.policy import Policy


class SampleLog:
    """Writes the completions of every so many steps, of all processes; 0 writes none."""

    def __init__(self, folder: Path, every: int, policy: Policy, world: World) -> None:
        self._folder = folder
        self._every = every
        self._policy = policy
        self._world = world

    def write(self, step: int, metrics: dict[str, Any], groups: Sequence[Group]) -> None:
        """A listener of the trainer."""
        if not self._every or step % self._every:
            return
        judged = [one for group in groups for one in group if one.judged is not None]
        lines = [self._line(rollout) for rollout in judged]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        packed = gzip.compress(text.encode("utf-8", "surrogatepass"), 5, mtime=0)
        parts = self._world.gather(packed)  # members of a gzip file may follow each other
        if self._world.is_main:
            self._save(sample_file(self._folder, step), b"".join(parts))

    def _save(self, file: Path, data: bytes) -> None:
        try:
            self._folder.mkdir(exist_ok=True)
            write_whole(file, data)
        except OSError as error:
            raise InputError(f"{file}: {reason_of(error)}") from None

    def _line(self, rollout: Rollout) -> dict[str, Any]:
        judged, credit, places = rollout.judged, rollout.credit, rollout.places
        assert judged is not None
        assert credit is not None
        offsets = token_offsets(rollout.completion.ids, self._policy.decode, self._policy.pieces)
        return {
            "task_id": rollout.task.problem.task_id,
            "prompt": rollout.task.problem.prompt,
            "text": rollout.text,
            "reward": rollout.reward,
            "advantage": round(rollout.advantage, 6),
            "mode": judged.mode.value,
            "cause": judged.cause.value,
            "evidence": judged.evidence,
            "statement": places.statement,
            "expression": places.expression,
            "repair": places.repair,
            "proof": places.proof,
            "confidence": places.confidence,
            "fallback": credit.fallback and credit.fallback.value,
            "tokens": offsets,
            "credit": [round(float(a), 6) for a in credit.advantages],
        }


def sample_file(folder: Path, step: int) -> Path:
    """Where the completions of a step are."""
    return folder / f"step-{step:06d}.jsonl.gz"


def read_samples(run: Path, step: int) -> list[dict[str, Any]]:
    """The completions of a step. Raises: InputError naming the steps that there are."""
    file = sample_file(run / "samples", step)
    try:
        text = gzip.decompress(file.read_bytes()).decode("utf-8", "surrogatepass")
        return [json.loads(line) for line in text.splitlines()]
    except FileNotFoundError:
        if not run.is_dir():
            raise InputError(f"{run}: no such folder") from None
        kept = sorted(int(p.name[5:11]) for p in (run / "samples").glob("step-*.jsonl.gz"))
        there = f"there are {kept[0]} to {kept[-1]}" if kept else "the run has kept none"
        raise InputError(f"{run}: no completions of step {step}; {there}") from None
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from None
