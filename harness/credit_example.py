"""A group of four completions of one problem, with evidence from real runs, to show credit on.

Small enough to be drawn whole. Tokens are those of a regular expression; located tokens, repairs
and steps come from `localize`, statements from the parser. On the first failing input alone stands
what was executed, since that is the run that is traced."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from egca.credit import Evidence, TokenRepair, group_advantages, token_repair, tokens_in_span
from egca.execution import Sandbox
from egca.localization import localize
from egca.localization.ops import OPS
from egca.localization.result import Localization, Step
from egca.problems import Example, Problem
from egca.types import Mode, Repair, SourceMap, Span

REFERENCE = """\
def total_above(values, limit):
    total = 0
    for value in values:
        if value > limit:
            total += value
    return total
"""
_GUARD = "    if limit is None:\n        return 0\n"
PROGRAMS = {
    "passes": REFERENCE,
    "wrong comparison": REFERENCE.replace(">", ">="),
    "wrong initial value": REFERENCE.replace("    total = 0\n", f"{_GUARD}    total = 1\n"),
    "raises": REFERENCE.replace("+= value", "+= values"),
}
PROBLEM = Problem(
    task_id="total_above",
    entry_point="total_above",
    tests=(
        Example("test 1", args=([2, 9, 4], 3), expected=13),
        Example("test 2", args=([8, 3, 5], 3), expected=13),
        Example("test 3", args=([1], 3), expected=0),
    ),
    reference=REFERENCE,
)
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s]+)|\s+$")


@dataclass(frozen=True, slots=True)
class Shown:
    """One completion: what it does, its text, the characters of each token, and the evidence."""

    title: str
    text: str
    offsets: list[tuple[int, int]]
    evidence: Evidence


class Vocabulary:
    """Ids for the pieces that a regular expression finds, in the order they come up."""

    def __init__(self) -> None:
        self.pieces: dict[str, int] = {}

    def encode(self, text: str) -> list[int]:
        """Ids of a text, equal pieces alike."""
        return [self.pieces.setdefault(piece, len(self.pieces)) for piece in _TOKEN.findall(text)]

    def text(self, token_ids: tuple[int, ...]) -> str:
        """The text of some ids."""
        pieces = list(self.pieces)
        return "".join(pieces[token] for token in token_ids)


def group() -> tuple[list[Shown], Vocabulary]:
    """The four completions with their evidence; runs each in the sandbox."""
    vocabulary = Vocabulary()
    with Sandbox(preload=OPS) as sandbox:
        found = [localize(text, None, PROBLEM, sandbox=sandbox) for text in PROGRAMS.values()]
    shown = [_shown(title, one, vocabulary) for title, one in zip(PROGRAMS, found, strict=True)]
    advantages = group_advantages([one.evidence.reward for one in shown], len(shown))
    return [
        replace(one, evidence=replace(one.evidence, advantage=float(advantage)))
        for one, advantage in zip(shown, advantages, strict=True)
    ], vocabulary


def _shown(title: str, found: Localization, vocabulary: Vocabulary) -> Shown:
    text = found.program.source
    offsets = [match.span() for match in _TOKEN.finditer(text)]
    statements = [_tokens(offsets, span) for span in _statements(text)]
    ids = vocabulary.encode(text)
    divergence = found.divergence
    if divergence is None:  # it is the reference: aligned with itself
        evidence = Evidence(
            ids,
            1.0,
            0.0,
            Mode.CORRECT,
            statements=statements,
            executed=range(len(ids)),
            steps=range(len(statements)),
        )
        return Shown(title, text, offsets, evidence)
    steps = _steps(found)
    ours = [step.candidate.span for step in found.traces if step.candidate is not None]
    unequal = [
        step.candidate.span
        for step in found.traces
        if step.candidate is not None and not step.is_equal
    ]
    place = _statements_at(text, statements, [divergence.span])  # as credit.span has it by default
    failing = found.failing
    raised = failing.actual.failure if failing is not None else None
    repair = divergence.repair
    evidence = Evidence(
        ids,
        0.0,
        0.0,
        divergence.mode,
        divergence.cause,
        raised.type if raised else "",
        located=_statements_at(text, statements, [raised.frames[-1]]) if raised else place,
        late=_statements_at(text, statements, unequal[-1:]),
        unconfirmed=_statements_at(text, statements, unequal[:1]),
        exception_located=place if raised else (),
        statements=statements,
        executed=_header(text, offsets) + _statements_at(text, statements, ours),
        steps=steps,
        dies_at=_death(text, steps, divergence.span),
        repair=None if repair is None else _in_tokens(repair, ids, offsets, text, vocabulary),
    )
    return Shown(title, text, offsets, evidence)


def _in_tokens(
    repair: Repair,
    ids: list[int],
    offsets: list[tuple[int, int]],
    text: str,
    vocabulary: Vocabulary,
) -> TokenRepair | None:
    where = (repair.span.start, repair.span.end)
    return token_repair(ids, offsets, text, where, repair.replacement, vocabulary.encode)


def _death(text: str, steps: list[int | None], place: Span) -> int:
    """The step of the statement at a place; the one behind those before it, if it has none."""
    behind = 0
    for span, step in zip(_statements(text), steps, strict=True):
        if span.start <= place.start < span.end:
            return behind if step is None else step
        behind = behind if step is None else step + 1
    return behind


def _header(text: str, offsets: list[tuple[int, int]]) -> list[int]:
    """The tokens of the function's own header, which every test executes."""
    end = _statements(text)[0].start
    return [token for token, (_, stop) in enumerate(offsets) if stop <= end]


def _statements(text: str) -> list[Span]:
    """Spans of the statements inside the function in the order of the text, headers only."""
    source_map = SourceMap(text)
    nodes = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef)
    ]
    spans = []
    for node in sorted(nodes, key=lambda node: node.lineno):
        span = source_map.span_of(node)
        body = getattr(node, "body", None)
        end = source_map.span_of(body[0]).start if body else span.end
        header = text[span.start : end].rstrip()
        spans.append(source_map.span(span.start, span.start + len(header)))
    return spans


def _tokens(offsets: list[tuple[int, int]], span: Span) -> list[int]:
    return tokens_in_span(offsets, (span.start, span.end))


def _statements_at(text: str, statements: list[list[int]], places: list[Span]) -> list[int]:
    """The tokens of the statements that some places lie in."""
    spans = _statements(text)
    hit = {
        i
        for i, span in enumerate(spans)
        for place in places
        if span.start <= place.start < span.end
    }
    return [token for i in sorted(hit) for token in statements[i]]


def _steps(found: Localization) -> list[int | None]:
    """For each statement the one of the reference that it shares most equal events with."""
    theirs = _statements(REFERENCE)
    steps: list[int | None] = []
    for span in _statements(found.program.source):
        votes = Counter(
            k
            for ours, other in _pairs(found)
            if span.start <= ours.span.start < span.end
            for k, reference in enumerate(theirs)
            if reference.start <= other.span.start < reference.end
        )
        steps.append(votes.most_common(1)[0][0] if votes else None)
    return steps


def _pairs(found: Localization) -> Iterator[tuple[Step, Step]]:
    for step in found.traces:
        if step.candidate is not None and step.reference is not None:
            yield step.candidate, step.reference
