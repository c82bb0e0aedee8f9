"""`egca eval`: judge a model's samples on a data set.

Reads the options, shows progress and the figures, writes JSON and HTML; harness/evaluation judges.
"""

from __future__ import annotations

import contextlib
import json as json_module
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.checks import check_count, check_seconds, listed_ids
from egca.cli.output import EXIT_INTERRUPTED, Skipped, one_line
from egca.errors import InputError
from egca.files import check_apart, check_writable, save_text
from egca.problems.sources import dataset_path

if TYPE_CHECKING:
    from harness.evaluation import Plan, Result, Sample

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
        float | None,
        typer.Option(
            help="Seconds of one call; more where the reference needs more.  [default: 2]"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was killed; needs --json.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Drop what a run that was killed has done.")
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
    check_count("--workers", workers)
    check_count("--limit", limit)
    check_seconds("--timeout", timeout)
    if resume and force:
        raise InputError("--resume takes over what was done and --force drops it: choose one")
    from harness.evaluation import Plan, default_cache
    from harness.evaluation.native import SECONDS
    from harness.evaluation.run import checked_engine

    is_native = checked_engine(engine) == "native"
    native = {"--timeout": timeout is not None, "--resume": resume, "--no-cache": not cache}
    for option, is_given in native.items():
        if is_given and not is_native:
            raise InputError(f"{option} belongs to --engine native; EvalPlus has its own rules")
    outputs = _outputs(samples, dataset, json, html, is_native, resume, force)
    plan = Plan(
        dataset,
        tuple(_chosen(samples, listed_ids(ids), limit)),
        workers or os.cpu_count() or 1,
        engine,
        SECONDS if timeout is None else timeout,
        default_cache() if cache else None,
        skip_bad,
    )
    raise typer.Exit(_run(plan, _ks(k), outputs, resume))


@dataclass(frozen=True, slots=True)
class _Outputs:
    """Where results go; journal is what stands in for json until all are there."""

    json: Path | None
    html: Path | None
    journal: Path | None


def _outputs(
    samples: Path,
    dataset: str,
    json: Path | None,
    html: Path | None,
    is_native: bool,
    resume: bool,
    force: bool,
) -> _Outputs:
    """The outputs, when it is sure that they can be written and nothing is lost by it."""
    from harness.evaluation.journal import journal_of, refuse_to_overwrite

    for path in (json, html):
        if path is not None:
            check_writable(path)
    journal = journal_of(json) if json is not None and is_native else None
    if resume and journal is None:
        raise InputError("--resume needs --json OUT, a file: what was done stands in OUT.partial")
    check_apart(
        {"--json": json, "--html": html, "what --json keeps meanwhile": journal},
        {"--samples": samples, "--dataset": dataset_path(dataset)},
    )
    if journal is not None and not (resume or force):
        refuse_to_overwrite(journal)
    return _Outputs(json, html, journal)


def _chosen(path: Path, ids: list[str], limit: int | None) -> list[Sample]:
    """The samples that the options leave. Raises: InputError if there is none."""
    from egca.problems.ids import WantedIds
    from harness.evaluation import read_samples
    from harness.evaluation.samples import refuse_without_sample

    found = read_samples(path)
    if ids:
        wanted = WantedIds(ids)
        found = [sample for sample in found if sample.task_id in wanted]
        for task_id in wanted.missing:
            raise InputError(f'{path}: no sample for task "{task_id}"')
    refuse_without_sample(found[:limit], "--ids and --limit leave no sample")
    return found[:limit]


def _ks(text: str) -> list[int]:
    try:
        ks = sorted({int(part) for part in text.split(",")})
    except ValueError:
        ks = [0]
    if ks[0] < 1:
        raise InputError(f'--k is "{text}", but must be numbers from 1 on, with commas')
    return ks


def _run(plan: Plan, ks: list[int], outputs: _Outputs, resume: bool) -> int:
    from egca.cli.progress import progress
    from harness.evaluation import evaluate as judge_all
    from harness.evaluation import judges, problems_of, summary
    from harness.evaluation.journal import journal_in

    skipped = Skipped()
    started = time.perf_counter()
    path = outputs.journal
    try:
        with judges(plan) as crew, contextlib.ExitStack() as stack:
            if plan.engine == "native":
                crew.start()  # a process takes as long to be ready as a data set does to be read
            problems, n_tasks = problems_of(plan, skipped)
            journal = None
            if path is not None:
                journal = stack.enter_context(journal_in(path, resume, problems, plan.call_s))
            with progress("samples", len(plan.samples)) as advance:
                results = judge_all(plan, problems, journal, advance, crew)
            seconds = time.perf_counter() - started
            figures = summary(results, ks, problems, n_tasks, skipped.reasons)
            try:
                _save(_document(plan, results, figures, seconds), outputs)
            finally:  # a full disk must not take the figures too
                for line in report(plan, results, figures, seconds):
                    print(one_line(line))
            if path is not None and journal is not None and not journal.left:
                path.unlink(missing_ok=True)
    except KeyboardInterrupt:
        is_kept = path is not None and path.exists()
        goes_on = f"; what is done stands in {path}, --resume goes on" if is_kept else ""
        print(f"egca: interrupted{goes_on}", file=sys.stderr)
        return EXIT_INTERRUPTED
    if journal is not None and journal.left:
        print(
            f"egca: {path} stays: of its results, {journal.left} are of other samples or another "
            "data set; --resume may still take them over",
            file=sys.stderr,
        )
    return 0


def _save(document: dict[str, Any], outputs: _Outputs) -> None:
    if outputs.json is not None:
        save_text(outputs.json, json_module.dumps(document) + "\n")
    if outputs.html is not None:
        from harness.evaluation.page import page

        save_text(outputs.html, page(document))


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
        fewest = figures["fewest_samples"]
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
    for number, what in (
        (figures["n_without_task"], "samples for no task of the data set"),
        (len(figures["skipped"]), "rows of the data set that cannot be read"),
    ):
        if number:
            lines.append(f"left out  {number} {what}")
    failing = [result for result in results if not result.passed]
    if failing:
        lines += ["", f"{len(failing)} do not pass:"]
        lines += [f"  {_failure(result)}" for result in failing[:_N_SHOWN]]
        if len(failing) > _N_SHOWN:
            lines.append(f"  and {len(failing) - _N_SHOWN} more; --json or --html has all")
    return lines


def _percent(rate: dict[str, float | None]) -> str:
    value, stderr = rate["value"], rate["stderr"]
    spread = "" if stderr is None else f" ± {100 * stderr:.1f}"
    return f"{100 * (value or 0.0):.1f}{spread} %"


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.items())


def _failure(result: Result) -> str:
    where = result.task_id or f"sample {result.index + 1}"
    test = f" {result.first_failure.test}" if result.first_failure else ""
    text = f"{where}{test}: {result.evidence}"
    return text if len(text) <= 200 else f"{text[:196]} ..."
