"""Localizing by difference: for programs that are close to their reference, without any search.

The hunks between the two (hunks.py) are isolated as Zeller isolates cause-effect chains ("Isolating
cause-effect chains from computer programs", 2002): with all of them applied every test passes, and
a hunk is at fault if with all but it a test fails; a difference that changes nothing is none. So a
few runs find a whole set of faults, also where no single edit repairs the program. The divergence
is the fault that the first failing run meets first. All variants are compiled in at once
(schemata.py) and run in one child."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from egca.execution import Limits, Sandbox
from egca.execution.answers import Answer, digest_of
from egca.execution.compare import equal
from egca.execution.expectations import IN_MEMORY, GroundTruth, call_of, is_unknown, written_answer
from egca.execution.one_child import OneChild, SessionSource
from egca.execution.reports import MAX_SOURCE, believed
from egca.execution.session import SessionDied
from egca.execution.wire import WireError, decode
from egca.localization.edit_text import as_text
from egca.localization.edits import Edit, anchor_span, statement_of
from egca.localization.explain import short_code
from egca.localization.hunks import hunks_between
from egca.localization.locate import parse_reference
from egca.localization.plain_child import PlainChild
from egca.localization.schemata import Schemata, build
from egca.localization.search import BASE_S, BASE_TICKS, RECURSION, WAIT_S
from egca.localization.tame import is_tame_source
from egca.localization.variants import RAISED, VALUE
from egca.problems import Example, Problem
from egca.structure.normalise import parse
from egca.types import Cause, Divergence, Mode, Program, Proof, SourceMap

MAX_HUNKS = 12  # of a program with more its reference says little
MIN_SHARE = 0.2  # of both programs that is the same; below, a hunk is no small place
# Several faults are believed only of a program that is built like its reference: between programs
# of two authors, differences that need each other pass for faults.
MIN_SHARE_OF_SEVERAL = 0.4
_OF_SEVERAL = frozenset(("expression", "statement"))
TOTAL_S = 1.0  # of all runs of one program
# The line was right for 571 of 574 generated students and 38 of 44 programs of other authors.
CONFIDENCE = 0.97
_LIMITS = Limits(program_s=60.0)  # of a child; single runs end by ticks and their own clock


@dataclass(frozen=True, slots=True)
class Fault:
    """A hunk at fault. index: among the hunks in the order of the text."""

    index: int
    edit: Edit


@dataclass(frozen=True, slots=True)
class Isolated:
    """What was found about one program.

    faults: in the order in which the first failing run meets them, those it does not meet last; all
    together they make every test pass, and none can be left out. failing: indices of failing tests.
    """

    program: Program
    tree: ast.Module
    faults: tuple[Fault, ...]
    failing: tuple[int, ...]
    n_hunks: int

    def divergence(self, wants_repair: bool = True) -> Divergence:
        """The first fault as a place. wants_repair: the text of a repair, where one fault is all
        and there is a text that says it.

        Moments, values and alternatives are left out: nothing was traced.
        """
        edit = self.faults[0].edit
        source = self.program.source
        source_map = SourceMap(source)
        span = anchor_span(source_map, edit)
        n_failing, n_faults = len(self.failing), len(self.faults)
        repair = None
        if n_faults == 1:
            said = "with this edit every test passes"
            if wants_repair:
                repair = as_text(self.tree, source_map, edit)
        else:
            lines = ", ".join(str(one.edit.anchor.lineno) for one in self.faults)
            said = (
                f"with {n_faults} places as in the reference (lines {lines}) every test passes, and"
                " with this one left as it is a test fails"
            )
        code = short_code(source[span.start : span.end])
        return Divergence(
            mode=Mode.LOGIC,
            cause=Cause.WRONG_OUTPUT,
            span=span,
            statement=statement_of(source_map, self.tree, span),
            confidence=CONFIDENCE,
            sentence=f"line {span.line}: `{code}` differs from the reference; {said}",
            proof=Proof("edit", n_failing, n_failing, said),
            completion_span=self.program.completion_range(span.start, span.end),
            repair=repair,
        )


class QuickStage:
    """Localizes by difference. One child serves many programs that are plain (tame.py).

    truth: what is known of references, where tests leave it to them what is right.
    """

    def __init__(self, sandbox: Sandbox, truth: GroundTruth = IN_MEMORY) -> None:
        self._sandbox = sandbox
        self._truth = truth
        self._shared = PlainChild(sandbox)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shared.close()

    def isolate(self, program: Program, problem: Problem) -> Isolated | None:
        """The faults of a program that fails.

        None where this stage cannot tell: tests that are code, no reference, another structure,
        differences that do not come apart.
        Raises: SandboxError if no child can be had, ProblemError for a reference that does not run.
        """
        if problem.kind != "function" or problem.reference is None:
            return None
        if not all(isinstance(test, Example) for test in problem.tests):
            return None
        tree = parse(program.source) if len(program.source) <= MAX_SOURCE else None
        if tree is None:
            return None
        between = hunks_between(tree, parse_reference(problem.reference), problem.entry_point)
        if between is None:
            return None
        hunks, share = between
        if not 0 < len(hunks) <= MAX_HUNKS or share < MIN_SHARE:
            return None
        edits = [hunk.edit for hunk in hunks]
        try:
            schemata = build(tree, edits)
        except (SyntaxError, ValueError, RecursionError):
            return None
        try:
            found = self._isolated(program, problem, tree, edits, schemata)
        except SessionDied:
            return None
        if found is not None and len(found.faults) > 1:
            kinds = {fault.edit.kind for fault in found.faults}
            if share < MIN_SHARE_OF_SEVERAL or not kinds <= _OF_SEVERAL:
                return None
        return found

    def _isolated(
        self,
        program: Program,
        problem: Problem,
        tree: ast.Module,
        edits: Sequence[Edit],
        schemata: Schemata,
    ) -> Isolated | None:
        n = len(edits)
        everything = frozenset(range(n))
        sets = [everything, *(everything - {i} for i in range(n) if n > 1)]
        is_plain = is_tame_source(program.source) and is_tame_source(problem.reference or "")
        child = self._shared.for_next() if is_plain else OneChild(self._sandbox, _LIMITS)
        with _Variants(problem, schemata, child, is_plain, self._wanted(problem)) as variants:
            rows = variants.run(sets)
            if rows is None or not all(rows[0]):
                return None
            *others, plain = rows
            failing = [i for i, right in enumerate(plain) if not right]
            faults = [i for i in range(n) if n == 1 or not all(others[1 + i])]
            if not failing or not faults:
                return None
            if len(faults) < n - 1:  # are those left out together harmless as each is alone?
                rows = variants.run([frozenset(faults)])
                if rows is None or not all(rows[0]):
                    return None
            order = variants.order_of(failing[0])
        faults.sort(key=lambda i: (order.get(i, len(order)), i))
        found = tuple(Fault(i, edits[i]) for i in faults)
        return Isolated(program, tree, found, tuple(failing), n)

    def _wanted(self, problem: Problem) -> list[Answer | None]:
        """What each test wants, as the wire has it; None for what only a comparison can tell."""
        tests = [test for test in problem.tests if isinstance(test, Example)]
        if not any(map(is_unknown, tests)):
            return [written_answer(test) for test in tests]
        known = self._truth.expected(problem, self._sandbox, self._sandbox.limits).answers
        return [known[i] if i in known else written_answer(test) for i, test in enumerate(tests)]


class _Variants:
    """The program with any of its hunks applied, on all tests, in one child."""

    def __init__(
        self,
        problem: Problem,
        schemata: Schemata,
        child: SessionSource,
        is_shared: bool,
        wanted: Sequence[Answer | None],
    ) -> None:
        self._wanted = wanted
        self._tests = [test for test in problem.tests if isinstance(test, Example)]
        self._comparison = problem.comparison
        self._schemata = schemata
        self._child = child
        self._is_shared = is_shared
        self._asked: list[list[int]] = []
        self._payload: dict[str, Any] | None = {
            "code": schemata.payload(),
            "n_slots": schemata.n_slots,
            "switches": [],
            "reload": sorted(schemata.module_level),
            "is_stateful": schemata.is_stateful,
            "entry_point": problem.entry_point,
            "kind": problem.kind,
            "calls": [call_of(test).encoded for test in self._tests],
            "uses_random": schemata.uses_random,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._is_shared and isinstance(self._child, OneChild):
            self._child.close()

    def run(self, sets: Sequence[frozenset[int]]) -> list[list[bool]] | None:
        """For each set of hunks, and at last for none, whether each test passes.

        None if that took too long. Raises: SessionDied.
        """
        switches = [
            [list(pair) for i in sorted(one) for pair in self._schemata.switches[i]] for one in sets
        ]
        request = {
            "program": self._payload,
            "switches": switches,
            "ticks": BASE_TICKS,
            "call_s": BASE_S,
            "recursion": RECURSION,
            "total_s": TOTAL_S,
        }
        session = self._child.session()
        answer = session.call(
            "egca.localization.variants:subsets", request, TOTAL_S + BASE_S + WAIT_S
        )
        self._payload = None  # it is loaded
        if answer is None:
            return None
        return believed(lambda: self._read(answer, len(sets) + 1))

    def order_of(self, test: int) -> dict[int, int]:
        """When the program as it is came to each hunk in the run of a test: hunk -> place."""
        found: dict[int, int] = {}
        owners = {
            slot: i for i, pairs in enumerate(self._schemata.switches) for slot, _ in pairs[:1]
        }
        for slot in self._asked[test]:
            if slot in owners:
                found.setdefault(owners[slot], len(found))
        return found

    def _read(self, answer: Any, n_rows: int) -> list[list[bool]]:
        rows, outputs, asked = answer
        if len(rows) != n_rows or any(len(row) != len(self._tests) for row in rows):
            raise ValueError("rows that were not asked for")
        if len(asked) != len(self._tests) or not all(type(s) is int for row in asked for s in row):
            raise ValueError("slots that are none")
        self._asked = asked
        known: dict[tuple[int, int], bool] = {}
        found: list[list[bool]] = []
        for row in rows:
            for place in enumerate(row):
                if place not in known:
                    known[place] = self._is_right(place[0], bytes(outputs[place[1]]))
            found.append([known[place] for place in enumerate(row)])
        return found

    def _is_right(self, test: int, output: bytes) -> bool:
        kind, data = output[:1], output[1:]
        example, wanted = self._tests[test], self._wanted[test]
        if wanted is not None and wanted.failure is not None:
            if wanted.failure.cause is not Cause.EXCEPTION:
                return True  # the reference gives no answer: the test is skipped
            return kind == RAISED and data.decode(errors="replace") == wanted.failure.type
        if kind != VALUE:
            return False
        if wanted is not None:
            if wanted.is_same(data, None if wanted.digest is None else digest_of(data)):
                return True
            if wanted.digest is not None:
                return False
        expected = wanted.outcome.value if wanted is not None else example.expected
        try:
            return equal(expected, decode(data), example.comparison or self._comparison)
        except WireError:
            return False
