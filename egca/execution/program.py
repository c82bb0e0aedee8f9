"""Ops that load and call a program; they run in the sandbox's child, beside the program.

`load` executes its top level, `run` makes calls; `guarded` is the frame around every piece of
untrusted code, for other ops too: time limit, captured output, fixed random seed, and a failure
as data. The program may patch whatever it reaches, so this module keeps its own references, and
the program gets a copy of the builtins. Nothing here is a defence, that is the sandbox's part: a
program that breaks its own process only loses its own verdict."""

from __future__ import annotations

import _signal as _signal_core  # type: ignore[import-not-found]
import builtins
import random
import resource
import signal
import sys
import time
import types
from _sitebuiltins import Quitter
from collections.abc import Callable, Iterator
from typing import Any

from egca.execution.answers import LARGE_BYTES, digest_of
from egca.execution.capture import Capture
from egca.execution.decoding import CONTAINER_BYTES
from egca.execution.failures import FILE_NAME, base_of, failure, frames_of, value_failure
from egca.execution.finalization import discard, run_script
from egca.execution.iterators import consumed, revived
from egca.execution.protocol import MEMORY_TO_REPORT
from egca.execution.wire import decode, decode_arguments, encode_checked, type_name

_REPEAT_S = 0.1  # an alarm that the program swallowed comes again
_LATE_S = 0.05  # after the limit a value counts no more
_MAX_MESSAGE = 500
_MAX_KEPT = 1 << 25  # bytes of large values that wait to be asked for
_clock = time.perf_counter
# signal.signal is Python code that looks up names the program may replace; this is what it calls.
_setitimer = _signal_core.setitimer
_signal = _signal_core.signal
_ALARM, _REAL = signal.SIGALRM, signal.ITIMER_REAL
_random: Any = random._inst
_seed = super(random.Random, _random).seed  # random.seed's Python frames cost as much as it does
_modules = sys.modules
_text, _exact_text = str, str.__str__
_exc_info = sys.exc_info


class CallTimeout(BaseException):
    """Raised in the program by the alarm of its call."""


class Guarded:
    """How a guarded piece of code ended; failure is data for runner.failure_of, or None."""

    __slots__ = ("failure", "seconds", "stdout", "value")

    def __init__(
        self, value: Any, failure: dict[str, Any] | None, stdout: str, seconds: float
    ) -> None:
        self.value = value
        self.failure = failure
        self.stdout = stdout
        self.seconds = seconds


_armed = [False]
_has_rung = [False]  # in the code that runs now, whatever became of it there


def _on_alarm(number: int, frame: types.FrameType | None) -> None:
    # In the guard itself it would escape; there the code has just begun or ended anyway.
    if _armed[0] and not (frame is not None and frame.f_code is _GUARD):
        _has_rung[0] = True
        raise CallTimeout


_relieved: list[bool] = []


def _allow_more_memory(
    more: bool,
    *,
    _get: Any = resource.getrlimit,
    _set: Any = resource.setrlimit,
    _kind: int = resource.RLIMIT_AS,
) -> None:
    """Lift the memory limit a little while we report that it was reached."""
    _relieved[:] = [True] if more else []
    _, hard = _get(_kind)
    if hard != resource.RLIM_INFINITY:
        _set(_kind, (hard if more else hard - MEMORY_TO_REPORT, hard))


_capture: list[Capture] = []


def begin() -> Capture:
    """Make the process ready for untrusted code; idempotent. Ops call it before they load any."""
    if not _capture:
        _capture.append(Capture())
        _signal(_ALARM, _on_alarm)
        copy = types.ModuleType("builtins")
        copy.__dict__.update(vars(builtins))
        copy.__dict__.update(exit=Quitter("exit", "Ctrl-D"), quit=Quitter("quit", "Ctrl-D"))
        _modules["builtins"] = copy
    return _capture[0]


