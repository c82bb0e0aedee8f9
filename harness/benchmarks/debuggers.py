"""Debuggers and simple baselines on failing programs with known faulty lines.

Each case is examined once, and every debugger is asked about the same examination. The truth is
read here, after the answers. What is counted:

- first, three: a faulty line is named first, or among the first three;
- overlap: lines of the named statement and faulty lines, intersection over union;
- agreement: an edit, value or decision on the first line makes a failing input right;
- answered: a line was named; own: by the model itself, not by the trace that it fell back to;
- seconds: of the examination and the debugger, for a baseline of the baseline alone.

Without a truth a case counts for answered, agreement, seconds and tokens only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from egca.debuggers import Debugger, open_debugger
from egca.debuggers.base import Run, bounded, in_a_loop, one_at_a_time
from egca.debuggers.registry import check_name
from egca.errors import EgcaError, InputError
from egca.execution import Sandbox
from egca.jsonlines import json_lines
from egca.localization import Localization
from egca.localization.examination import Examination, examined
from egca.localization.ops import OPS
from egca.problems import case_of
from egca.types import first_lines
from harness.benchmarks.baselines import BASELINES, Baseline
from harness.provenance import provenance

SHARES = ("answered", "first", "three", "overlap", "agreement", "own")
N_RESAMPLES = 2_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Answer:
    """What one debugger said of one case. span: lines of the named statement."""

    case_id: str
    group: str
    faulty: frozenset[int]
    lines: tuple[int, ...] = ()
    span: tuple[int, ...] = ()
    is_confirmed: bool = False
    is_own: bool = True
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    is_cached: bool = False  # a reply was on disk, so that its seconds say nothing
    error: str = ""

    def shares(self) -> dict[str, float | None]:
        """Each measure of this case, None where it is not defined."""
        known = bool(self.faulty)
        union = self.faulty | set(self.span)
        return {
            "answered": float(bool(self.lines)),
            "first": float(self.lines[:1] != () and self.lines[0] in self.faulty)
            if known
            else None,
            "three": float(any(x in self.faulty for x in self.lines[:3])) if known else None,
            "overlap": len(self.faulty & set(self.span)) / len(union) if known else None,
            "agreement": float(self.is_confirmed),
            "own": float(self.is_own and bool(self.lines)),
        }


def read_cases(paths: Sequence[Path], every: int) -> list[tuple[str, dict[str, Any]]]:
    """Where each case stands, and its fields; every n-th of each file. Raises: InputError."""
    found: list[tuple[str, dict[str, Any]]] = []
    for path in paths:
        for index, (number, row) in enumerate(json_lines(path)):
            where = f"{path}:{number}"
            truth = row.get("truth")
            lines = truth.get("lines") if isinstance(truth, dict) else None
            if not isinstance(lines, list) or not all(isinstance(line, int) for line in lines):
                raise InputError(
                    f'{where}: no "truth" with "lines", whole numbers; docs/debuggers.md has the '
                    "form"
                )
            case_of(row, where)
            if index % every == 0:
                found.append((where, row))
    if not found:
        raise InputError(f"{', '.join(map(str, paths))}: no cases in it")
    return found


def measure(
    debuggers: dict[str, Debugger | Baseline],
    cases: Sequence[tuple[str, dict[str, Any]]],
    seed: int,
    advance: Callable[[], None],
) -> dict[str, list[Answer]]:
    """The answers of each debugger, in the order of the cases."""
    models = [one for one in debuggers.values() if isinstance(one, Debugger)]
    n_at_once = max([one.concurrency for one in models], default=1)
    rows = in_a_loop(_measured(debuggers, cases, seed, advance, n_at_once))
    return {name: [row[name] for row in rows] for name in debuggers}


async def _measured(
    debuggers: dict[str, Debugger | Baseline],
    cases: Sequence[tuple[str, dict[str, Any]]],
    seed: int,
    advance: Callable[[], None],
    n_at_once: int,
) -> list[dict[str, Answer]]:
    with Sandbox(preload=OPS) as sandbox:
        run = one_at_a_time()

        async def one(where: str, row: dict[str, Any]) -> dict[str, Answer]:
            blank = Answer(
                str(row.get("case_id")), str(row.get("set")), frozenset(row["truth"]["lines"])
            )
            try:
                case = case_of(row, where)
                context = examined(case.candidate, None, case.problem, sandbox=sandbox)
                at = await run(context.__enter__)
            except EgcaError as error:
                advance()
                return dict.fromkeys(debuggers, _failed(blank, error))
            try:
                return {
                    name: await _asked(who, at, run, blank, seed) for name, who in debuggers.items()
                }
            finally:
                context.__exit__(None, None, None)
                advance()

        return await bounded([partial(one, where, row) for where, row in cases], n_at_once)


async def _asked(
    who: Debugger | Baseline, at: Examination, run: Run, blank: Answer, seed: int
) -> Answer:
    if not isinstance(who, Debugger):
        return await _by_baseline(who, at, run, blank, seed)
    try:
        found = await who.place(at, run)
    except EgcaError as error:
        return _failed(blank, error)
    return _answer(blank, found)


async def _by_baseline(
    who: Baseline, at: Examination, run: Run, blank: Answer, seed: int
) -> Answer:
    if not at.is_open:
        return blank
    started = time.perf_counter()
    lines = tuple(who(at, seed))
    seconds = time.perf_counter() - started
    proof = await run(at.proof_at, lines[0]) if lines else None
    is_confirmed = proof is not None and proof.confirmed
    return Answer(
        blank.case_id, blank.group, blank.faulty, lines, lines[:1], is_confirmed, True, seconds
    )


def _answer(blank: Answer, found: Localization) -> Answer:
    divergence, opinion = found.divergence, found.opinion
    if divergence is None:
        return blank
    statement = divergence.statement
    answer = Answer(
        blank.case_id,
        blank.group,
        blank.faulty,
        tuple(first_lines(divergence)),
        tuple(range(statement.line, statement.end_line + 1)),
        divergence.proof.confirmed,
        opinion is None or opinion.outcome in ("confirmed", "accepted"),
        found.seconds,
    )
    if opinion is None:
        return answer
    return replace(
        answer,
        prompt_tokens=opinion.prompt_tokens,
        completion_tokens=opinion.completion_tokens,
        cost_usd=opinion.cost_usd if opinion.n_replies else 0.0,
        is_cached=opinion.n_cached > 0,
    )


def _failed(blank: Answer, error: EgcaError) -> Answer:
    return Answer(blank.case_id, blank.group, blank.faulty, error=" ".join(str(error).split()))


def summary(answers: Sequence[Answer], seed: int) -> dict[str, Any]:
    """Figures of one debugger over some cases; shares are [mean, low, high] in percent."""
    rows = [answer.shares() for answer in answers]
    found: dict[str, Any] = {
        "n": len(answers),
        "n_errors": sum(bool(answer.error) for answer in answers),
        "n_cached": sum(answer.is_cached for answer in answers),
        "first_error": next((answer.error for answer in answers if answer.error), None),
    }
    for name in SHARES:
        values = [row[name] for row in rows if row[name] is not None]
        found[name] = _interval(np.array(values, float), seed) if values else None
    seconds = [answer.seconds for answer in answers if not (answer.error or answer.is_cached)]
    found["median_s"] = round(float(np.median(seconds)), 4) if seconds else None
    found["tokens"] = round(
        float(np.mean([a.prompt_tokens + a.completion_tokens for a in answers])), 1
    )
    costs = [answer.cost_usd for answer in answers if answer.cost_usd is not None]
    found["cost_usd"] = round(sum(costs), 4) if costs else None
    return found


def _interval(values: Any, seed: int) -> list[float]:
    """[mean, low, high] in percent: the bootstrap's percentiles over resampled cases."""
    draws = np.random.default_rng(seed).integers(0, len(values), (N_RESAMPLES, len(values)))
    means = values[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [round(100 * float(x), 1) for x in (values.mean(), low, high)]


def document(
    answers: dict[str, list[Answer]], command: str, seed: int, names: Sequence[str]
) -> dict[str, Any]:
    """What is written to results/measured: by debugger, for all cases and by set."""
    tables: dict[str, dict[str, Any]] = {}
    for name, listed in answers.items():
        groups = sorted({answer.group for answer in listed})
        tables[name] = {"all": summary(listed, seed)} | {
            group: summary([a for a in listed if a.group == group], seed) for group in groups
        }
    head = provenance(command, paths=("egca", "harness", "prompts"), seed=seed, packages=("egca",))
    about = {"level": LEVEL, "n_resamples": N_RESAMPLES, "cases": list(names)}
    return {"provenance": head, **about, "debuggers": tables}


def open_all(names: Sequence[str], options: dict[str, Any]) -> dict[str, Debugger | Baseline]:
    """Debuggers and baselines by name. Raises: InputError, ProviderError."""
    for name in names:
        if name not in BASELINES:
            check_name(name)  # a misspelt one is known before a model is loaded
    found: dict[str, Debugger | Baseline] = {}
    for name in names:
        if name in BASELINES:
            found[name] = BASELINES[name]
        else:
            found[name] = open_debugger(name, **({} if name == "trace" else options))
    return found


def predictions(answers: dict[str, list[Answer]]) -> list[str]:
    """A JSON line for each answer."""
    return [
        json.dumps(
            {
                "debugger": name,
                "case_id": one.case_id,
                "line": one.lines[0] if one.lines else None,
                "ranked_lines": list(one.lines),
                "is_confirmed": one.is_confirmed,
                "is_own": one.is_own,
                "seconds": round(one.seconds, 4),
                "tokens": one.prompt_tokens + one.completion_tokens,
                **({"error": one.error} if one.error else {}),
            }
        )
        for name, listed in answers.items()
        for one in listed
    ]
