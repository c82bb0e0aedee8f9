"""`egca eval`: judge a model's samples on a data set.

Reads the options, shows progress and the figures, writes JSON and HTML; harness/evaluation judges.
"""

from __future__ import annotations

import json as json_module
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.output import EXIT_INTERRUPTED
from egca.errors import InputError
from egca.files import check_writable, save_text
from egca.problems.sources import dataset_path

if TYPE_CHECKING:
    from harness.evaluation import Plan, Result

SCHEMA = "egca.evaluation/1"
_N_SHOWN = 10


def evaluate(
    samples: Annotated[
        Path, typer.Option(help="JSONL with task_id and solution or completion, or a folder.")
    ],
    dataset: Annotated[
        str, typer.Option(help="humaneval, humaneval+, mbpp, mbpp+, or the path of a data set.")
    ],
    engine: Annotated[str, typer.Option(help="native, or evalplus: the official package.")] = (
        "native"
    ),
    workers: Annotated[
        int | None, typer.Option(help="Processes. Default: one for each core.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first samples.")] = None,
    ids: Annotated[
        list[str] | None, typer.Option(help="Task ids, with commas or repeated. Default: all.")
    ] = None,
    k: Annotated[str, typer.Option(help="Which pass@k, where there are samples enough.")] = (
        "1,10,100"
    ),
    timeout: Annotated[
        float, typer.Option(help="Seconds of one call; more where the reference needs more.")
    ] = 2.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was killed; needs --json.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out tasks of the data set that are malformed.")
    ] = False,
    cache: Annotated[
        bool, typer.Option(help="Keep the references' answers for the next run.")
    ] = True,
    json: Annotated[
        Path | None, typer.Option(help="Write all results as one JSON object (docs/eval.md).")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with all results.")] = None,
) -> None:
    """Judge a model's samples on a data set: pass@k, and why the others fail.

    Status 0: all are judged; 2: bad input; 130: interrupted, and --resume goes on.

    Example: egca eval --samples samples.jsonl --dataset problems.jsonl
    """
    for option, value in (("--workers", workers), ("--limit", limit)):
        if value is not None and value < 1:
            raise InputError(f"{option} is {value}, but must be at least 1")
    if not timeout > 0:
        raise InputError(f"--timeout is {timeout:g}, but must be positive")
    if resume and json is None:
        raise InputError("--resume needs --json OUT: what was done stands in OUT.partial")
    from harness.evaluation import Plan, default_cache, read_samples
    from harness.evaluation.run import checked_engine

    found = read_samples(samples)
    wanted = {task_id for text in ids or () for task_id in text.split(",")}
    if wanted:
        known = {sample.task_id for sample in found}
        for task_id in sorted(wanted - known):
            raise InputError(f'{samples}: no sample for task "{task_id}"')
        found = [sample for sample in found if sample.task_id in wanted]
    plan = Plan(
        dataset,
        tuple(found[:limit]),
        workers or os.cpu_count() or 1,
        checked_engine(engine),
        timeout,
        default_cache() if cache else None,
        skip_bad,
    )
    raise typer.Exit(_run(plan, _ks(k), json, html, resume))


def _ks(text: str) -> list[int]:
    try:
        ks = sorted({int(part) for part in text.split(",")})
    except ValueError:
        ks = [0]
    if ks[0] < 1:
        raise InputError(f'--k is "{text}", but must be numbers from 1 on, with commas')
    return ks


