"""What surrounds a program: code that a data set puts in front of it, and the stub it begins with.

LeetCode's judge and its like run a program behind imports that it need not write itself."""

from __future__ import annotations

import ast
import re

from egca.problems.markdown import extract_program
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.problems.problem import Problem
from egca.types import Program, Segment, SourceMap


def program_of(problem: Problem, completion: str) -> Program:
    """The program in a completion, as the problem's data set would run it."""
    prompt = problem.prompt if problem.is_prefix else None
    return behind(problem.preamble, extract_program(completion, problem.entry_point, prompt))


def whole_program_of(problem: Problem, completion: str) -> Program:
    """As program_of, for text that may restate the prompt's function without what stands above it.

    Models leave out imports and helpers that the prompt gives them; they are put in front again.
    """
    program = program_of(problem, completion)
    if not problem.is_prefix or program.source.startswith(problem.preamble + problem.prompt):
        return program
    return behind(head_of(problem.prompt, problem.entry_point), program)


def head_of(prompt: str, entry_point: str) -> str:
    r"""The part of a prompt of code that stands above the function to complete.

    >>> head_of("from typing import List\n\n\ndef f(x: List[int]):\n", "f")
    'from typing import List\n\n\n'
    """
    found = re.search(rf"^(?:async[ \t]+)?def[ \t]+{re.escape(entry_point)}\b", prompt, re.M)
    return prompt[: found.start()] if found else ""


def behind(preamble: str, program: Program) -> Program:
    """The program with the preamble in front, behind its own `from __future__` lines.

    >>> behind("import math\\n", Program("print(math.pi)")).source
    'import math\\nprint(math.pi)'
    """
    if not preamble:
        return program
    source = program.source
    at = _after_future(source)
    text = preamble if preamble.endswith("\n") else preamble + "\n"
    whole = (Segment(0, 0, len(source)),)
    segments = whole if program.completion is None else program.segments
    return Program(
        source[:at] + text + source[at:],
        source if program.completion is None else program.completion,
        tuple(part for segment in segments for part in _moved(segment, at, len(text))),
    )


def with_starter(statement: str, starter: str) -> str:
    """A statement, with the code it wants completed below it."""
    if not starter.strip():
        return statement
    return f"{statement.rstrip()}\n\nComplete this code:\n\n```python\n{starter.rstrip()}\n```\n"


def _after_future(source: str) -> int:
    """Where the line after the last `from __future__ import` begins; 0 where there is none."""
    if "__future__" not in source:
        return 0
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return 0
    lines = [
        node.end_lineno or node.lineno
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    if not lines:
        return 0
    positions = SourceMap(source)
    last = max(lines)
    # Without a line below, the preamble would end up in the same line.
    return positions.offset(last + 1, 0) if last < positions.n_lines else 0


def _moved(segment: Segment, at: int, width: int) -> list[Segment]:
    """A segment after `width` characters were put in at program character `at`."""
    start, origin, length = segment.program_start, segment.completion_start, segment.length
    before = min(max(at - start, 0), length)
    parts = [Segment(start, origin, before)] if before else []
    if before < length:
        parts.append(Segment(start + before + width, origin + before, length - before))
    return parts
