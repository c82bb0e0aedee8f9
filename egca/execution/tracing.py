"""Ops that run instrumented programs; they run in the sandbox's child, beside the program.

`load` takes the code of a rewritten program, `trace` records calls, `intervene` repeats a call
with values replaced. Each call starts from a freshly executed module, so that a trace and the
interventions in it see the same run; calls that are to come before it are made there first, neither
recorded nor changed. The typed side in the parent is egca/execution/tracer.py."""

from __future__ import annotations

import marshal
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from egca.execution import failures, program
from egca.execution.instrument import bind
from egca.execution.patching import Patch, Patcher
from egca.execution.recorder import Recorder, TraceLimits

# Frames that hooks need on top of the program's own near the recursion limit.
_HOOK_FRAMES = 24
_set_recursion_limit = sys.setrecursionlimit
# Steps of an unpatched run whose number is not known; about a second.
_BASE_STEPS = 2_000_000


def load(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Take a program with hooks in it; nothing of it is executed yet.

    Several may be in one process: each is known by its number.

    payload: number, source, code (Instrumented.marshalled, or None for a program that has none, to
    learn why), kind, entry_point, call_s, stdout_bytes, value_bytes, limits (TraceLimits, a list).
    Yields {"failure": None or data}.
    """
    program.begin()
    traced = state.setdefault("traced", {})[payload["number"]] = dict(payload)
    source, ready = payload["source"], payload["code"]
    failure = None
    if ready is None:
        plain = program.compile_program(source, payload["call_s"])
        bare, failure = plain.value, plain.failure
    else:
        bare = marshal.loads(ready)
    if failure is None:
        recorder = Recorder(TraceLimits(*payload["limits"]))
        traced.update(bare=bare, recorder=recorder, code=_bound(bare, recorder), patcher=None)
    yield {"failure": failure}


def _bound(bare: types.CodeType, hooks: Any) -> types.CodeType:
    return bind(bare, hooks.hooks())


def trace(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Record calls; one frame for each.

    payload: number, calls [{args, kwargs: encoded, stdin}], call_s.
    Yields what program.frames does, and sites (int32), values (packed), later (site, count, ...),
    n_steps and truncated.
    """
    state = state["traced"][payload["number"]]
    recorder: Recorder = state["recorder"]
    for call in payload["calls"]:
        recorder.begin()
        frame = _run(state, state["code"], call, payload["call_s"], True, recorder.begin)
        recording = recorder.finish()
        if recording.hit_step_limit:
            frame["failure"] = _step_failure(frame["failure"])
        frame.update(
            sites=recording.sites.tobytes(),
            values=recording.values,
            later=[part for item in recording.later.items() for part in item],
            n_steps=recording.n_steps,
            truncated=recording.is_truncated,
        )
        yield frame


def intervene(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Repeat a call once for each set of patches; one frame for each.

    payload: number, call, call_s, args_after, runs [[[site, occurrence, encoded value or None to
    flip], ...], ...], n_steps: bound for each run, or None: four times that of the unpatched run
    and a thousand.
    Yields what program.frames does, and n_applied, n_steps.
    """
    state = state["traced"][payload["number"]]
    if state["patcher"] is None:
        patcher = state["patcher"] = Patcher()
        state["patched_code"] = _bound(state["bare"], patcher)
    patcher, code = state["patcher"], state["patched_code"]
    call, limit = payload["call"], payload["n_steps"]
    restart = partial(patcher.begin, [], _BASE_STEPS)
    if limit is None:
        restart()
        _run(state, code, call, payload["call_s"], False, restart)
        limit = 4 * patcher.n_steps + 1000
    for run in payload["runs"]:
        patches = [Patch(site, n, value, value is None) for site, n, value in run]
        begin = partial(patcher.begin, patches, limit)
        if "before" in call:
            restart()
        else:
            begin()
        frame = _run(state, code, call, payload["call_s"], payload["args_after"], begin)
        if patcher.hit_step_limit:
            frame["failure"] = _step_failure(frame["failure"])
        frame.update(n_applied=patcher.n_applied, n_steps=patcher.n_steps)
        patcher.finish()
        yield frame


def _step_failure(failed: dict[str, Any] | None) -> dict[str, Any]:
    """A run over its steps is a timeout, whatever the program made of it; the place is kept."""
    frames = failed["frames"] if failed is not None else ()
    return failures.failure("timeout", message="step limit", frames=frames)


def _run(
    state: dict[str, Any],
    code: types.CodeType,
    call: dict[str, Any],
    call_s: float,
    wants: bool,
    begin: Callable[[], None],
) -> dict[str, Any]:
    """One call on a fresh module; a frame of program.frames, args_after if wanted.

    begin: to be told when calls before this one have been made, if there are any.
    """
    limit = sys.getrecursionlimit()
    _set_recursion_limit(limit + _HOOK_FRAMES)
    namespace = program.fresh_namespace("program")
    try:
        if state["kind"] == "script":
            target: Any = code
        else:
            loaded = program.guarded(
                lambda: exec(code, namespace), call_s, stdout_bytes=state["stdout_bytes"]
            )
            if loaded.failure is not None:
                return _failed(loaded.failure, loaded.stdout, loaded.seconds)
            target = program.guarded(
                lambda: program.find_entry(namespace, state["kind"], state["entry_point"]), call_s
            ).value
            if target is None:
                message = f"the program does not define {state['entry_point']}"
                return _failed(failures.failure("missing_entry_point", message=message))
        ready = {**state, "program": target}
        if "before" in call:
            earlier = {"calls": call["before"], "call_s": call_s, "program_s": call_s}
            for _ in program.frames(ready, earlier):
                pass
            begin()
        payload = {"calls": [call], "call_s": call_s, "program_s": 2 * call_s, "args_after": wants}
        return next(program.frames(ready, payload))
    finally:
        _set_recursion_limit(limit)
        namespace.clear()  # what is left of the program (generators, say) ends here, not later


def _failed(failed: dict[str, Any], stdout: str = "", seconds: float = 0.0) -> dict[str, Any]:
    return {
        "value": None,
        "failure": failed,
        "stdout": stdout,
        "seconds": seconds,
        "args_after": None,
    }