def _run(plan: Plan, ks: list[int], json: Path | None, html: Path | None, resume: bool) -> int:
    from egca.cli.progress import progress
    from harness.evaluation import evaluate as judge_all
    from harness.evaluation import judges, problems_of, summary

    for path in (json, html):
        if path is not None:
            check_writable(path)
    journal = None if json is None else json.with_name(f"{json.name}.partial")
    started = time.perf_counter()
    dataset_path(plan.dataset)  # a name that is none is told before any process starts
    try:
        with judges(plan) as crew:
            if plan.engine == "native":
                crew.start()  # a process takes as long to be ready as a data set does to be read
            problems, n_tasks = problems_of(plan)
            with progress("samples", len(plan.samples)) as advance:
                results = judge_all(plan, problems, journal, resume, advance, crew)
    except KeyboardInterrupt:
        goes_on = f"; what is done stands in {journal}, --resume goes on" if journal else ""
        print(f"egca: interrupted{goes_on}", file=sys.stderr)
        return EXIT_INTERRUPTED
    seconds = time.perf_counter() - started
    figures = summary(results, ks, n_tasks)
    document = _document(plan, results, figures, seconds)
    if json is not None:
        save_text(json, json_module.dumps(document) + "\n")
    if html is not None:
        from harness.evaluation.page import page

        save_text(html, page(document))
    if journal is not None:
        journal.unlink(missing_ok=True)
    for line in report(plan, results, figures, seconds):
        print(line)
    return 0


def _document(
    plan: Plan, results: list[Result], figures: dict[str, Any], seconds: float
) -> dict[str, Any]:
    from harness.provenance import provenance

    packages = ("egca",) if plan.engine == "native" else ("egca", "evalplus")
    return {
        "schema": SCHEMA,
        "dataset": plan.dataset,
        "engine": plan.engine,
        "summary": figures,
        "results": [result.row() for result in results],
        "seconds": round(seconds, 3),
        "n_workers": plan.n_workers,
        "provenance": provenance(" ".join(["egca", *sys.argv[1:]]), packages=packages),
    }


def report(plan: Plan, results: list[Result], figures: dict[str, Any], seconds: float) -> list[str]:
    """What a terminal shows: the figures, then the first failures."""
    n_samples, n_tasks = figures["n_samples"], figures["n_tasks"]
    counted = f"{n_samples} sample{'s' * (n_samples != 1)} of {n_tasks} task{'s' * (n_tasks != 1)}"
    if figures["n_tasks"] < figures["n_tasks_in_dataset"]:
        counted += f" (of {figures['n_tasks_in_dataset']})"
    lines = [f"{plan.dataset}: {counted}, engine {plan.engine}, {seconds:.1f} s", ""]
    rates = figures["pass_at_k"]
    names = {"base": "base tests", "plus": "with extra tests"}
    if rates["base"]:
        lines.append(f"{'':10}" + "".join(f"{names[kind]:>20}" for kind in rates))
    else:
        fewest = min(Counter(result.task_id for result in results if result.task_id).values())
        lines.append(f"no pass@k: each --k is more than a task has samples, which is {fewest}")
    for name in rates["base"]:
        cells = [_percent(rates[kind][name]) for kind in rates]
        lines.append(f"{name:10}" + "".join(f"{cell:>20}" for cell in cells))
    lines.append("")
    lines.append(f"{'modes':10}" + _counts(figures["modes"]))
    if figures["causes"]:
        lines.append(f"{'causes':10}" + _counts(figures["causes"]))
    slowest = [f"{row['task_id']} {row['seconds']:.2f} s" for row in figures["slowest"][:3]]
    if slowest:
        lines.append(f"{'slowest':10}" + ", ".join(slowest))
    failing = [result for result in results if not result.passed]
    if failing:
        lines += ["", f"{len(failing)} do not pass:"]
        lines += [f"  {_failure(result)}" for result in failing[:_N_SHOWN]]
        if len(failing) > _N_SHOWN:
            lines.append(f"  and {len(failing) - _N_SHOWN} more; --json or --html has all")
    return lines


def _percent(rate: dict[str, float]) -> str:
    return f"{100 * rate['value']:.1f} ± {100 * rate['stderr']:.1f} %"


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.items())


def _failure(result: Result) -> str:
    where = result.task_id or f"sample {result.index + 1}"
    test = f" {result.first_failure.test}" if result.first_failure else ""
    text = f"{where}{test}: {result.evidence}"
    return text if len(text) <= 200 else f"{text[:196]} ..."
