"""From what a user typed to a program and its problem: files, standard input, tasks, examples.

Everything that can be wrong with it becomes an InputError of one line, before anything runs."""

from __future__ import annotations

import io
import json
import math
import sys
import tokenize
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from egca.errors import InputError
from egca.files import reason_of
from egca.problems import (
    Kind,
    Problem,
    extract_program,
    kind_of,
    load_problem,
    load_tests,
    program_of,
)
from egca.problems.entry_points import entry_points_of
from egca.problems.preamble import behind
from egca.problems.texts import check_defines, entry_point_of_texts
from egca.types import Comparison, Program

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Request:
    """What names the program and its problem on the command line; None where it was not given."""

    candidate: str | None = None
    reference: Path | None = None
    tests: Path | None = None
    entry_point: str | None = None
    task: str | None = None
    dataset: str | None = None
    example: str | None = None
    kind: Kind | None = None
    atol: float | None = None
    rtol: float | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program, its problem, and what the program is called in titles."""

    program: Program
    problem: Problem
    name: str


def load(request: Request) -> Loaded:
    """The program and the problem that a request names. Raises: InputError."""
    if request.example is not None:
        request = _example_request(request)
    if request.candidate is None:
        raise InputError(
            "no program given: egca localize CANDIDATE.py --reference REF.py --tests TESTS.py "
            "(or --example NAME; --list-examples lists them)"
        )
    if request.dataset is not None and request.task is None:
        raise InputError("--dataset says where a task is; name the task with --task")
    text = read_source(request.candidate)
    name = "standard input" if request.candidate == STDIN else _shown_path(request.candidate)
    if request.task is not None:
        problem = _task_problem(request)
    elif request.tests is not None:
        problem = _file_problem(request, text)
    else:
        raise InputError("no tests given: add --tests FILE, or --task ID for a task of a data set")
    problem = replace(problem, comparison=_comparison(request, problem.comparison))
    program = _program(request, text, problem)
    _check_entry_point(request, program, problem)
    return Loaded(program, problem, name)


def example_names() -> dict[str, str]:
    """Each shipped example with what it shows, in the order of teaching."""
    listed: dict[str, str] = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    return listed


def _example_request(request: Request) -> Request:
    names = example_names()
    if request.example not in names:
        near = get_close_matches(str(request.example), names, 1, 0.5)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(names)}"
        raise InputError(f'no example "{request.example}"; {hint}')
    given = (request.candidate, request.reference, request.tests, request.task)
    if any(value is not None for value in given):
        raise InputError("--example brings its own program, reference and tests; name no others")
    folder = EXAMPLES / request.example
    tests = next(path for path in sorted(folder.iterdir()) if path.stem == "tests")
    return replace(
        request,
        candidate=str(folder / "candidate.py"),
        reference=folder / "reference.py",
        tests=tests,
    )


def _shown_path(path: str) -> str:
    try:
        return str(Path("example") / Path(path).relative_to(EXAMPLES))
    except ValueError:
        return path


def read_source(path: str) -> str:
    """A program's text, in the encoding it declares; "-" is stdin. Raises: InputError."""
    name = "standard input" if path == STDIN else path
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: {_reason(error)}") from None
    if b"\0" in data:
        raise InputError(f"{name}: a binary file, not a program")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError):
        raise InputError(f"{name}: not text in UTF-8 or in the encoding that it declares") from None
    if not text.strip():
        raise InputError(f"{name}: empty; a program is needed")
    return text


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "a directory, not a program"
    return reason_of(error)


def _task_problem(request: Request) -> Problem:
    problem = load_problem(str(request.task), request.dataset)
    if request.entry_point is not None and request.entry_point != problem.entry_point:
        raise InputError(
            f'the entry point of {request.task} is "{problem.entry_point}", '
            f'but --entry-point says "{request.entry_point}"'
        )
    if request.tests is not None:
        tests = load_tests(request.tests, problem.entry_point)
        problem = replace(problem, tests=tests, comparison=Comparison())
    if request.reference is not None:
        problem = replace(problem, reference=read_source(str(request.reference)))
    return problem


def _file_problem(request: Request, text: str) -> Problem:
    reference = None if request.reference is None else read_source(str(request.reference))
    tests_path = request.tests
    assert tests_path is not None
    entry_point = _entry_point(request, text, reference, _tests_text(tests_path))
    return Problem(
        task_id=entry_point or tests_path.parent.name or "script",
        entry_point=entry_point,
        tests=load_tests(tests_path, entry_point),
        kind=kind_of(entry_point),
        reference=reference,
        origin=str(tests_path),
    )


def _tests_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: {_reason(error).replace('a program', 'a test file')}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: a binary file, not tests") from None


def _entry_point(request: Request, text: str, reference: str | None, tests: str) -> str:
    """What the tests call: "f", "Solution.f", or "" for a script."""
    source = extract_program(text).source if _is_completion(request) else text
    name = request.entry_point
    if name is not None and request.kind == "script":
        raise InputError("a script has no entry point; leave out --entry-point or --kind script")
    if name is None:
        name = "" if request.kind == "script" else entry_point_of_texts(source, reference, tests)
    elif request.kind == "method" and "." not in name:
        ends = [point for point in entry_points_of(source) if point.endswith(f".{name}")]
        name = ends[0] if ends else f"Solution.{name}"
    if request.kind is not None and kind_of(name) != request.kind:
        raise InputError(
            f'the tests call "{name}", a {kind_of(name)}, but --kind says {request.kind}'
        )
    return name


def _is_completion(request: Request) -> bool:
    """Whether the program has to be found in a text first: anything but a .py file."""
    return request.candidate == STDIN or not str(request.candidate).endswith(".py")


def _program(request: Request, text: str, problem: Problem) -> Program:
    prompt = problem.prompt if problem.is_prefix else None
    is_continuation = prompt is not None and not entry_points_of(text)
    if _is_completion(request) or is_continuation:
        return program_of(problem, text)
    return behind(problem.preamble, Program(text))


def _comparison(request: Request, comparison: Comparison) -> Comparison:
    for option, value in (("--atol", request.atol), ("--rtol", request.rtol)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f"{option} is {value}, but must be a number from 0 on")
    if request.atol is not None:
        comparison = replace(comparison, atol=request.atol)
    if request.rtol is not None:
        comparison = replace(comparison, rtol=request.rtol)
    return comparison


def _check_entry_point(request: Request, program: Program, problem: Problem) -> None:
    """Refuse a program that defines functions, but not the one under test."""
    where = "standard input" if request.candidate == STDIN else str(request.candidate)
    check_defines(program.source, problem.entry_point, where)
