"""A localization as one self-contained HTML page: two programs, a slider through their runs.

The page asks nobody for anything: style and script stand in it, and its content policy allows only
these two by their hashes. Text of programs and values enters escaped, or as JSON that the script
puts into text nodes."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from string import Template
from typing import Any

from egca.localization.render import wording
from egca.localization.render.markup import program_markup
from egca.localization.render.runs import divergence_at, window
from egca.localization.render.values import glimpse_pair, plain
from egca.localization.result import AlignedStep, Localization, Step
from egca.types import Divergence, Repair

MAX_STEPS = 2000
_TEXT_LINES = 10  # of what a script read and printed
_LONG_VALUE = 600
_FRAME_HEIGHT = 760  # pixels; a sandboxed frame cannot grow with its content


def page(found: Localization, name: str = "candidate", *, has_time: bool = True) -> str:
    """The whole page. name is what the program is called in it, a file name say.

    Args: has_time: False leaves the seconds out, so that the same finding is the same page.
    """
    style, script = _asset("page.css"), _asset("page.js")
    parts = {
        "policy": f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'",
        "style": style,
        "script": script,
        "title": _text(wording.title(found)),
        "lead": _lead(found),
        "facts": _facts(found, has_time),
        "input": _input(found),
        "programs": _programs(found, name),
        "repair": _repair(found),
        "suspects": _suspects(found),
        "evidence": _evidence(found),
        "transcript": _transcript(found),
        "data": _script_json(_data(found)),
    }
    return Template(_asset("page.html")).substitute(parts)


def frame(found: Localization) -> str:
    """The page in a frame of its own, for a notebook: style and script touch nothing outside.

    Without the time: outputs of notebooks are kept, and compared with those of the next run.
    """
    shown = html.escape(page(found, has_time=False))
    return (
        f'<iframe title="egca localization" sandbox="allow-scripts" width="100%" '
        f'height="{_FRAME_HEIGHT}" style="border:0" srcdoc="{shown}"></iframe>'
    )


def _asset(name: str) -> str:
    return resources.files("egca.localization.render").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    """Foreign text as HTML: control and bidi characters shown, markup escaped."""
    return html.escape(plain(text))


def _prose(text: str) -> str:
    """A sentence of ours: what stands in backticks is code."""
    parts = _text(text).split("`")
    if len(parts) % 2 == 0:
        return _text(text)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _script_json(data: Any) -> str:
    """JSON that is safe inside a script element: no character that could end it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _lead(found: Localization) -> str:
    if found.divergence is None:
        return "Nothing to localize: it passes."
    return _prose(found.divergence.sentence)


def _facts(found: Localization, has_time: bool) -> str:
    divergence = found.divergence
    facts = []
    if divergence is not None:
        facts = [divergence.mode.value, wording.cause_text(divergence)]
        facts.append(f"confidence {wording.confidence_text(divergence.confidence)}")
        facts.append("confirmed" if divergence.proof.confirmed else "not confirmed")
    if has_time:
        facts.append(f"{found.seconds:.2f} s")
    return "".join(f"<li>{_text(fact)}</li>" for fact in dict.fromkeys(facts))


def _section(title: str, body: str, names: str = "") -> str:
    return f'<section class="card {names}"><h2>{title}</h2>{body}</section>' if body else ""


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    """A description list; the values are HTML already."""
    return "<dl>" + "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in rows) + "</dl>"


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _input(found: Localization) -> str:
    failing = found.failing
    if failing is None:
        return ""
    rows = []
    texts_of_script = wording.script_texts(found, _TEXT_LINES)
    if texts_of_script is not None:
        for label, lines in zip(("Input", "Expected", "Actual"), texts_of_script, strict=True):
            if lines is not None:
                rows.append((label, "<pre>" + "\n".join(map(_text, lines)) + "</pre>"))
        return _section("Failing input", _rows(rows), "input")
    call = wording.call_text(found, _LONG_VALUE)
    if call:
        rows.append(("Input", _code(call)))
    actual, expected = wording.actual_and_expected(found)
    texts = glimpse_pair(expected, actual, _LONG_VALUE)
    if wording.has_expected(found):
        rows.append(("Expected", _code(texts[0])))
    if failing.actual.failure is not None:
        rows.append(("Actual", _code(wording.failure_text(failing.actual))))
    elif failing.args or not wording.is_check(found):
        rows.append(("Actual", f'<span class="bad">{_code(texts[1])}</span>'))
    if failing.detail and not wording.has_expected(found):
        rows.append(("Detail", _code(failing.detail[:_LONG_VALUE])))
    return _section("Failing input", _rows(rows), "input")


def _programs(found: Localization, name: str) -> str:
    divergence = found.divergence
    mark = None if divergence is None else divergence.span
    statement = None if divergence is None else divergence.statement
    panes = [("candidate", name, program_markup(found.program.source, mark, statement))]
    if found.reference is not None:
        panes.append(("reference", "reference", program_markup(found.reference.source)))
    return "".join(
        f'<section class="pane {side}" aria-label="{side} program"><h2>{_text(label)}</h2>'
        f'<ol class="code" id="{side}" tabindex="0">{lines}</ol></section>'
        for side, label, lines in panes
    )


