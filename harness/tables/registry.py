"""Which tables there are, for `egca bench`: what each shows, needs, and is measured by.

A new table is a line in TABLES; one that trains needs no code of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.provenance import ROOT

LEARNING = "harness.tables.learning:measure"
SCALE = "harness.tables.scale:measure"  # the same, and how right the places are
TURNS = "harness.tables.turns:measure"  # the same, and what the models make of feedback


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    about: what it shows. needs: what measuring it takes. methods: of methods.py, in order.
    measure: "package.module:function" that takes (table, Request) and gives the file's content;
    "" for a table that has a command of its own or is made of other files. command: that command
    function, of egca/cli. results: its files, below results/measured; PRESET stands for a preset.
    """

    about: str
    needs: str
    methods: tuple[str, ...] = ()
    measure: str = ""
    command: str = ""
    results: tuple[str, ...] = ()

    @property
    def trains(self) -> bool:
        """Whether its rows are training runs that are compared with GRPO's."""
        return self.measure in (LEARNING, SCALE, TURNS)


TABLES: dict[str, Table] = {
    "main": Table(
        "post-training methods on one base model",
        "training runs: a search for the rate and N seeds for each method",
        ("base", "sft", "ppo", "grpo", "rltf", "stepcoder", "coderl-plus", "egca", "tempo",
         "reinforce++", "dapo", "grpo-lambda", "rlef"),
        LEARNING,
    ),
    "debugger-scale": Table(
        "the student against how right its debugger is",
        "training runs with places that are wrong with a fixed probability",
        ("grpo", "wrong-100", "wrong-50", "wrong-25", "wrong-10", "egca", "qwen-1.5b",
         "qwen-7b", "sonnet-4.5"),
        SCALE,
    ),
    "distillation": Table(
        "credit beside two ways to learn from the debugger itself",
        "training runs, and a teacher whose own pass@1 is measured",
        ("grpo", "teacher", "teacher-sft", "teacher-critique", "egca"),
        LEARNING,
    ),
    "ablation": Table(
        "EGCA with a part of it changed, and rules of ours beside it",
        "training runs: a search for the rate and N seeds for each rule",
        ("grpo", "egca", "random-span", "late-span", "soft-1", "soft-4", "soft-16",
         "egca-no-gate", "egca-no-constraints", "egca-unconfirmed", "egca-exception",
         "egca-cap-2", "egca-cap", "egca-mask", "survival", "egca-contrast"),
        LEARNING,
    ),
    "overhead": Table(
        "what credit adds to a training step, and which part of it",
        "pairs of runs of 20 steps, one at a time",
        ("egca",),
        "harness.tables.overhead:measure",
    ),
    "modes": Table(
        "shares of the four modes by training step",
        "the runs of main",
        ("grpo", "egca"),
        "harness.tables.modes:measure",
    ),
    "localization": Table(
        "how often debuggers name a faulty line, and what they take",
        "a file of cases with known faults",
        command="egca.cli.bench_localization:localization",
        results=("debuggers.json",),
    ),
    "reasoning": Table(
        "what models say that programs do: CodeRL+'s tasks besides writing programs",
        "a model: weights, a server or a key",
        command="egca.cli.bench_reasoning:reasoning",
        results=("reasoning.json",),
    ),
    "coderl-plus": Table(
        "execution-semantics alignment, and what of it does the work",
        "training runs: a search for the rate and N seeds for each method",
        ("base", "grpo", "coderl-plus", "coderl-plus-alignment-only", "reinforce++",
         "reinforce++-aligned", "dapo", "dapo-aligned"),
        LEARNING,
    ),
    "rlef": Table(
        "turns with feedback against independent samples in one budget",
        "training runs: a search for the rate and N seeds for each method",
        ("grpo", "rlef", "rlef-random"),
        TURNS,
    ),
    "speed": Table(
        "the judge, the tracer and the trainer beside what else does the same",
        "nothing: it is made of what python -m harness.benchmarks.* measured",
        results=("tracing.json", "judging_speed.json", "train_vs_trl.json"),
    ),
}  # fmt: skip


def results_folder() -> Path:
    """results/ of this checkout; of an installed package, of the folder one is in."""
    return (ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()) / "results"


def measured_files(name: str, folder: Path | None = None) -> dict[str, Path]:
    """The files of a table that are there, by preset ("" for one that has no presets)."""
    base = (folder or results_folder()) / "measured"
    table = TABLES[name]
    if table.results:
        return {path.stem: path for path in map(base.joinpath, table.results) if path.is_file()}
    return {path.stem: path for path in sorted((base / name).glob("*.json"))}
