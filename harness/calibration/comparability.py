"""Calibrates when two programs are comparable, and which constraints a reference may impose.

Same task should be kept, another task should not; a correct program should hardly ever be turned
away. Writes the curve over all thresholds and the share of other correct programs that violate each
extracted rule. The constants that rest on it: egca/structure/comparability.py and extraction.py.

    python -m harness.calibration.comparability --data ../shared/data

Correct programs are run in the sandbox on a few inputs, for the rule that wants observed calls."""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import random
import sys
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egca.execution.compare import equal
from egca.execution.runner import Call, run_program
from egca.execution.sandbox import Sandbox
from egca.problems import Problem
from egca.structure.cfg import control_flow
from egca.structure.constraints import Effect, observed
from egca.structure.extraction import ENFORCED, extract_constraints
from egca.structure.facts import facts
from egca.structure.normalise import parse
from egca.structure.similarity import BLOCK_WEIGHTS, OPERATION_WEIGHTS, graph_similarity
from egca.types import Failure
from harness.provenance import provenance

SEED = 0
MAX_PAIRS_OF_TASK = 100  # a few tasks have fifty correct programs, most have two
N_DIFFERENT = 4000
N_INPUTS = 5  # of a task, for observed calls
MIN_KEPT = 0.98  # of other correct programs, in each group
MAX_VIOLATIONS = 0.01  # of other correct programs, over all
MAX_GROUP_VIOLATIONS = 0.02  # in each group
OUTPUT = Path("results/measured/comparability.json")

WEIGHTS = [((1,), (1,)), ((1, 1), (1, 1)), ((1, 1, 1, 1), (1, 1, 1)), ((4, 2, 1), (4, 2, 1)),
           ((4, 2, 1), (8, 2, 1)), ((2, 1), (4, 2))]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Correct:
    """A correct program and what it is called by."""

    task: tuple[str, str]  # task_id, entry point: a student's question has several
    source: str

    @property
    def group(self) -> str:
        return "students" if self.task[0].startswith("Refactory") else "benchmarks"


Pair = tuple[Correct, Correct]


def rows(data: Path) -> Iterator[dict[str, Any]]:
    """Localization cases; `truth` is read for the corrected program alone."""
    for path in sorted((data / "localization").glob("*.jsonl")):
        with path.open() as lines:
            yield from map(json.loads, lines)


def correct_programs(data: Path) -> dict[tuple[str, str], list[Correct]]:
    """Different correct programs of each task: references, corrected programs, canonical ones."""
    found: dict[tuple[str, str], dict[str, Correct]] = defaultdict(dict)

    def add(task: tuple[str, str], source: str) -> None:
        tree = parse(source)
        if tree is not None:
            found[task].setdefault(_without_form(tree), Correct(task, source))

    for row in rows(data):
        task = row["task_id"], row["entry_point"]
        add(task, row["reference"])
        fixed = (row.get("truth") or {}).get("fixed")
        if isinstance(fixed, str):
            add(task, fixed)
    for name in ("HumanEvalPlus", "MbppPlus"):
        with gzip.open(data / "evalplus" / f"{name}.jsonl.gz", "rt") as lines:
            for problem in map(json.loads, lines):
                task = problem["task_id"], problem["entry_point"]
                add(task, problem["prompt"] + problem["canonical_solution"])
    return {task: list(programs.values()) for task, programs in found.items()}


