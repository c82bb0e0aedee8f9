"""Problems whose own reference fails their tests: found before the first step and set aside.

No completion of such a problem can be rewarded for being right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from egca.errors import InputError
from egca.files import save_text
from egca.problems.sources import generated_of
from egca.training.assessment import Bench, Job
from egca.training.data import Prompt, SetAside
from egca.training.distributed import World

ASIDE = "set-aside.json"


def sound(
    prompts: Sequence[Prompt], bench: Bench, world: World
) -> tuple[list[Prompt], list[SetAside]]:
    """Prompts to train on, and problems left out; every process gets the same.

    Raises: InputError if no problem is left.
    """
    mine = [(prompt, Job(prompt.task, _reference(prompt))) for prompt in world.share(prompts)]
    for _, job in mine:
        bench.request(job)
    aside: list[SetAside] = []
    for prompt, job in mine:
        judged = bench.judged(job)
        if not judged.passed:
            why = judged.error or judged.evidence or judged.cause.value
            aside.append(SetAside(prompt.task.problem.task_id, f"its reference fails: {why}"))
    bench.forget()
    aside = [one for part in world.gather(aside) for one in part]
    bad = {one.task_id for one in aside}
    kept = [prompt for prompt in prompts if prompt.task.problem.task_id not in bad]
    if not kept:
        first = aside[0]
        raise InputError(
            f"the references of all {len(prompts)} problems fail; the first: {first.task_id}: "
            f"{first.reason}"
        )
    return kept, aside


def sound_of_run(
    folder: Path, dataset: str, prompts: Sequence[Prompt], bench: Bench, world: World
) -> tuple[list[Prompt], list[SetAside]]:  # fmt: skip
    """`sound`, once a run: a resumed one goes on with what it began with, however slow the machine.

    Generated data sets are not looked at: their tests are made by running the reference.
    """
    if generated_of(dataset) is not None:
        return list(prompts), []
    file = folder / ASIDE
    known = world.gather(_read(file) if world.is_main else None)[0]
    if known is not None:
        bad = {one.task_id for one in known}
        return [p for p in prompts if p.task.problem.task_id not in bad], known
    kept, aside = sound(prompts, bench, world)
    if world.is_main:
        save_text(file, json.dumps({one.task_id: one.reason for one in aside}, indent=1) + "\n")
    return kept, aside


def _reference(prompt: Prompt) -> str:
    reference = prompt.task.problem.reference
    assert reference is not None
    return reference


def _read(file: Path) -> list[SetAside] | None:
    try:
        found = json.loads(file.read_text("utf-8"))
        return [SetAside(task_id, reason) for task_id, reason in found.items()]
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {error}; delete it") from None
