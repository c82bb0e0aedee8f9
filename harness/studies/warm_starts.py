"""What the students of preset tiny can do before reinforcement learning.

    python -m harness.studies.warm_starts [--students medium-15,medium-30]

Measures pass@1, sampled and greedy, on test compositions and the shares of the modes, and writes
results/measured/warm_starts.json. Students that are not in the cache are trained first."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from egca.files import save_text
from egca.training import tiny
from egca.training.config import load_config
from harness.provenance import ROOT, provenance
from harness.studies.runs import QUIET, alone, tested

OUTPUT = ROOT / "results/measured/warm_starts.json"


def main(
    students: Annotated[str, typer.Option(help="With commas.")] = ",".join(tiny.STUDENTS),
    output: Annotated[Path, typer.Option(help="Where the table goes.")] = OUTPUT,
) -> None:
    """Measure students of the preset."""
    alone()
    found = {}
    for name in students.split(","):
        student = tiny.student_named(name)
        folder = tiny.student_folder(student)
        said = json.loads((folder / "student.json").read_text("utf-8"))
        config = load_config("tiny", changes={**QUIET, "model.name": f"tiny:{name}"})
        tests = tested(folder, config, part="test", talks=False)
        found[name] = {
            "fault_rate": student.fault_rate,
            "n_parameters": said["n_parameters"],
            "training_seconds": said["seconds"],
            **{
                test: {k: v for k, v in one.items() if k != "solved"} for test, one in tests.items()
            },
        }
        print(name, found[name], file=sys.stderr)
    head = provenance(
        f"python -m harness.studies.warm_starts --students {students}",
        paths=("egca/training", "egca/problems/generated"),
        seed=0,
        packages=("torch", "transformers", "tokenizers"),
    )
    save_text(output, json.dumps({"provenance": head, "students": found}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
