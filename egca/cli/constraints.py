"""`egca constraints`: what a problem demands of the form of its programs."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from egca.cli.model_options import BaseUrl, MaxCost, NoCache, given_options, refuse_without_model
from egca.cli.output import print_json
from egca.cli.progress import waiting
from egca.errors import InputError

if TYPE_CHECKING:
    from egca.debuggers import Extraction
    from egca.problems import Problem


def constraints(
    reference: Annotated[
        str | None, typer.Argument(help="A correct program; - reads it from stdin.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="A task, such as HumanEval/3: its statement and reference.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Where the task is: a name or file (docs/datasets.md).")
    ] = None,
    entry_point: Annotated[
        str | None, typer.Option(help="What the tests call. Default: inferred.")
    ] = None,
    debugger: Annotated[
        str, typer.Option(help="trace (the reference's text alone), or a model as for localize.")
    ] = "trace",
    base_url: BaseUrl = None,
    max_cost: MaxCost = None,
    no_cache: NoCache = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the constraints of a problem: which turn a program away, and which are guidance.

    Each has a machine check, and holds for the reference. Status 0: shown; 2: bad input.

    Example: egca constraints right.py
    """
    from egca.debuggers import open_debugger

    options = given_options(base_url, max_cost, no_cache)
    if debugger == "trace":
        refuse_without_model(options)
    problem = _problem(reference, task, dataset, entry_point)
    opened = open_debugger(debugger, **options)
    with nullcontext() if debugger == "trace" else waiting(f"asking {debugger}"):
        found = opened.extract_constraints(problem)
    if json:
        print_json(_document(problem, found))
        return
    for line in _lines(problem, found):
        print(line)


def _problem(
    reference: str | None, task: str | None, dataset: str | None, entry_point: str | None
) -> Problem:
    from dataclasses import replace

    from egca.cli.inputs import read_source
    from egca.problems import Problem, infer_entry_point, kind_of, load_problem

    source = None if reference is None else read_source(reference)
    if source is not None:
        _check_compiles(str(reference), source)
    if task is not None:
        problem = load_problem(task, dataset)
        problem = problem if source is None else replace(problem, reference=source)
        if problem.reference is None:
            raise InputError(f"{task} has no reference; name a correct program")
        if entry_point is not None and entry_point != problem.entry_point:
            raise InputError(f'the entry point of {task} is "{problem.entry_point}"')
        _check_defines(reference or str(task), problem.reference, problem.entry_point)
        return problem
    if dataset is not None:
        raise InputError("--dataset says where a task is; name the task with --task")
    if source is None:
        raise InputError("no program given: egca constraints REF.py, or --task ID")
    name = infer_entry_point(source, None, "") if entry_point is None else entry_point
    _check_defines(str(reference), source, name)
    return Problem(name or "script", name, (), kind=kind_of(name), reference=source)


def _check_compiles(where: str, source: str) -> None:
    from ast import parse

    try:
        parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        at = where if line is None else f"{where}:{line}"
        raise InputError(
            f"{at}: the reference does not compile: {getattr(error, 'msg', None) or error}"
        ) from None


def _check_defines(where: str, source: str, entry_point: str) -> None:
    from egca.problems import near_name
    from egca.problems.entry_points import entry_points_of

    defined = entry_points_of(source)
    if entry_point and entry_point not in defined:
        near = near_name(entry_point, source)
        hint = f'did you mean "{near}"?' if near else f"it defines {', '.join(defined) or 'none'}"
        raise InputError(f'{where}: does not define "{entry_point}"; {hint}')


def _lines(problem: Problem, found: Extraction) -> list[str]:
    """The constraints as text, those in force first."""
    listed = found.constraints.constraints
    lines = [f"{problem.task_id}: {len(listed)} constraints"]
    for title, is_enforced in (
        ("A program that breaks one of these is turned away", True),
        ("Guidance, shown to models", False),
    ):
        part = [one.sentence for one in listed if one.enforced is is_enforced]
        lines += ["", f"{title}:", *(f"  {sentence}" for sentence in part)] if part else []
    if found.remarks:
        lines += ["", "Said in free text, without a check:", *(f"  {one}" for one in found.remarks)]
    if found.dropped:
        lines += ["", f"Dropped, {len(found.dropped)} in number:"]
        lines += [f"  {sentence} ({reason})" for sentence, reason in found.dropped]
    if found.opinion is not None:
        from egca.localization.render.wording import extraction_text

        lines += ["", extraction_text(found.opinion)]
    return lines


def _document(problem: Problem, found: Extraction) -> dict[str, Any]:
    from egca.localization.render.document import opinion_data

    return {
        "task_id": problem.task_id,
        "entry_point": problem.entry_point,
        **found.constraints.to_dict(),
        "sentences": found.constraints.sentences(),
        "remarks": list(found.remarks),
        "dropped": [{"constraint": one, "reason": reason} for one, reason in found.dropped],
        "n_dropped": len(found.dropped),
        "debugger": None if found.opinion is None else opinion_data(found.opinion),
    }
