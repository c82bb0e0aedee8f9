"""What the sandbox costs: its start, a session, a call, and one program with ten tests.

    python -m harness.benchmarks.sandbox [--small] [--output results/measured/sandbox.json]

Medians and 95th percentiles of wall-clock milliseconds with a warm zygote, one request at a time,
as a judge makes them. "fork alone" is os.fork and wait of this process: the machine's own part."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from egca.execution import Call, Runner, Sandbox, run_program

PROGRAM = """
def f(items, k):
    counts = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return sorted(counts, key=lambda item: (-counts[item], item))[:k]
"""
CALLS = [Call(([i % 7 for i in range(10 * n)], 3)) for n in range(1, 11)]
REQUIRED_MS = {"session": 5.0, "program with 10 tests": 5.0, "call": 0.2}


def fork_alone() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def start() -> None:
    """From nothing to the first child's reply, and the end of it all."""
    with Sandbox() as sandbox:
        sandbox.layers()


def measure(action: Callable[[], object], n_rounds: int, pause_s: float = 0.0) -> dict[str, float]:
    """Median and 95th percentile in milliseconds; the pause lets the zygote fork its next child."""
    action()
    times = []
    for _ in range(n_rounds):
        time.sleep(pause_s)
        started = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - started))
    times.sort()
    return {
        "median_ms": round(statistics.median(times), 3),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))], 3),
    }


def run(n_rounds: int) -> dict[str, dict[str, float]]:
    """All measurements, by name."""
    results = {"fork alone": measure(fork_alone, n_rounds)}
    results["start"] = measure(start, max(3, n_rounds // 20))
    with Sandbox() as sandbox:

        def session() -> None:
            with sandbox.session() as opened:
                opened.hello()

        def program() -> None:
            outcomes = run_program(sandbox, PROGRAM, "function", "f", CALLS)
            assert isinstance(outcomes, list)
            assert all(outcome.ok for outcome in outcomes)

        results["session"] = measure(session, n_rounds, 0.01)
        results["program with 10 tests"] = measure(program, n_rounds, 0.01)
        results["program with 10 tests, back to back"] = measure(program, n_rounds)
        with Runner(sandbox, PROGRAM, "function", "f") as runner:
            results["call"] = measure(lambda: runner.run(CALLS[:1]), 10 * n_rounds)
    return results


def provenance() -> dict[str, object]:
    """Where and with what the numbers were measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    with Sandbox() as sandbox:
        layers = sandbox.layers()
    return {
        "commit": commit,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "n_cores": len(os.sched_getaffinity(0)),
        "layers": layers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What the sandbox costs.")
    parser.add_argument("--small", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--output", type=Path, help="write the figures to this JSON file")
    options = parser.parse_args()
    results = run(20 if options.small else 200)
    print(f"{'':38}{'median':>10}{'95 %':>10}   required")
    for name, figures in results.items():
        required = f"{REQUIRED_MS[name]:>8.1f}" if name in REQUIRED_MS else ""
        print(f"{name:38}{figures['median_ms']:>7.2f} ms{figures['p95_ms']:>7.2f} ms   {required}")
    if options.output:
        record = {"results": results, "required_ms": REQUIRED_MS, "provenance": provenance()}
        options.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
