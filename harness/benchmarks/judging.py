"""egca's judge beside EvalPlus: the same verdicts, and how much sooner.

    python -m harness.benchmarks.judging speed --humaneval FILE --mbpp FILE
    python -m harness.benchmarks.judging verdicts --humaneval FILE --mbpp FILE [--cases FILES]

The files are HumanEval+ and MBPP+ in EvalPlus's format. `speed` runs both commands on the canonical
solutions, without and with ground truth at hand, and prints ratios. `verdicts` judges canonical
solutions, mutants of them (fixed seeds) and the candidates of localization cases with both engines,
and lists every disagreement; docs/eval.md explains them. Each writes its file to results/measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from egca.problems import Problem, load_dataset
from harness.benchmarks.judging_speed import canonical, speed
from harness.benchmarks.mutants import mutants
from harness.evaluation import Plan, Result, Sample, default_cache, evaluate
from harness.evaluation.official import evaluate_officially
from harness.provenance import command_of, provenance

MEASURED = Path(__file__).parents[2] / "results" / "measured"

Program = tuple[str, str, str]  # kind, task id, source


def programs_of(
    problems: Sequence[Problem], cases: Sequence[Path], n_mutants: int, seed: int
) -> list[Program]:
    """Every canonical solution, n mutants of each, and the candidates of the cases; each once."""
    found: list[Program] = [("canonical", task, text) for task, text in canonical(problems)]
    for task, text in canonical(problems):
        made = mutants(text, n_mutants, f"{seed}/{task}")
        found += [("mutant", task, source) for source in made]
    known = {problem.task_id: problem for problem in problems}
    for path in cases:
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            problem = known.get(row["task_id"])
            if problem is not None and problem.entry_point == row["entry_point"]:
                found.append((path.stem, problem.task_id, row["candidate"]))
    return list({(task, source): (kind, task, source) for kind, task, source in found}.values())


def compare(path: Path, programs: Sequence[Program], n_workers: int) -> dict[str, Any]:
    """Both engines on the same programs: counts, and every disagreement."""
    samples = tuple(
        Sample(i, f"program {i}", task, text) for i, (_, task, text) in enumerate(programs)
    )
    problems = {problem.task_id: problem for problem in load_dataset(path)}
    ours = evaluate(Plan(str(path), samples, n_workers, cache=default_cache()), problems)
    theirs = evaluate_officially(samples, problems, path, n_workers)
    kinds = Counter(kind for kind, _, _ in programs)
    return {
        "n_programs": dict(kinds),
        "n_passed": {
            "egca": sum(r.passed for r in ours),
            "evalplus": sum(r.passed for r in theirs),
        },
        "disagreements": [
            _disagreement(program, mine, other)
            for program, mine, other in zip(programs, ours, theirs, strict=True)
            if (mine.passed_base, mine.passed) != (other.passed_base, other.passed)
        ],
    }


def _disagreement(program: Program, ours: Result, theirs: Result) -> dict[str, Any]:
    kind, task_id, source = program
    failed = ours.first_failure
    return {
        "task_id": task_id,
        "kind": kind,
        "sha256": hashlib.sha256(source.encode()).hexdigest()[:12],
        "egca": {"base": ours.passed_base, "all": ours.passed, "cause": ours.cause},
        "evalplus": {"base": theirs.passed_base, "all": theirs.passed, "says": theirs.evidence},
        "evidence": ours.evidence,
        "test": failed.test if failed else "",
        "evalplus_input": theirs.first_failure.input if theirs.first_failure else "",
    }


def earlier(before: dict[str, Any]) -> list[dict[str, Any]]:
    """What a table of speeds leaves for the next one: that ratios depend on the processor is seen
    by the seconds of the bare calls beside them."""
    names = ("bare_cpu_s", "evalplus_s", "egca_s", "ratio")
    rows = {
        key: {name: row[name] for name in names} for key, row in before.items() if "ratio" in row
    }
    return [
        *before["provenance"].get("earlier", []),
        {"commit": before["provenance"]["commit"], **rows},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="egca's judge beside EvalPlus")
    parser.add_argument("what", choices=("speed", "verdicts"))
    parser.add_argument("--humaneval", type=Path)
    parser.add_argument("--mbpp", type=Path)
    parser.add_argument("--cases", type=Path, nargs="*", default=[], help="localization cases")
    parser.add_argument("--mutants", type=int, default=4, help="of each canonical solution")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1, help="of the warm runs")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    files = {n: getattr(options, n) for n in ("humaneval", "mbpp") if getattr(options, n)}
    head = provenance(
        command_of("harness.benchmarks.judging"),
        paths=("egca", "harness"),
        seed=options.seed,
        packages=("egca", "evalplus"),
    )
    output = options.output or MEASURED / f"judging_{options.what}.json"
    if options.what == "speed" and output.exists():
        head["earlier"] = earlier(json.loads(output.read_text("utf-8")))

    def keep(found: dict[str, Any]) -> None:
        print(json.dumps(found, indent=1), flush=True)
        output.write_text(json.dumps({"provenance": head, **found}, indent=1) + "\n", "utf-8")

    if options.what == "speed":
        speed(files, options.rounds, keep)
        return
    found: dict[str, Any] = {}
    for name, path in files.items():
        problems = list(load_dataset(path))
        programs = programs_of(problems, options.cases, options.mutants, options.seed)
        found[name] = compare(path, programs, options.workers)
    keep(found)


if __name__ == "__main__":
    main()
