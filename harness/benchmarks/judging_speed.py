"""The speed half of judging.py: whole commands, run one after the other on the same cores."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egca.execution import Sandbox
from egca.execution.expectations import GroundTruth, call_of
from egca.execution.judging import judge
from egca.execution.wire import decode
from egca.problems import Example, Problem, load_dataset

OVERRIDES = {"humaneval": "HUMANEVAL_OVERRIDE_PATH", "mbpp": "MBPP_OVERRIDE_PATH"}
N_WORKERS = 2
_POLL_S = 0.05
_WATCHED = 50  # what is timed goes on so many times as long as a look at its memory takes
_PAUSE_S = 0.003  # between two programs: a zygote forks its next child in it
_PROGRAM = """
def f(items, k):
    counts = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return sorted(counts, key=lambda item: (-counts[item], item))[:k]
"""


def canonical(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """(task id, program) of every reference."""
    return [(p.task_id, p.reference) for p in problems if p.reference is not None]


@dataclass
class Run:
    """One run of a command: wall-clock, processor time and most memory (PSS) of its whole tree."""

    seconds: float
    cpu_s: float
    peak_mb: float


def timed(command: Sequence[str], environment: dict[str, str], pause: int = _WATCHED) -> Run:
    """Run a command to its end. Raises: RuntimeError with its last words if it fails.

    Args: pause: between two looks at its memory, in times of what a look takes: that of a process
        of gigabytes takes a tenth of a second of a core. 0: look as often as can be.
    """
    started, used = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peaks = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peaks, pause), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {output[-500:]}")
    return Run(seconds, _cpu_of_children() - used, max(peaks))


def _cpu_of_children() -> float:
    """Processor seconds, user's and system's, of processes that have ended below this one."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(process: subprocess.Popen[str], peaks: list[float], pause: int) -> None:
    while process.poll() is None:
        started = time.perf_counter()
        peaks.append(sum(_pss_mb(pid) for pid in _tree(process.pid)))
        time.sleep(max(_POLL_S, pause * (time.perf_counter() - started)))


def _tree(root: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    todo = [root]
    while todo:
        pid = todo.pop()
        yield pid
        todo += parents.get(pid, [])


def _pss_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def speed(
    files: dict[str, Path], rounds: int, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Both engines on the canonical solutions of each data set; `keep` gets what there is so far.

    Wall-clock is what a user waits, and depends on what else the machine does; processor time
    hardly does, so what the bare calls leave to win is told by it.
    """
    table: dict[str, Any] = {"one program with 10 tests": latency()}
    for name, path in files.items():
        problems = list(load_dataset(path))
        with tempfile.TemporaryDirectory() as folder:
            table[name] = _speed_of(name, path, problems, Path(folder), rounds)
        keep(table)
    return table


def _speed_of(
    name: str, path: Path, problems: list[Problem], folder: Path, rounds: int
) -> dict[str, Any]:
    samples = folder / "samples.jsonl"
    rows = [{"task_id": task, "solution": text} for task, text in canonical(problems)]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    environment = {
        **os.environ,
        OVERRIDES[name]: str(path),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    official = [sys.executable, "-m", "evalplus.evaluate", "--dataset", name]
    official += ["--samples", str(samples), "--parallel", str(N_WORKERS)]
    own = [sys.executable, "-m", "egca", "eval", "--samples", str(samples)]
    own += ["--dataset", f"{name}+", "--workers"]

    def evalplus() -> Run:
        (folder / "samples_eval_results.json").unlink(missing_ok=True)
        return timed(official, environment)

    def egca(n_workers: int = N_WORKERS) -> Run:
        return timed([*own, str(n_workers)], environment)

    first = evalplus(), egca()
    warm = [(evalplus(), egca()) for _ in range(rounds)]
    theirs = statistics.median(run.seconds for run, _ in warm)
    ours = statistics.median(run.seconds for _, run in warm)
    their_cpu = statistics.median(run.cpu_s for run, _ in warm)
    our_cpu = statistics.median(run.cpu_s for _, run in warm)
    curve = {str(n): round(egca(n).seconds, 2) for n in (1, 2, 3, 4)}
    watched = timed([*own, str(N_WORKERS)], environment, pause=0)  # ours has short peaks
    return {
        "n_samples": len(rows),
        "bare_cpu_s": round(bare_seconds(problems, 1), 2),
        "bare_busy_cpu_s": round(bare_seconds(problems, N_WORKERS), 2),
        "evalplus_s": round(theirs, 2),
        "egca_s": round(ours, 2),
        "ratio": round(theirs / ours, 2),
        "cpu_s": {"evalplus": round(their_cpu, 1), "egca": round(our_cpu, 1)},
        "first_run": {
            "evalplus_s": round(first[0].seconds, 2),
            "egca_s": round(first[1].seconds, 2),
            "ratio": round(first[0].seconds / first[1].seconds, 2),
        },
        "peak_mb": {
            "evalplus": round(max(run.peak_mb for run, _ in warm)),
            "egca": round(watched.peak_mb),
        },
        "egca_s_by_workers": curve,
    }


def bare_seconds(problems: Sequence[Problem], n_at_once: int) -> float:
    """Processor time of the bare calls of the references: what no judge can go below.

    Args: n_at_once: processes that each make them all; cores that share a unit slow each other.
    """
    script = (
        "import sys, time\n"
        "from harness.benchmarks.judging_speed import bare_calls\n"
        "print(bare_calls(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, problems[0].origin.rpartition(":")[0]]

    def seconds(_: int) -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout)

    with ThreadPoolExecutor(n_at_once) as threads:
        return statistics.mean(threads.map(seconds, range(n_at_once)))


def bare_calls(dataset: str) -> float:
    """Seconds of processor for calling every reference on every input, and nothing else."""
    sys.setrecursionlimit(10_000)
    seconds = 0.0
    for problem in load_dataset(dataset):
        space: dict[str, Any] = {"__name__": "program"}
        exec(compile(problem.reference or "", "<reference>", "exec"), space)
        entry = space[problem.entry_point]
        for test in problem.tests:
            if isinstance(test, Example):
                args = decode(call_of(test).encoded["args"])
                started = time.process_time()
                entry(*args)
                seconds += time.process_time() - started
    return seconds


def latency(rounds: int = 300) -> dict[str, float]:
    """Milliseconds to judge one program with ten tests in a warm sandbox, as a trainer does."""
    tests = tuple(Example(f"test {n}", ([k % 7 for k in range(10 * n)], 3)) for n in range(1, 11))
    problem = Problem("benchmark", "f", tests, reference=_PROGRAM)
    truth = GroundTruth(is_light=True)
    times = []
    with Sandbox() as sandbox:
        for _ in range(rounds):
            started = time.perf_counter()
            judge(problem, _PROGRAM, sandbox=sandbox, truth=truth)
            times.append(1000 * (time.perf_counter() - started))
            time.sleep(_PAUSE_S)
    times.sort()
    return {
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(times[int(0.95 * len(times))], 2),
    }
