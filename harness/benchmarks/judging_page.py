"""The tables of docs/eval.md, from results/measured: verdicts beside EvalPlus's, and how soon."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from harness.markdown import table

MEASURED = Path(__file__).parents[2] / "results" / "measured"
NAMES = {"humaneval": "HumanEval+", "mbpp": "MBPP+"}
# What the judge is built towards: samples per second as a multiple of EvalPlus's.
WARM_RATIOS = {"humaneval": 10.0, "mbpp": 5.0}
FIRST_RATIO = 4.0
PEAK_MB = 1024.0
CALL_MS = 5.0


def blocks() -> dict[str, str]:
    """Markdown by the name of its block."""
    found: dict[str, str] = {}
    for name, render in (("speed", _speed), ("verdicts", _verdicts)):
        path = MEASURED / f"judging_{name}.json"
        found[f"judging {name}"] = render(json.loads(path.read_text("utf-8")))
    return found


def _speed(found: dict[str, Any]) -> str:
    head = ["canonical solutions", "EvalPlus", "egca", "ratio", "processor s (EvalPlus)", "limit"]
    head += ["first run", "peak memory"]
    measured = {key: name for key, name in NAMES.items() if key in found}
    rows = []
    for key, name in measured.items():
        row = found[key]
        first, peak, cpu = row["first_run"], row["peak_mb"], row["cpu_s"]
        rows.append(
            [
                f"{name} ({row['n_samples']})",
                f"{row['evalplus_s']:.0f} s",
                f"{row['egca_s']:.1f} s",
                f"{row['ratio']:.1f}",
                f"{cpu['egca']:.0f} ({cpu['evalplus']:.0f}), "
                f"{row['bare_cpu_s']:.1f} bare, {row['bare_busy_cpu_s']:.1f} on both cores",
                f"{row['ratio'] * cpu['egca'] / row['bare_busy_cpu_s']:.1f}",
                f"{first['evalplus_s']:.0f} s, {first['egca_s']:.0f} s: {first['ratio']:.1f}",
                f"{peak['egca']} MB ({peak['evalplus']} MB)",
            ]
        )
    curves = "; ".join(
        f"{name} "
        + ", ".join(f"{n}: {s:.1f} s" for n, s in found[key]["egca_s_by_workers"].items())
        for key, name in measured.items()
    )
    ten = found["one program with 10 tests"]
    return "\n".join(
        [
            table(head, rows),
            "",
            f"By number of workers: {curves}. One program with ten tests in a warm sandbox: median "
            f"{ten['median_ms']} ms, 95 % under {ten['p95_ms']} ms.",
            "",
            _targets(found),
            "",
            *_earlier(found),
            _source(found),
        ]
    )


def _earlier(found: dict[str, Any]) -> list[str]:
    """Lines on earlier tables: how far the ratios depend on what a machine is just then."""
    said = []
    for before in found["provenance"].get("earlier", []):
        parts = [
            f"{name} {row['ratio']:.1f} times ({row['evalplus_s']:.0f} s, {row['egca_s']:.1f} s, "
            f"bare {row['bare_cpu_s']:.1f} s)"
            for key, name in NAMES.items()
            if (row := before.get(key))
        ]
        said.append(f"Measured before, at commit {before['commit'][:12]}: {', '.join(parts)}.")
    return [" ".join(said), ""] if said else []


def _targets(found: dict[str, Any]) -> str:
    """Each target beside what was measured, and whether it is met."""
    rows = []
    for key, name in NAMES.items():
        if key not in found:
            continue
        row = found[key]
        warm, wanted = row["ratio"], WARM_RATIOS[key]
        away = f"; bare calls are {row['bare_busy_cpu_s'] / row['cpu_s']['egca']:.0%} of its time"
        first, peak = row["first_run"]["ratio"], row["peak_mb"]["egca"]
        rows += [
            [f"{name}, warm", f"{wanted:g} times", f"{warm:.1f} times", _met(warm / wanted) + away],
            [
                f"{name}, first run",
                f"{FIRST_RATIO:g} times",
                f"{first:.1f} times",
                _met(first / FIRST_RATIO),
            ],
            [f"{name}, memory", f"{PEAK_MB:.0f} MB", f"{peak} MB", _met(PEAK_MB / peak)],
        ]
    median = found["one program with 10 tests"]["median_ms"]
    rows.append(["ten tests, warm pool", f"{CALL_MS:g} ms", f"{median} ms", _met(CALL_MS / median)])
    return table(["target", "wanted", "measured", "met"], rows)


def _met(share: float) -> str:
    """share: of the target, that is met from 1 on."""
    return "yes" if share >= 1 else f"**no**, {share:.0%} of it"


def _verdicts(found: dict[str, Any]) -> str:
    head = ["data set", "programs", "pass, egca", "pass, EvalPlus", "disagreements"]
    rows, lists = [], []
    for key, name in NAMES.items():
        row = found[key]
        kinds = ", ".join(f"{n} {kind}" for kind, n in row["n_programs"].items())
        passed = row["n_passed"]
        rows.append(
            [
                name,
                f"{sum(row['n_programs'].values())} ({kinds})",
                str(passed["egca"]),
                str(passed["evalplus"]),
                str(len(row["disagreements"])),
            ]
        )
        lists += row["disagreements"]
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in lists:
        grouped[each["task_id"], _says(each["egca"]), _says(each["evalplus"])].append(
            each["sha256"]
        )
    listed = [
        [
            task,
            str(len(hashes)),
            ours,
            theirs,
            " ".join(hashes[:4]) + (" ..." if hashes[4:] else ""),
        ]
        for (task, ours, theirs), hashes in sorted(grouped.items())
    ]
    told = table(["task", "programs", "egca", "EvalPlus", "sha256 of the programs"], listed)
    return "\n".join([table(head, rows), "", told, "", _source(found)])


def _says(verdict: dict[str, Any]) -> str:
    if verdict["all"]:
        return "pass"
    return "fails extra tests" if verdict["base"] else "fails base tests"


def _source(found: dict[str, Any]) -> str:
    head = found["provenance"]
    return f"`{head['command']}`, seed {head['seed']}, commit {head['commit'][:12]}."
