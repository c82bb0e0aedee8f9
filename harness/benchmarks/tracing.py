"""What recording a run costs: egca's traces beside hunter, PySnooper and sys.settrace.

    python -m harness.benchmarks.tracing [--small] [--output results/measured/tracing.json]

Every tool records the values of three workloads, in one process and in turn, so that all see the
same machine; a slowdown is the tool's best CPU time over the plain run's. egca runs at equal
information: no bound on events or elements, columns for the wire included (a second row has the
default bounds). hunter shows locals by its own action VarsSnooper; a callback of ours that copies
them in C at each event is what hunter costs without its formatting. Printing tools write to a sink.
Rewriting and compiling happen before, and are reported apart."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import marshal
import platform
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hunter  # type: ignore[import-untyped]
import pysnooper  # type: ignore[import-untyped]

from egca.execution.instrument import instrument
from egca.execution.recorder import Recorder, TraceLimits

FILE_NAME = "<workload>"
OUTPUT = Path("results/measured/tracing.json")
HUNTER = "hunter, VarsSnooper"
HUNTER_BARE = "hunter, locals copied"
REQUIRED = 10  # times the slowdown of egca, on each workload

WORKLOADS = {
    "integer loop": (
        """
def f(n):
    total = odd = 0
    for i in range(n):
        total = (total * 31 + i) % 1000003
        if total & 1:
            odd += 1
    return total, odd
""",
        2000,
    ),
    "list building": (
        """
def f(n):
    squares = []
    kept = []
    for i in range(n):
        squares.append(i * i)
        if i % 3:
            kept.append(squares[-1] - i)
    return squares, kept
""",
        400,
    ),
    "recursion": (
        """
def f(n):
    if n < 2:
        return n
    left = f(n - 1)
    right = f(n - 2)
    return left + right