def guarded(
    call: Callable[[], Any],
    call_s: float,
    *,
    stdin: str | None = None,
    stdout_bytes: int = 1 << 20,
) -> Guarded:
    """Run a piece of untrusted code under its time limit, with its output caught.

    Never raises for what the code does. Code without bytecode, and the text of an exception that
    never ends, escape the limit; the parent's deadline ends them with the whole process.
    """
    capture = begin()
    capture.begin(stdin)
    _signal(_ALARM, _on_alarm)
    if _relieved:
        _allow_more_memory(False)
    _seed(0)
    _random.gauss_next = None
    numpy_random = _modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(0)
    value, failed, started = None, None, _clock()
    _has_rung[0] = False
    _armed[0] = True
    _setitimer(_REAL, call_s if call_s > 1e-4 else 1e-4, _REPEAT_S)
    try:
        value = call()
        _armed[0] = False
    except BaseException as error:
        _armed[0] = False
        failed = _describe(error)
    _setitimer(_REAL, 0)
    seconds = _clock() - started
    if failed is None and (_has_rung[0] or seconds > call_s + _LATE_S):  # it swallowed the alarm
        value, failed = None, failure("timeout", message="time limit")
    stdout = capture.end(stdout_bytes)
    if capture.is_over:
        capture.reopen()
        value, failed = None, failure("output_limit", message="printed more than allowed")
    return Guarded(value, failed, stdout, seconds)


_GUARD = guarded.__code__


