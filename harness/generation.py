"""Samples of a model for the problems of a data set, in EvalPlus's format, a line each.

A line has `solution`, the whole program, which EvalPlus and `egca eval` judge, and `raw`, the reply
that it was found in; docs/generate.md lists the fields. What a line holds is decided by the recipe,
the task and the number of the sample alone, so a run that was killed goes on as if nothing had
happened. Reading options and showing progress is egca/cli/generate.py's."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from egca.errors import InputError, ProviderError
from egca.jsonlines import kept
from egca.problems import Problem, whole_program_of
from egca.prompts import Prompt
from egca.providers import ChatModel, Reply, Sampling
from egca.structure import ConstraintSet, messages_of
from harness.provenance import provenance

PACKAGES = (
    "egca", "torch", "transformers", "tokenizers", "gguf", "vllm", "openai", "anthropic"
)  # fmt: skip
Key = tuple[str, int]  # task_id, number of the sample


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a sample. n: samples of each task; sample k draws with a seed of its own.

    constraints_by: the debugger whose constraints the prompt shows; only for a prompt that has them
    as an input.
    """

    model: str
    prompt: Prompt
    sampling: Sampling
    n: int = 1
    constraints_by: str = "trace"

    @property
    def is_constrained(self) -> bool:
        """Whether the prompt shows constraints."""
        return "constraints" in self.prompt.inputs

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InputError(f"--n is {self.n}, but must be at least 1")
        if self.n > 1 and self.sampling.temperature == 0:
            raise InputError(
                f"--n {self.n} needs a --temperature above 0: at 0 all samples are the same"
            )

    def settings(self) -> dict[str, Any]:
        """What every line says of how it was made, as JSON gives it back."""
        settings = {
            "model": self.model,
            "prompt": self.prompt.id,
            "prompt_sha256": self.prompt.digest,
            "sampling": asdict(self.sampling),
        }
        if self.is_constrained:
            settings["constraints_by"] = self.constraints_by
        shown: dict[str, Any] = json.loads(json.dumps(settings))
        return shown


def line_of(
    recipe: Recipe,
    problem: Problem,
    sample: int,
    reply: Reply,
    constraints: ConstraintSet | None = None,
) -> dict[str, Any]:
    """What is written of one sample; of its constraints all that a gate needs to check them."""
    program = whole_program_of(problem, reply.text)
    shown = {} if constraints is None else {"constraints": constraints.to_dict()}
    return {
        "task_id": problem.task_id,
        "sample": sample,
        "solution": program.source,
        "raw": reply.text,
        **recipe.settings(),
        **shown,
        "finish_reason": reply.finish_reason,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "seconds": round(reply.seconds, 4),
        "cost_usd": reply.cost_usd,
    }


def samples(
    model: ChatModel,
    recipe: Recipe,
    problems: Sequence[Problem],
    done: Set[Key] = frozenset(),
    batch_size: int = 8,
    constraints: Mapping[str, ConstraintSet] | None = None,
) -> Iterator[dict[str, Any]]:
    """The lines that are not done yet: the first sample of every task, then the second, ...

    Args:
        constraints: by task, for a prompt that shows them.
    Raises: ProviderError naming the tasks whose prompts got no reply.
    """
    known = constraints or {}
    for sample in range(recipe.n):
        sampling = replace(recipe.sampling, seed=sample_seed(recipe.sampling.seed, sample))
        todo = [problem for problem in problems if (problem.task_id, sample) not in done]
        for start in range(0, len(todo), batch_size):
            batch = todo[start : start + batch_size]
            asked = [
                messages_of(recipe.prompt, problem, known.get(problem.task_id)) for problem in batch
            ]
            try:
                replies = model.complete_many(asked, sampling)
            except ProviderError as error:
                ids = [problem.task_id for problem in batch]
                raise ProviderError(
                    f"{' to '.join(dict.fromkeys([ids[0], ids[-1]]))}: {error}"
                ) from error
            for problem, reply in zip(batch, replies, strict=True):
                yield line_of(recipe, problem, sample, reply, known.get(problem.task_id))


def sample_seed(seed: int, sample: int) -> int:
    """The seed of the k-th sample: 31 bits, and no two runs' samples share one by counting up."""
    digest = hashlib.sha256(f"{seed}/{sample}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def done_before(stream: IO[bytes], name: str, recipe: Recipe) -> tuple[set[Key], bool]:
    """Samples that an output has already, and whether a torn last line was cut off.

    Raises: InputError for a file of something else, or samples that were made in another way.
    """
    settings = recipe.settings()

    def read(row: dict[str, Any]) -> tuple[Key, dict[str, Any]]:
        return (str(row["task_id"]), int(row["sample"])), {key: row[key] for key in settings}

    rows, is_torn = kept(stream, name, read, "egca generate")
    for _, theirs in rows:
        for key, ours in _flat(settings).items():
            if _flat(theirs).get(key) != ours:
                raise InputError(
                    f"{name}: its samples were made with {key} {_flat(theirs).get(key)}, not "
                    f"{ours}; write somewhere else, or overwrite it by --no-resume"
                )
    return {key for key, _ in rows}, is_torn


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, **settings["sampling"], "sampling": None}


def record_run(
    output: Path, recipe: Recipe, dataset: str, argv: Sequence[str], batch_size: int
) -> None:
    """Add this run to OUTPUT.meta.json: when, by which command, on which machine."""
    path = output.with_name(f"{output.name}.meta.json")
    run = provenance(shlex.join(["egca", *argv]), seed=recipe.sampling.seed, packages=PACKAGES)
    run |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "batch_size": batch_size}
    try:
        runs = json.loads(path.read_bytes())["runs"] if output.stat().st_size else []
    except (OSError, ValueError, KeyError):
        runs = []
    about = {"dataset": dataset, "n": recipe.n, **recipe.settings(), "runs": [*runs, run]}
    path.write_text(json.dumps(about, indent=2) + "\n", "utf-8")
