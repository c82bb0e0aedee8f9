"""A localization as JSON: the versioned document that `egca localize --json` writes.

Fields are described in docs/json.md and in
localization.schema.json beside this file; a field may be added within version 1, none removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from egca.localization.render import wording
from egca.localization.render.runs import window
from egca.localization.render.values import exact_json, glimpse, text_of
from egca.localization.result import AlignedStep, Localization, Opinion, Step
from egca.types import (
    Divergence,
    Failure,
    Outcome,
    Program,
    Repair,
    Span,
    Suspect,
    TestResult,
    first_lines,
)

SCHEMA = "egca.localization/1"
MAX_STEPS = 2000
MAX_CHARS = 10_000

Json = dict[str, Any]


def document(
    found: Localization, *, max_steps: int = MAX_STEPS, max_chars: int = MAX_CHARS
) -> Json:
    """The whole localization as data that `json.dumps(..., allow_nan=False)` accepts.

    Args:
        max_steps: aligned steps written, those around the divergence.
        max_chars: length of a value's text; what is longer loses its middle and says so.
    """
    from egca import __version__

    divergence = found.divergence
    return {
        "schema": SCHEMA,
        "egca": __version__,
        "task_id": found.problem.task_id,
        "kind": found.problem.kind,
        "entry_point": found.problem.entry_point,
        "summary": wording.title(found),
        "mode": _mode(found),
        "cause": found.verdict.cause.value,
        "evidence": found.verdict.evidence,
        "n_tests": found.n_tests,
        "n_failing": found.n_failing,
        "program": _program(found.program),
        "reference": None if found.reference is None else _program(found.reference),
        "divergence": None if divergence is None else _divergence(divergence, max_chars),
        "failing": None if found.failing is None else _failing(found, found.failing, max_chars),
        "failure": _failure(found.verdict.failure),
        "trace": _trace(found, max_steps, max_chars),
        "seconds": round(found.seconds, 6),
        "notes": list(found.notes),
        "debugger": None if found.opinion is None else opinion_data(found.opinion),
    }


def opinion_data(opinion: Opinion) -> Json:
    """Who was asked besides the trace, and what it took."""
    return {
        "name": opinion.debugger,
        "model": opinion.model,
        "prompt": opinion.prompt,
        "prompt_sha256": opinion.prompt_sha256,
        "sampling": dict(opinion.sampling),
        "outcome": opinion.outcome,
        "fell_back": opinion.fell_back,
        "was_asked_again": opinion.was_asked_again,
        "reason": opinion.reason,
        "confidence": opinion.confidence,
        "refused": list(opinion.refused),
        "n_replies": opinion.n_replies,
        "n_cached": opinion.n_cached,
        "prompt_tokens": opinion.prompt_tokens,
        "completion_tokens": opinion.completion_tokens,
        "cost_usd": opinion.cost_usd,
        "seconds": round(opinion.seconds, 6),
        "transcript": [
            {"role": message.role, "content": message.content} for message in opinion.transcript
        ],
    }


def _mode(found: Localization) -> str | None:
    if found.divergence is not None:
        return found.divergence.mode.value
    return None if found.verdict.mode is None else found.verdict.mode.value


def value_data(value: Any, max_chars: int) -> Json:
    """A value as its Python text, and as JSON where that is exact and not cut."""
    text = text_of(value)
    data: Json = {"type": getattr(value, "type_name", type(value).__name__)}
    if len(text) > max_chars:
        return {**data, "text": glimpse(value, max_chars), "is_cut": True}
    is_exact, plain = exact_json(value)
    data["text"] = text
    return {**data, "json": plain} if is_exact else data


def _program(program: Program) -> Json:
    return {"source": program.source, "is_completion": program.completion is None}


def _span(span: Span) -> Json:
    return {
        "start": span.start,
        "end": span.end,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _divergence(divergence: Divergence, max_chars: int) -> Json:
    proof, moment = divergence.proof, divergence.moment
    has_values = divergence.has_values
    return {
        "sentence": divergence.sentence,
        "span": _span(divergence.span),
        "statement": _span(divergence.statement),
        "completion_span": None
        if divergence.completion_span is None
        else list(divergence.completion_span),
        "ranked_lines": first_lines(divergence),
        "confidence": round(divergence.confidence, 6),
        "reason": divergence.reason,
        "target": divergence.target,
        "actual": value_data(divergence.actual, max_chars) if has_values else None,
        "expected": value_data(divergence.expected, max_chars) if has_values else None,
        "moment": None
        if moment is None
        else {
            "input_index": moment.input_index,
            "occurrence": moment.occurrence,
            "function": moment.function,
            "call": moment.call,
            "iteration": moment.iteration,
        },
        "proof": {
            "kind": proof.kind,
            "is_confirmed": proof.confirmed,
            "n_repaired": proof.n_repaired,
            "n_failing": proof.n_failing,
            "text": proof.text,
        },
        "repair": None if divergence.repair is None else _repair(divergence.repair),
        "alternatives": [_suspect(suspect) for suspect in divergence.alternatives],
        "notes": list(divergence.notes),
    }


def _repair(repair: Repair) -> Json:
    return {
        "span": _span(repair.span),
        "original": repair.original,
        "replacement": repair.replacement,
        "source": repair.source,
    }


def _suspect(suspect: Suspect) -> Json:
    return {
        "span": _span(suspect.span),
        "statement": _span(suspect.statement),
        "score": round(suspect.score, 6),
        "reason": suspect.reason,
    }


def _failing(found: Localization, failing: TestResult, max_chars: int) -> Json:
    stdin = wording.failing_stdin(found) if found.problem.kind == "script" else None
    return {
        "name": failing.name,
        "input": wording.call_text(found, max_chars),
        "args": [value_data(argument, max_chars) for argument in failing.args],
        "stdin": stdin,
        "expected": value_data(failing.expected, max_chars)
        if wording.has_expected(found)
        else None,
        "actual": _outcome(failing.actual, max_chars),
        "cause": failing.cause.value,
        "detail": failing.detail,
    }


def _outcome(outcome: Outcome, max_chars: int) -> Json:
    return {
        "value": value_data(outcome.value, max_chars) if outcome.ok else None,
        "failure": _failure(outcome.failure),
        "stdout": outcome.stdout,
        "seconds": round(outcome.seconds, 6),
    }


def _failure(failure: Failure | None) -> Json | None:
    if failure is None:
        return None
    return {
        "cause": failure.cause.value,
        "type": failure.type,
        "message": failure.message,
        "frames": [_span(frame) for frame in failure.frames],
    }


def _trace(found: Localization, max_steps: int, max_chars: int) -> Json:
    first, last = _kept(found.traces, max_steps)
    return {
        "n_steps": len(found.traces),
        "first_step": first,
        "is_truncated": found.is_truncated,
        "steps": [_aligned(step, max_chars) for step in found.traces[first:last]],
    }


def _kept(traces: Sequence[AlignedStep], max_steps: int) -> tuple[int, int]:
    """[first, last) of the steps that are written: around the divergence if they are too many."""
    if len(traces) <= max_steps:
        return 0, len(traces)
    first, last = window(traces, before=max_steps // 2, after=max_steps - max_steps // 2 - 1)
    return first, last


def _aligned(step: AlignedStep, max_chars: int) -> Json:
    return {
        "is_equal": step.is_equal,
        "is_divergence": step.is_divergence,
        "candidate": None if step.candidate is None else _step(step.candidate, max_chars),
        "reference": None if step.reference is None else _step(step.reference, max_chars),
    }


def _step(step: Step, max_chars: int) -> Json:
    return {
        "kind": step.kind,
        "span": _span(step.span),
        "target": step.target,
        "value": value_data(step.value, max_chars),
        "iteration": step.iteration,
        "call": step.call,
    }
