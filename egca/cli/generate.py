"""`egca generate`: a model's programs for the problems of a data set.

Reads the options, keeps the output file, shows progress; harness/generation.py makes the lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.checks import check_count, listed_ids
from egca.cli.model_options import BaseUrl, MaxCost, NoCache, given_options
from egca.cli.output import EXIT_INTERRUPTED
from egca.errors import InputError
from egca.files import check_apart

if TYPE_CHECKING:
    from egca.problems import Problem
    from egca.providers import Usage
    from egca.structure import ConstraintSet
    from harness.generation import Key, Recipe


def generate(
    model: Annotated[
        str, typer.Option(help="PROVIDER:MODEL, or a short name; egca providers lists them.")
    ],
    dataset: Annotated[str, typer.Option(help="HumanEval, HumanEval+, MBPP+ or a path.")],
    n: Annotated[int, typer.Option(help="Samples of each task.")] = 1,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Mass of the tokens to draw from.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(help="Longest reply, in tokens.")] = 512,
    seed: Annotated[int, typer.Option(help="The same seed gives the same samples.")] = 0,
    stop: Annotated[
        list[str] | None, typer.Option(help="A text that ends a reply; may be repeated.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Prompts that are answered together.")] = 8,
    ids: Annotated[
        list[str] | None, typer.Option(help="Task ids, with commas or repeated. Default: all.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first tasks.")] = None,
    prompt: Annotated[
        str, typer.Option(help="NAME, NAME@vN or a file; egca prompts list shows them.")
    ] = "generation",
    debugger: Annotated[
        str | None,
        typer.Option(
            help="Who names the constraints that a prompt such as generation-with-constraints "
            "shows: trace (the default), or a model as for localize."
        ),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="auto, float32, bfloat16 or float16, for transformers.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N. Default: auto.")] = None,
    base_url: BaseUrl = None,
    no_cache: NoCache = False,
    max_cost: MaxCost = None,
    output: Annotated[Path, typer.Option(help="Where the samples go, a line each.")] = Path(
        "samples.jsonl"
    ),
    resume: Annotated[
        bool, typer.Option(help="Keep the samples that --output has, or overwrite them.")
    ] = True,
) -> None:
    """Write a model's programs for the problems of a data set, in EvalPlus's format.

    A killed run goes on where it stood when it is started again. Status 0: all samples are there;
    2: bad input, or the model cannot be used; 130: interrupted.

    Example: egca generate --model smollm2 --dataset problems.jsonl --limit 1
    """
    check_count("--batch-size", batch_size)
    check_count("--limit", limit)
    wanted = listed_ids(ids)
    from egca.problems import chosen, load_dataset
    from egca.problems.sources import dataset_path
    from egca.prompts import load_prompt
    from egca.providers import Sampling
    from egca.structure import messages_of
    from harness.generation import Recipe

    sampling = Sampling(temperature, top_p, max_tokens, seed, tuple(stop or ()))
    recipe = Recipe(model, load_prompt(prompt), sampling, n, debugger or "trace")
    if debugger is not None and not recipe.is_constrained:
        raise InputError(
            f"--debugger names constraints, and {recipe.prompt.id} shows none; "
            "take --prompt generation-with-constraints"
        )
    if debugger is not None:
        from egca.debuggers.registry import check_name

        check_name(debugger)
    check_apart({"--output": output}, {"--dataset": dataset_path(dataset)})
    problems = chosen(load_dataset(dataset), wanted, limit)
    messages_of(recipe.prompt, problems[0])  # a prompt of other inputs fails before the model loads
    options = {"dtype": dtype, "device": device, **given_options(base_url, max_cost, no_cache)}
    raise typer.Exit(_run(recipe, problems, dataset, batch_size, options, output, resume))


def _run(
    recipe: Recipe,
    problems: list[Problem],
    dataset: str,
    batch_size: int,
    options: dict[str, Any],
    output: Path,
    resume: bool,
) -> int:
    from egca.cli.progress import progress
    from egca.jsonlines import append, opened
    from egca.providers import open_model
    from harness.generation import done_before, record_run, samples

    is_file = output.is_file() or not output.exists()  # else a device or a pipe
    with opened(output, resume and is_file) as stream:
        done: set[Key] = set()
        if resume and is_file:
            done, is_torn = done_before(stream, str(output), recipe)
            if is_torn:
                _say(f"note: {output}: a kill has torn its last line; that sample is made again")
        tally = _Tally([(p.task_id, k) in done for p in problems for k in range(recipe.n)])
        try:
            if tally.n_left:
                model = open_model(recipe.model, **options)
                if is_file:
                    record_run(output, recipe, dataset, sys.argv[1:], batch_size)
                with progress("samples", tally.n_samples, tally.n_before) as advance:
                    tally.usage = model.usage
                    constraints = _constraints(recipe, problems, options)
                    for line in samples(model, recipe, problems, done, batch_size, constraints):
                        append(stream, line)
                        tally.count(line)
                        advance()
        except KeyboardInterrupt:
            _say(f"{tally}; interrupted: the same command goes on")
            return EXIT_INTERRUPTED
    _say(f"{tally}; written to {output}")
    return 0


def _constraints(
    recipe: Recipe, problems: list[Problem], options: dict[str, Any]
) -> dict[str, ConstraintSet]:
    """By task, for a prompt that shows them. Raises: EgcaError of the first that has none."""
    if not recipe.is_constrained:
        return {}
    from egca.debuggers import open_debugger
    from egca.errors import EgcaError

    given = {key: value for key, value in options.items() if key not in ("dtype", "device")}
    given = {} if recipe.constraints_by == "trace" else given
    debugger = open_debugger(recipe.constraints_by, **given)
    found: dict[str, ConstraintSet] = {}
    asked = debugger.extract_constraints_many([(problem, None) for problem in problems])
    for problem, extraction in zip(problems, asked, strict=True):
        if isinstance(extraction, EgcaError):
            raise extraction
        found[problem.task_id] = extraction.constraints
    return found


class _Tally:
    """What became of the samples, for the one line at the end."""

    def __init__(self, done: list[bool]) -> None:
        self.n_samples = len(done)
        self.n_before = sum(done)
        self.n_new = self.n_cut = self.n_tokens = 0
        self.seconds = 0.0
        self.usage: Usage | None = None

    @property
    def n_left(self) -> int:
        return self.n_samples - self.n_before - self.n_new

    def count(self, line: dict[str, Any]) -> None:
        self.n_new += 1
        self.n_cut += line["finish_reason"] == "length"
        self.n_tokens += line["completion_tokens"]
        self.seconds += line["seconds"]

    def __str__(self) -> str:
        parts = [f"{self.n_new} new"]
        parts += [f"{self.n_before} there before"] * (self.n_before > 0)
        parts += [f"{self.n_left} left"] * (self.n_left > 0)
        parts += [f"{self.n_cut} cut off at --max-tokens"] * (self.n_cut > 0)
        if self.usage is not None:
            parts += [f"{self.usage.cached} from the cache"] * (self.usage.cached > 0)
            parts += [f"${self.usage.cost_usd:.4f}"] * (self.usage.cost_usd > 0)
        parts += [f"{self.n_tokens} tokens in {self.seconds:.0f} s"] * (self.n_new > 0)
        return f"{self.n_samples} samples: {', '.join(parts)}"


def _say(text: str) -> None:
    print(f"egca: {text}", file=sys.stderr)