def _repair(found: Localization) -> str:
    repair: Repair | None = None if found.divergence is None else found.divergence.repair
    if repair is None:
        return ""
    removed, added = wording.repair_lines(repair, found.program.source)
    lines = [f'<del><span class="sign">-</span>{_text(line)}</del>' for line in removed]
    lines += [f'<ins><span class="sign">+</span>{_text(line)}</ins>' for line in added]
    return _section(
        f"Suggested repair, line {repair.span.line}", f'<pre class="diff">{"".join(lines)}</pre>'
    )


def _suspects(found: Localization) -> str:
    divergence = found.divergence
    if divergence is None:
        return ""
    items = []
    for suspect in divergence.alternatives:
        if suspect.span == divergence.span:
            continue
        code = " ".join(found.program.source[suspect.span.start : suspect.span.end].split())
        items.append(
            f'<tr><th scope="row">line {suspect.span.line}</th>'
            f"<td>{wording.confidence_text(suspect.score)}</td>"
            f"<td>{_code(glimpse_text(code))}</td><td>{_prose(suspect.reason)}</td></tr>"
        )
    return _section(
        "Other suspects",
        f'<div class="scroll"><table>{"".join(items[:8])}</table></div>' if items else "",
    )


def glimpse_text(text: str) -> str:
    """A piece of a program on one line of a table."""
    return text if len(text) <= 80 else text[:79] + "…"


def _evidence(found: Localization) -> str:
    divergence: Divergence | None = found.divergence
    rows: list[tuple[str, str]] = []
    if divergence is not None:
        rows.append(("Mode", _text(wording.mode_text(divergence))))
        rows.append(("Cause", _text(wording.cause_text(divergence))))
        when = wording.moment_text(divergence.moment)
        if when:
            rows.append(("When", _text(when)))
        rows.append(("Proof", _prose(wording.proof_text(divergence))))
        if divergence.reason:
            rows.append(("But", _prose(divergence.reason)))
        rows.append(("Confidence", wording.confidence_text(divergence.confidence)))
    if found.opinion is not None:
        said = wording.opinion_rows(found.opinion)
        rows += [(label.capitalize(), _text(text)) for label, text in said]
    rows += [("Note", _prose(note)) for note in wording.notes(found)]
    rows.append(("Tests", f"{found.n_failing} of {wording.counted(found.n_tests, 'test')} failing"))
    return _section("Evidence", _rows(rows))


def _transcript(found: Localization) -> str:
    """The dialogue with a model, folded."""
    turns = () if found.opinion is None else found.opinion.transcript
    if not turns:
        return ""
    shown = "".join(
        f"<h3>{turn.role}</h3><pre>"
        + "\n".join(_text(line) for line in turn.content.split("\n"))
        + "</pre>"
        for turn in turns
    )
    return _section(
        "Transcript", f"<details><summary>{len(turns)} turns</summary>{shown}</details>", "scroll"
    )


def _data(found: Localization) -> dict[str, Any]:
    """What the script needs: the steps, where to begin, and which names belong together."""
    traces = found.traces
    first, last = 0, len(traces)
    if last > MAX_STEPS:
        first, last = window(traces, before=MAX_STEPS // 2, after=MAX_STEPS // 2 - 1)
    at = divergence_at(traces)
    ours = wording.parameters_of(found.program.source)
    theirs = {} if found.reference is None else wording.parameters_of(found.reference.source)
    return {
        "first": first,
        "total": len(traces),
        "truncated": found.is_truncated,
        "start": 0 if at is None else at - first,
        "divergence": None if at is None else at - first,
        "hasReference": found.reference is not None,
        "pairs": name_pairs(traces),
        "steps": [
            {
                "equal": step.is_equal,
                "divergence": step.is_divergence,
                "candidate": _step(step.candidate, ours),
                "reference": _step(step.reference, theirs),
            }
            for step in traces[first:last]
        ],
    }


def _step(step: Step | None, parameters: dict[str, list[str]]) -> dict[str, Any] | None:
    if step is None:
        return None
    sets = [[plain(name), value] for name, value in wording.assigned(step, parameters)]
    text = plain(wording.step_text(step, 120))
    return {"line": step.span.line, "text": text, "sets": sets}


def name_pairs(traces: Sequence[AlignedStep]) -> dict[str, str]:
    """Candidate names to the reference names that hold the same, by how often steps agree."""
    counts: Counter[tuple[str, str]] = Counter()
    for step in traces:
        ours, theirs = step.candidate, step.reference
        if ours is None or theirs is None or not ours.target or ours.kind != theirs.kind:
            continue
        if ours.kind in ("write", "item") and theirs.target:
            counts[ours.target, theirs.target] += 2 if step.is_equal else 1
    pairs: dict[str, str] = {}
    for (ours_name, theirs_name), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if ours_name not in pairs and theirs_name not in pairs.values():
            pairs[ours_name] = theirs_name
    return pairs