def _without_form(tree: ast.Module) -> str:
    """Key under which programs that differ in layout and docstrings only are the same one."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and _is_docstring(body[0]):
            del body[0]
    return ast.dump(tree)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def pairs_of(programs: list[Correct], rng: random.Random) -> list[Pair]:
    """(reference, other) in both orders, at most MAX_PAIRS_OF_TASK."""
    pairs = [(a, b) for a in programs for b in programs if a is not b]
    return rng.sample(pairs, MAX_PAIRS_OF_TASK) if len(pairs) > MAX_PAIRS_OF_TASK else pairs


def different_tasks(
    by_task: dict[tuple[str, str], list[Correct]], rng: random.Random
) -> list[Pair]:
    tasks = sorted(by_task)
    pairs: list[Pair] = []
    while len(pairs) < N_DIFFERENT:
        first, second = rng.sample(tasks, 2)
        if first[0] != second[0]:
            pairs.append((rng.choice(by_task[first]), rng.choice(by_task[second])))
    return pairs


def alike(
    pairs: list[Pair], weights: tuple[Any, Any] = (BLOCK_WEIGHTS, OPERATION_WEIGHTS)
) -> list[float]:
    """Similarities, ascending."""
    return sorted(
        graph_similarity(
            control_flow(a.source, a.task[1]), control_flow(b.source, b.task[1]), *weights
        )
        for a, b in pairs
    )


def kept(similarities: list[float], threshold: float) -> float:
    return round(1 - bisect_left(similarities, threshold) / len(similarities), 4)


def area(same: list[float], different: list[float]) -> float:
    """Chance that a pair of one task is nearer than a pair of two (area under the ROC curve)."""
    below = sum(bisect_left(different, x) + bisect_right(different, x) for x in same)
    return round(below / (2 * len(same) * len(different)), 4)


def calibrate(data: Path, seed: int = SEED) -> dict[str, Any]:
    """Everything the result file says, save its provenance."""
    rng = random.Random(seed)
    by_task = correct_programs(data)
    same = [pair for task in sorted(by_task) for pair in pairs_of(by_task[task], rng)]
    groups: dict[str, list[Pair]] = {"correct": same}
    for pair in same:
        groups.setdefault(f"correct, {pair[0].group}", []).append(pair)
    for row in rows(data):
        if parse(row["candidate"]) is not None:
            task = row["task_id"], row["entry_point"]
            pair = Correct(task, row["reference"]), Correct(task, row["candidate"])
            groups.setdefault(f"wrong, {row['set']}", []).append(pair)
    different = different_tasks(by_task, rng)
    values = {name: alike(pairs) for name, pairs in groups.items()}
    apart = alike(different)
    thresholds = [step / 100 for step in range(101)]
    held = [name for name in values if name.startswith("correct")]
    threshold = max(
        t for t in thresholds if all(kept(values[name], t) >= MIN_KEPT for name in held)
    )
    effects = effects_of(data, same)
    return {
        "rule": f"the largest threshold that keeps {MIN_KEPT:.0%} of other correct programs in "
        "each group",
        "threshold": threshold,
        "kept_at_threshold": {name: kept(found, threshold) for name, found in values.items()}
        | {"different tasks": kept(apart, threshold)},
        "n_pairs": {name: len(found) for name, found in values.items()}
        | {"different tasks": len(apart)},
        "median": {name: round(found[len(found) // 2], 4) for name, found in values.items()}
        | {"different tasks": round(apart[len(apart) // 2], 4)},
        "auc": {name: area(found, apart) for name, found in values.items()},
        "curve": [
            {"threshold": t, "same task, correct": kept(values["correct"], t)}
            | {"different tasks": kept(apart, t)}
            for t in thresholds[:81]
        ],
        "weights": [
            {
                "blocks": w[0],
                "operations": w[1],
                "auc, correct": area(alike(same, w), alike(different, w)),
            }
            for w in WEIGHTS
        ],
        "constraints": violations(same, effects),
        "mutation_by_text": mutation_by_text(effects),
    }


def inputs_of(data: Path) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
    """The first few argument tuples of each task."""
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in rows(data):
        task = row["task_id"], row["entry_point"]
        if task not in found:
            found[task] = [ast.literal_eval(text) for text in row["inputs"][:N_INPUTS]]
    return found


def effects_of(data: Path, pairs: list[Pair]) -> dict[Correct, tuple[Effect, ...]]:
    """Observed calls of every program in the pairs."""
    inputs = inputs_of(data)
    found: dict[Correct, tuple[Effect, ...]] = {}
    with Sandbox() as sandbox:
        for program in dict.fromkeys(program for pair in pairs for program in pair):
            args = inputs.get(program.task, [])
            calls = [Call(item) for item in args]
            ran = run_program(
                sandbox, program.source, "function", program.task[1], calls, args_after=True
            )
            found[program] = () if isinstance(ran, Failure) else observed(args, ran)
    return found


def violations(pairs: list[Pair], effects: dict[Correct, tuple[Effect, ...]]) -> dict[str, Any]:
    """For each rule: over how many pairs it was extracted, and how often the other violates it.

    "text only" is the same rule without observed calls.
    """
    n_extracted: Counter[tuple[str, str]] = Counter()
    n_violated: Counter[tuple[str, str]] = Counter()
    for reference, other in pairs:
        problem = Problem(other.task[0], other.task[1], (), reference=reference.source)
        known = facts(other.source, other.task[1])
        both = bool(effects[reference] and effects[other])
        for seen in (True, False):
            of_reference, of_other = (
                (effects[reference], effects[other]) if seen and both else ((), ())
            )
            for constraint in extract_constraints(problem, effects=of_reference).constraints:
                wants_calls = constraint.kind == "input_unchanged"
                if not seen and not wants_calls:
                    continue
                rule = constraint.rule if seen else f"{constraint.rule}, text only"
                is_violated = constraint.check(known, of_other) is not None
                for group in ("all", reference.group):
                    n_extracted[rule, group] += 1
                    n_violated[rule, group] += is_violated
    rules = sorted({rule for rule, _group in n_extracted})
    return {rule: _rule_row(rule, n_extracted, n_violated) for rule in rules}


def mutation_by_text(effects: dict[Correct, tuple[Effect, ...]]) -> dict[str, int]:
    """How often the text and the observed calls say the same of a program's arguments."""
    counts: Counter[str] = Counter()
    for program, seen in effects.items():
        if seen:
            by_text = bool(facts(program.source, program.task[1]).mutated)
            by_calls = any(not equal(item.args, item.args_after) for item in seen)
            counts["same" if by_text == by_calls else "different"] += 1
            counts["changes its input"] += by_calls
    return {name: counts[name] for name in ("same", "different", "changes its input")}


def _rule_row(
    rule: str, n_extracted: Counter[tuple[str, str]], n_violated: Counter[tuple[str, str]]
) -> dict[str, Any]:
    shares = {
        group: round(n_violated[key] / n_extracted[key], 4)
        for key in sorted(n_extracted)
        if key[0] == rule and (group := key[1])
    }
    within = all(share <= MAX_GROUP_VIOLATIONS for share in shares.values())
    return {
        "n_pairs": n_extracted[rule, "all"],
        "violated": shares,
        "may_be_enforced": within and shares["all"] <= MAX_VIOLATIONS,
        "is_enforced": rule in ENFORCED,
    }


def main(arguments: list[str] | None = None) -> Path:
    """Write the result file and return its path."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with localization, evalplus"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    head = provenance(
        " ".join(["python -m harness.calibration.comparability", *arguments]),
        paths=("egca/structure", "harness/calibration"),
        seed=options.seed,
    )
    result = {"provenance": head, **calibrate(options.data, options.seed)}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    path: Path = options.output
    return path


if __name__ == "__main__":
    main()