""",
        13,
    ),
}

UNBOUNDED = TraceLimits(
    n_events=1 << 40, n_elements=1 << 40, value_bytes=1 << 30, total_bytes=1 << 40
)
Entry = Callable[[int], Any]
Runner = Callable[[int], Any]


class Sink:
    """A stream that forgets."""

    def write(self, text: str) -> None:
        """Take the text and drop it."""

    def flush(self) -> None:
        """There is nothing to flush."""


def entry_of(code: types.CodeType) -> Entry:
    """The function f of a workload."""
    namespace: dict[str, Any] = {"__name__": "workload"}
    exec(code, namespace)
    entry: Entry = namespace["f"]
    return entry


def plain(source: str) -> Runner:
    """The workload as it is."""
    return entry_of(compile(source, FILE_NAME, "exec"))


def egca(source: str, limits: TraceLimits) -> Runner:
    """Recorded by hooks, encoded for the wire."""
    recorder = Recorder(limits)
    entry = entry_of(instrument(source).code(recorder.hooks(), FILE_NAME))

    def run(n: int) -> Any:
        recorder.begin()
        result = entry(n)
        recorder.finish()
        return result

    return run


def settrace(source: str) -> Runner:
    """sys.settrace with a copy of the locals at every line and return."""
    entry = plain(source)
    code = getattr(entry, "__code__", None)

    def run(n: int) -> Any:
        events: list[Any] = []

        def local(frame: types.FrameType, event: str, argument: Any) -> Any:
            events.append((event, frame.f_lineno, marshal.dumps(frame.f_locals)))
            return local

        def trace(frame: types.FrameType, event: str, argument: Any) -> Any:
            return local if frame.f_code is code else None

        sys.settrace(trace)
        try:
            return entry(n)
        finally:
            sys.settrace(None)

    return run


def hunter_copies(source: str) -> Runner:
    """hunter with a callback that copies the locals."""
    events: list[Any] = []

    def keep(event: Any) -> None:
        events.append((event.kind, event.lineno, marshal.dumps(event.locals)))

    return _hunter(source, keep, events)


def hunter_prints(source: str) -> Runner:
    """hunter with its own action for values, VarsSnooper."""
    return _hunter(source, hunter.VarsSnooper(stream=Sink()), [])


def _hunter(source: str, action: Any, events: list[Any]) -> Runner:
    entry = plain(source)

    def run(n: int) -> Any:
        events.clear()
        with hunter.trace(filename=FILE_NAME, action=action):
            return entry(n)

    return run


def snooped(source: str) -> Runner:
    """PySnooper, all calls of the function."""
    namespace: dict[str, Any] = {"__name__": "workload"}
    exec(compile(source, FILE_NAME, "exec"), namespace)
    namespace["f"] = pysnooper.snoop(Sink(), depth=1)(namespace["f"])
    entry: Entry = namespace["f"]
    return entry


TOOLS: dict[str, Callable[[str], Runner]] = {
    "plain": plain,
    "egca": lambda source: egca(source, UNBOUNDED),
    "egca, default bounds": lambda source: egca(source, TraceLimits()),
    "settrace, locals copied": settrace,
    HUNTER: hunter_prints,
    HUNTER_BARE: hunter_copies,
    "PySnooper": snooped,
}


def measure(source: str, n: int, n_rounds: int) -> dict[str, float]:
    """Best seconds of each tool over so many rounds, the tools in turn in each round."""
    runners = {name: make(source) for name, make in TOOLS.items()}
    expected = runners["plain"](n)
    best = dict.fromkeys(runners, float("inf"))
    for _ in range(n_rounds):
        for name, run in runners.items():
            if name == "PySnooper" and best[name] < float("inf"):
                continue  # seconds a run; once is enough
            for _ in range(5 if name == "plain" or name.startswith("egca") else 1):
                started = time.process_time()
                result = run(n)
                best[name] = min(best[name], time.process_time() - started)
            if result != expected:
                raise RuntimeError(f"{name} changed what the workload returns")
    return best


def preparation_ms(source: str) -> float:
    """Milliseconds to parse, rewrite and compile a workload with hooks."""
    recorder = Recorder()
    best = float("inf")
    for _ in range(20):
        instrument.cache_clear()
        started = time.process_time()
        instrument(source).code(recorder.hooks())
        best = min(best, time.process_time() - started)
    return best * 1000


def provenance(arguments: list[str]) -> dict[str, Any]:
    """Where the numbers come from."""

    def git(*words: str) -> str:
        answer = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
        return answer.stdout.strip()

    changed = git("status", "--porcelain", "--", "egca/execution", "harness/benchmarks")
    return {
        "command": " ".join(["python -m harness.benchmarks.tracing", *arguments]),
        "commit": git("rev-parse", "HEAD") or "unknown",
        "is_clean": not changed,
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": {
            name: importlib.metadata.version(name) for name in ("hunter", "PySnooper", "egca")
        },
    }


def report(name: str, best: dict[str, float]) -> dict[str, Any]:
    """Print one workload's table, and return it as data."""
    slowdowns = {tool: seconds / best["plain"] for tool, seconds in best.items()}
    print(f"\n{name}: {best['plain'] * 1e3:.3f} ms plain")
    for tool, slowdown in slowdowns.items():
        if tool != "plain":
            times = slowdown / slowdowns["egca"]
            print(f"  {tool:<26}{slowdown:>9.1f} x {times:>9.1f} times egca's")
    return {
        "plain_s": best["plain"],
        "slowdown": {tool: round(value, 2) for tool, value in slowdowns.items()},
        "times_egca": {
            tool: round(value / slowdowns["egca"], 2) for tool, value in slowdowns.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="one round, nothing written")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of all tools")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    results = {}
    for name, (source, n) in WORKLOADS.items():
        best = measure(source, n, 1 if options.small else options.rounds)
        results[name] = {"n": n, **report(name, best)}
        results[name]["preparation_ms"] = round(preparation_ms(source), 3)
    for tool in (HUNTER, HUNTER_BARE):
        worst = min(result["times_egca"][tool] for result in results.values())
        print(f"\n{tool}: at least {worst:.1f} times the slowdown of egca")
    print(f"(required of {HUNTER}: {REQUIRED})")
    if not options.small:
        data = {"provenance": provenance(sys.argv[1:]), "required": REQUIRED, "workloads": results}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(data, indent=1) + "\n")
        print(f"written to {options.output}")


if __name__ == "__main__":
    main()