def _describe(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    trace = _exc_info()[2]
    if issubclass(kind, MemoryError):
        _allow_more_memory(True)
    frames = frames_of(trace)
    if kind is CallTimeout:
        return failure("timeout", message="time limit", frames=frames)
    if issubclass(kind, MemoryError):
        cause = "memory"
    elif issubclass(kind, SystemExit):
        cause = "exit"
    else:
        cause = "exception"
    try:
        message = _exact_text(_text(error))[:_MAX_MESSAGE]
    except BaseException:
        message = "<its message cannot be shown>"
    return failure(cause, type_name(kind), message, frames, base_of(kind))


def _syntax_failure(error: BaseException, source: str) -> dict[str, Any]:
    """A compile error, its place in byte columns."""
    described = _describe(error)
    described["cause"] = "compile"
    if not isinstance(error, SyntaxError) or not error.lineno:
        return described
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as the compiler does
    first, last = error.lineno, error.end_lineno or error.lineno

    def column(line: int, offset: int | None) -> int | None:
        if not offset or offset < 1 or not 1 <= line <= len(lines):
            return None
        return len(lines[line - 1][: offset - 1].encode("utf-8", "surrogatepass"))

    described["message"] = str(error.msg)[:_MAX_MESSAGE]
    described["frames"] = [
        [first, last, column(first, error.offset), column(last, error.end_offset)]
    ]
    return described


def compile_program(source: str, call_s: float) -> Guarded:
    """The code object of a program, or its compile error as failure."""
    result = guarded(lambda: compile(source, FILE_NAME, "exec", dont_inherit=True), call_s)
    if result.failure is not None and result.failure["cause"] != "timeout":
        try:
            compile(source, FILE_NAME, "exec", dont_inherit=True)
        except BaseException as error:
            result.failure = _syntax_failure(error, source)
    return result


def fresh_namespace(name: str) -> dict[str, Any]:
    """The globals of a module of this name, known to sys.modules, with the program's builtins."""
    module = types.ModuleType(name)
    begin()
    module.__dict__["__builtins__"] = _modules["builtins"]
    _modules[name] = module
    return module.__dict__


def find_entry(namespace: dict[str, Any], kind: str, entry_point: str) -> Callable[..., Any] | None:
    """What to call: the function, or for "Solution.f" one that makes a fresh instance each time."""
    if kind == "method" or "." in entry_point:
        class_name, _, method = entry_point.partition(".")
        owner = namespace.get(class_name)
        if not isinstance(owner, type) or not any(method in vars(base) for base in owner.__mro__):
            return None
        return lambda *args, **kwargs: getattr(owner(), method)(*args, **kwargs)
    entry = namespace.get(entry_point)
    return entry if callable(entry) else None


def load(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Compile a program and execute its top level (a script only compiles).

    payload: source, kind, entry_point, call_s, stdout_bytes, value_bytes.
    Yields {"failure": None or data, "stdout": text}.
    """
    source, kind, entry_point = payload["source"], payload["kind"], payload["entry_point"]
    state.update(payload, program=None, is_late=False, n_calls=0, kept={})
    compiled = compile_program(source, payload["call_s"])
    if compiled.failure is not None:
        yield {"failure": compiled.failure, "stdout": ""}
        return
    if kind == "script":
        state["program"] = compiled.value
        yield {"failure": None, "stdout": ""}
        return
    namespace = fresh_namespace("program")
    executed = guarded(
        lambda: exec(compiled.value, namespace),
        payload["call_s"],
        stdout_bytes=payload["stdout_bytes"],
    )
    if executed.failure is None:
        found = guarded(lambda: find_entry(namespace, kind, entry_point), payload["call_s"])
        state["program"] = found.value
        if found.value is None:
            message = f"the program does not define {entry_point}"
            executed.failure = failure("missing_entry_point", message=message)
    yield {"failure": executed.failure, "stdout": executed.stdout}


def run(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[Any]:
    """As `frames`, but [value, digest, seconds] of a call of which there is nothing else to say."""
    for frame in frames(state, payload):
        if frame["failure"] is None and not frame["stdout"] and frame["args_after"] is None:
            yield [frame["value"], frame["digest"], frame["seconds"]]
        else:
            yield frame


def frames(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Call the loaded program; one frame for each call.

    payload: calls [{args, kwargs: encoded, stdin}], call_s, late_call_s (may be absent; once a
    call has timed out), program_s for all of them, args_after, digests (whether a large value is
    only kept here, for `kept`).
    Yields {value: encoded or None, digest: of such a value or None, failure, stdout, seconds,
    args_after: encoded or None}, and kwargs_after where there are such arguments.
    """
    deadline = _clock() + payload["program_s"]
    digests = payload.get("digests", False)
    for call in payload["calls"]:
        left_s = deadline - _clock()
        if left_s <= 0:
            yield _frame(failure("timeout", message="time limit of the whole program"))
            state["n_calls"] = state.get("n_calls", 0) + 1
            continue
        call_s = min(payload["call_s"], left_s)
        if state.get("is_late"):
            call_s = min(call_s, payload.get("late_call_s", call_s))
        if state["kind"] == "script":
            frame = _run_script(state, call, call_s)
        else:
            frame = _run_function(state, call, call_s, payload.get("args_after", False))
        if frame["failure"] is not None and frame["failure"]["cause"] == "timeout":
            state["is_late"] = True
        if digests and frame["failure"] is None and len(frame["value"]) > LARGE_BYTES:
            _keep(state, frame)
        state["n_calls"] = state.get("n_calls", 0) + 1
        yield frame


def _keep(state: dict[str, Any], frame: dict[str, Any]) -> None:
    """Put a digest in place of the value; the oldest that were kept give way."""
    data, frame["value"] = frame["value"], None
    frame["digest"] = digest_of(data)
    kept = state["kept"]
    kept[state["n_calls"]] = data
    while sum(map(len, kept.values())) > _MAX_KEPT:
        del kept[next(iter(kept))]


def kept(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[bytes | None]:
    """Yields the encoded value of an earlier call, None if it is not there any more.

    payload: number of the call since the program was loaded.
    """
    yield state["kept"].get(payload["number"])


def _frame(failed: dict[str, Any] | None, stdout: str = "", seconds: float = 0.0) -> dict[str, Any]:
    return {
        "value": None,
        "digest": None,
        "failure": failed,
        "stdout": stdout,
        "seconds": seconds,
        "args_after": None,
    }


def _run_function(
    state: dict[str, Any], call: dict[str, Any], call_s: float, wants_args: bool
) -> dict[str, Any]:
    args, kwargs = decode_arguments(call["args"]), decode(call["kwargs"])
    entry = state["program"]
    passed = revived(args)
    result = guarded(
        lambda: consumed(entry(*passed, **kwargs)),
        call_s,
        stdin=call["stdin"],
        stdout_bytes=state["stdout_bytes"],
    )
    frame = _frame(result.failure, result.stdout, result.seconds)
    if result.failure is None:
        limit = state["value_bytes"]
        frame["value"], reason = encode_checked(result.value, max_bytes=limit, partial=False)
        frame["failure"] = value_failure(reason, result.value)
    if wants_args:
        # Arguments that come back as they went there always fit.
        limit = max(state["value_bytes"], CONTAINER_BYTES * len(call["args"] + call["kwargs"]))
        frame["args_after"] = encode_checked(args, max_bytes=limit)[0]
        if kwargs:
            frame["kwargs_after"] = encode_checked(kwargs, max_bytes=limit)[0]
    return frame


def _run_script(state: dict[str, Any], call: dict[str, Any], call_s: float) -> dict[str, Any]:
    fresh_namespace("__main__")
    code = state["program"]
    result = guarded(
        lambda: run_script(code),
        call_s,
        stdin=call["stdin"] or "",
        stdout_bytes=state["stdout_bytes"],
    )
    frame = _frame(result.failure, result.stdout, result.seconds)
    if result.failure is not None:
        guarded(discard, call_s)
    else:
        frame["value"], reason = encode_checked(result.stdout, max_bytes=state["value_bytes"])
        frame["failure"] = value_failure(reason, result.stdout)
    return frame
