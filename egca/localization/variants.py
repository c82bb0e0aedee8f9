"""Child side of the edit search: run a program with one edit after another switched on.

These ops run inside the sandbox, next to the untrusted program, and know inputs but never what is
expected: they return what each run gave, each distinct output once, and the parent judges. Standard
library and wire only, so that the zygote stays small."""

from __future__ import annotations

import contextlib
import io
import itertools
import marshal
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from egca.execution.finalization import discard, run_script
from egca.execution.iterators import consumed
from egca.execution.program import begin, fresh_namespace
from egca.execution.wire import decode, encode

# Not two underscores: in a class body such names are mangled.
SLOT = "_egca_{}"
TICK = "_egca_tick"
MAX_OUTPUT_BYTES = 1 << 16  # an output over this is of no use to a repair
BATCH = 64
FLUSH_S = 0.02  # results wait no longer than this
RUN_TICKS = 10  # what a run costs beside its ticks
HANG_TICKS = 4_000  # what a run costs that the clock has to stop
SPARE_TICKS = 300  # that a run may take beyond some times the longest known one
MORE_BYTES = 96 << 20  # for the runs; filling more, as a list that doubles does, takes long

# Processor time, so that a machine with other work does not decide what is a timeout.
setitimer, TIMER = signal.setitimer, signal.ITIMER_PROF

TIMEOUT = b"t"  # first byte of an output: value, exception, timeout
VALUE = b"v"
RAISED = b"e"
OVER = RAISED + b"output limit"  # no exception is called that
Arguments = tuple[Callable[[Any], Any], Any]
SCALARS = frozenset({type(None), bool, int, float, str, bytes})


class _OutOfTime(BaseException):
    """The time limit of one run. A BaseException: `except Exception` must not stop it."""


def _on_alarm(*_: object) -> None:
    raise _OutOfTime


class _Null(io.TextIOBase):
    """Swallows what a program prints."""

    def write(self, text: str) -> int:
        return len(text)


