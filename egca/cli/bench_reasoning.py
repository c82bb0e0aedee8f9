"""`egca bench reasoning`: what models say that programs do, beside what they do."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from egca.cli.model_options import BaseUrl, MaxCost, NoCache, given_options
from egca.cli.output import EXIT_INTERRUPTED
from egca.errors import InputError
from egca.files import check_writable, save_text


def reasoning(
    models: Annotated[
        str, typer.Option(help="PROVIDER:MODEL or a short name; several with commas.")
    ],
    dataset: Annotated[str, typer.Option(help="HumanEval, MBPP+, ... or a file.")] = "HumanEval",
    tasks: Annotated[
        str, typer.Option(help="code-reasoning, test-output, or both with a comma.")
    ] = "code-reasoning,test-output",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first problems.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest reply, in tokens.")] = 1024,
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same replies.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions asked together.")] = 8,
    output: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    answers: Annotated[
        Path | None, typer.Option(help="Write every answer, a JSON line each.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    base_url: BaseUrl = None,
    max_cost: MaxCost = None,
    no_cache: NoCache = False,
) -> None:
    """Ask models what right programs do: CodeRL+'s two tasks besides writing programs.

    code-reasoning: what variables hold at the end of a run; test-output: what a right program
    returns, from the statement. Status 0: measured; 2: bad input, or a model cannot be opened.

    Example: egca bench reasoning --models smollm2 --dataset problems.jsonl --max-tokens 8
    """
    from dataclasses import asdict
    from json import dumps

    from egca.cli.progress import progress
    from egca.execution import Sandbox
    from egca.problems import chosen, load_dataset
    from egca.providers import Sampling, open_model
    from harness.benchmarks.reasoning import TASKS, document, measure, questions, text

    wanted = [task.strip() for task in tasks.split(",")]
    for task in wanted:
        if task not in TASKS:
            raise InputError(f"--tasks {task}: there are {', '.join(TASKS)}")
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not names:
        raise InputError("--models names none")
    for path in (output, answers):
        if path is not None:
            check_writable(path)
    problems = chosen(load_dataset(dataset), [], limit)
    with Sandbox() as sandbox:
        asked, left_out = questions(problems, wanted, sandbox)
    for line in left_out:
        print(f"egca: left out: {line}", file=sys.stderr)
    if not asked:
        raise InputError(f"{dataset}: no problem of it gives a question")
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=seed)
    options = given_options(base_url, max_cost, no_cache)
    measured = {}
    try:
        with progress("answers", len(asked) * len(names), 0) as advance:
            for name in names:
                model = open_model(name, **options)
                measured[name] = measure(model, asked, sampling, batch_size, advance)
    except KeyboardInterrupt:
        print("egca: interrupted; replies of servers are in the cache", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    found = document(measured, shlex.join(["egca", *sys.argv[1:]]), dataset, sampling)
    lines = [dumps({"model": name, **asdict(one)}) for name, listed in measured.items()
             for one in listed]  # fmt: skip
    for path, content in ((output, dumps(found, indent=1)), (answers, "\n".join(lines))):
        if path is not None:
            save_text(path, content + "\n")
    print(dumps(found, indent=1) if json else text(found))