class _Runner:
    """One woven program: executes its module as often as needed and calls its entry point."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.code = marshal.loads(payload["code"])
        self.n_slots: int = payload["n_slots"]
        self.switches: list[list[tuple[str, Any]]] = [
            [(SLOT.format(slot), value) for slot, value in pairs] for pairs in payload["switches"]
        ]
        self.slots = {SLOT.format(slot): 0 for slot in range(self.n_slots)}
        self.uses_random: bool = payload["uses_random"]
        self.null: Any = _Null()
        self.capture = begin()
        self.reload: set[int] = set(payload["reload"])
        self.entry_point: str = payload["entry_point"]
        self.kind: str = payload["kind"]
        self.calls: list[dict[str, Any]] = payload["calls"]
        self.arguments = [_arguments(call) for call in self.calls]
        self.before = [[*map(_arguments, call.get("before", ()))] for call in self.calls]
        self.is_stateful: bool = payload["is_stateful"] or any(self.before)
        self.namespace: dict[str, Any] = fresh_namespace("program")
        self.function: Callable[..., Any] | None = None

    def run(self, edit: int, call: int, ticks: int, call_s: float) -> tuple[bytes, Any, int]:
        """A key and the value of what one run gave, and the ticks it took; edit -1 is the program
        as it is. Equal keys mean equal values."""
        switches = self.switches[edit] if edit >= 0 else []
        counter = itertools.repeat(None, ticks)
        namespace = self.namespace
        out = sys.stdout
        if self.kind == "script":
            self.capture.begin(self.calls[call]["stdin"] or "")
        else:
            sys.stdout = self.null
        value = None
        setitimer(TIMER, call_s, 0.05)
        try:
            try:
                if self.function is None or self.is_stateful or edit in self.reload:
                    self._execute(switches, counter)
                else:
                    for slot, value in switches:
                        namespace[slot] = value
                    namespace[TICK] = counter.__next__
                value = self._value(call)
                key = VALUE + _key(value)
            finally:
                setitimer(TIMER, 0)
        except _OutOfTime:
            key = TIMEOUT
            ticks += HANG_TICKS
        except BaseException as error:
            key = RAISED + type(error).__name__.encode("utf-8", "replace")[:100]
        sys.stdout = out
        if self.kind == "script":
            text = self.capture.end(MAX_OUTPUT_BYTES)
            if self.capture.is_over:
                self.capture.reopen()
                key = key if key == TIMEOUT else OVER
            elif key[:1] == VALUE:
                value, key = text, VALUE + _key(text)
            if key[:1] != VALUE:
                discard()
                self.capture.end(0)  # what its files wrote now is of no run
        for slot, _ in switches:
            self.namespace[slot] = 0
        if edit in self.reload:
            self.function = None
        # Out of ticks is a StopIteration at a tick, whatever the program made of it.
        left = counter.__length_hint__()
        return (key if left else TIMEOUT), value, ticks - left

    def _execute(self, switches: Any, counter: Iterator[None]) -> None:
        name = "__main__" if self.kind == "script" else "program"
        namespace = fresh_namespace(name)
        namespace.update(self.slots)
        namespace.update(switches)
        namespace[TICK] = counter.__next__
        if self.uses_random:
            random.seed(0)
        self.function = None
        if self.kind == "script":
            del namespace  # what is held here would not end with the run
            run_script(self.code)
            return
        self.namespace = namespace
        exec(self.code, namespace)
        if self.kind == "function":
            self.function = namespace[self.entry_point]
        elif self.kind == "method":
            owner, _, method = self.entry_point.partition(".")
            self.function = lambda *a, **k: getattr(namespace[owner](), method)(*a, **k)

    def _value(self, call: int) -> Any:
        """What the call returns, where it is asked for with the arguments as they are then.

        None for a script, whose value is what it prints.
        """
        if self.function is None:
            return None
        for earlier in self.before[call]:
            with contextlib.suppress(Exception, SystemExit):
                self._called(self.function, earlier)
        value, args = self._called(self.function, self.arguments[call])
        return (value, args) if self.calls[call].get("wants_args") else value

    def _called(self, function: Callable[..., Any], arguments: Arguments) -> tuple[Any, Any]:
        """What a call with fresh arguments gives, and the arguments as it leaves them."""
        if self.uses_random:
            random.seed(0)
        load, data = arguments
        args, kwargs = load(data)
        return consumed(function(*args, **kwargs)), args


def _arguments(call: dict[str, Any]) -> Arguments:
    """How to make fresh arguments for a call again and again, and of what."""
    arguments = decode(call["args"]), decode(call["kwargs"])
    try:
        return marshal.loads, marshal.dumps(arguments)
    except ValueError:  # a type that marshal does not know
        return _decoded, call


def _decoded(call: dict[str, Any]) -> tuple[Any, Any]:
    return decode(call["args"]), decode(call["kwargs"])


def _key(value: Any) -> bytes:
    """Bytes that tell values apart, fast for flat ones; marshal knows no bound for the others."""
    kind = type(value)
    if kind in SCALARS or (kind in (list, tuple) and SCALARS.issuperset(map(type, value))):
        return marshal.dumps(value, 2)
    return encode(value, max_bytes=MAX_OUTPUT_BYTES)


def load(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[Any]:
    """Take a woven program (schemata.Schemata) and the calls to run it on. Yields None."""
    begin()
    state["runner"] = _Runner(payload)
    yield None


class _Question:
    """In a slot: no edit is on, and that the slot was asked is noted, once."""

    def __init__(self, slot: int, asked: list[int]) -> None:
        self.slot = slot
        self.asked = asked

    def __bool__(self) -> bool:
        if self.slot not in self.asked:
            self.asked.append(self.slot)
        return False


def subsets(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[Any]:
    """Run the program with each set of edits on, and as it is, on every call.

    payload: program (as of `load`; None: the one that is loaded), switches (pairs of slot and value
    for each set), ticks (of a run with the first set), call_s, recursion, total_s. Later sets get
    some times the ticks that the first one takes.
    Yields [results, outputs, asked] once: the index of an output for each set and call, those of
    the program as it is last; for each of its calls the slots that it asked, in order. Nothing if
    total_s is over before the end.
    """
    if payload["program"] is not None:
        begin()
        state["runner"] = _Runner(payload["program"])
    runner: _Runner = state["runner"]
    with _bounded(payload["recursion"]):
        yield from _all_sets(runner, payload)
    runner.namespace = {}  # what a shared process runs next shall not find it


def _all_sets(runner: _Runner, payload: dict[str, Any]) -> Iterator[Any]:
    end = time.perf_counter() + payload["total_s"]
    asked: list[int] = []
    runner.switches = [[(SLOT.format(k), v) for k, v in pairs] for pairs in payload["switches"]]
    runner.switches.append(
        [(SLOT.format(slot), _Question(slot, asked)) for slot in range(runner.n_slots)]
    )
    if runner.reload:
        runner.reload = set(range(len(runner.switches)))
    runner.function = None
    table: dict[bytes, int] = {}
    results: list[list[int]] = []
    outputs: list[bytes] = []
    orders: list[list[int]] = []
    ticks = payload["ticks"]
    for number in range(len(runner.switches)):
        row: list[int] = []
        longest = 0
        for call in range(len(runner.calls)):
            if time.perf_counter() > end:
                return
            asked.clear()
            key, value, used = runner.run(number, call, ticks, payload["call_s"])
            longest = max(longest, used)
            index = table.get(key)
            if index is None:
                index = table[key] = len(table)
                is_value = key[:1] == VALUE
                output = VALUE + encode(value, max_bytes=MAX_OUTPUT_BYTES) if is_value else key
                outputs.append(output)
            row.append(index)
            if number == len(runner.switches) - 1:
                orders.append(asked[:])
        results.append(row)
        if number == 0:
            ticks = min(ticks, 4 * longest + SPARE_TICKS)
    yield [results, outputs, orders]


def run(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[Any]:
    """Run pairs of [edit, call, ticks]; payload: runs, call_s (of processor time), recursion,
    batch, total_s, total_ticks.

    Yields frames [results, outputs]: results are [output index, ticks, seconds] in the order of the
    runs, outputs the new distinct outputs, to be appended to those of earlier frames of this
    request. Stops before the end once total_s or total_ticks is over; the parent sees that results
    are missing.
    """
    with _bounded(payload["recursion"]):
        yield from _run_all(state["runner"], payload)


@contextlib.contextmanager
def _bounded(depth: int) -> Iterator[None]:
    """Bounds of time, depth and memory for runs; other ops may follow in this process."""
    handler = signal.signal(signal.SIGPROF, _on_alarm)
    recursion = sys.getrecursionlimit()
    memory = resource.getrlimit(resource.RLIMIT_AS)
    sys.setrecursionlimit(depth)
    _limit_memory(*memory)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, memory)
        sys.setrecursionlimit(recursion)
        signal.signal(signal.SIGPROF, handler)


def _limit_memory(soft: int, hard: int) -> None:
    """Let this process grow by MORE_BYTES only, as long as its limit allows more."""
    if _BASE_BYTES and (soft == resource.RLIM_INFINITY or soft > _BASE_BYTES + MORE_BYTES):
        resource.setrlimit(resource.RLIMIT_AS, (_BASE_BYTES + MORE_BYTES, hard))


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 0


_BASE_BYTES = _address_space()  # of the zygote: a child can no longer ask


def _run_all(runner: _Runner, payload: dict[str, Any]) -> Iterator[Any]:
    table: dict[bytes, int] = {}
    results: list[list[float]] = []
    outputs: list[bytes] = []
    end = time.perf_counter() + payload["total_s"]
    ticks_left = payload["total_ticks"]
    now = time.perf_counter()
    flush = now + FLUSH_S
    for edit, call, ticks in payload["runs"]:
        key, value, used = runner.run(edit, call, ticks, payload["call_s"])
        index = table.get(key)
        if index is None:
            index = table[key] = len(table)
            is_value = key[:1] == VALUE
            outputs.append(VALUE + encode(value, max_bytes=MAX_OUTPUT_BYTES) if is_value else key)
        started, now = now, time.perf_counter()
        results.append([index, used, now - started])
        ticks_left -= used + RUN_TICKS
        is_over = ticks_left <= 0 or now > end
        if is_over or len(results) >= payload["batch"] or now > flush:
            yield [results, outputs]
            results, outputs = [], []
            if is_over:
                return
            flush = now + FLUSH_S
    yield [results, outputs]
