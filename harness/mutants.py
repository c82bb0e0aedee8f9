"""Mutation testing of the credit rules and of the judge's comparison: python -m harness.mutants.

mutmut (pyproject.toml says of what, by which tests) changes one thing at a time and runs the tests
that reach it; this counts what they noticed, by file, and writes results/measured/mutants.json with
the mutants that survived. `python -m mutmut show NAME` prints one. Made where a module is imported,
as the functions that make rules are, a mutant cannot be reached and survives by that alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from typing import Annotated, Any

import typer

from egca.errors import InputError
from egca.files import save_text
from harness.markdown import table
from harness.provenance import ROOT, provenance

OUTPUT = ROOT / "results/measured/mutants.json"
_NOTICED = frozenset({"killed", "timeout", "segfault", "suspicious"})
_UNKNOWN = "not checked"
_CLASS = "\u01c1"  # around the name of a class, and before its method's


def main(
    only: Annotated[str, typer.Option(help="Mutants by name, as egca.credit.loss*.")] = "",
    save: Annotated[bool, typer.Option(help="Write results/measured.")] = False,
) -> None:
    """Run the mutants and count them."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", "run", *([only] if only else [])], cwd=ROOT, check=False
    )
    listed = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = counted(listed.stdout)
    if not found["files"]:
        raise InputError(f"mutmut ended with status {done.returncode} and checked no mutant")
    for name, one in found["files"].items():
        print(f"{name:40} {one['noticed']:>5} of {one['n']:>5}")
    print(f"{'together':40} {found['noticed']:>5} of {found['n']:>5}, {found['share']:.1f} %")
    if save:
        command = "python -m harness.mutants --save"
        head = provenance(command, paths=("egca", "tests"), packages=("mutmut",))
        save_text(OUTPUT, json.dumps({"provenance": head, **found}, indent=1) + "\n")


def counted(results: str) -> dict[str, Any]:
    """What `mutmut results --all true` says, by module.

    >>> found = counted("  a.b.x_f__mutmut_1: killed\\n  a.b.x_f__mutmut_2: survived\\n")
    >>> found["files"], found["survived"], found["share"]
    ({'a.b': {'noticed': 1, 'n': 2}}, ['a.b.x_f__mutmut_2'], 50.0)
    """
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    survived = []
    for line in results.splitlines():
        name, _, status = line.strip().partition(": ")
        if not status or status == _UNKNOWN:
            continue
        statuses[name.rpartition(".")[0]][status] += 1
        if status not in _NOTICED:
            survived.append(name)
    files = {
        module: {"noticed": sum(counts[s] for s in _NOTICED), "n": counts.total()}
        for module, counts in sorted(statuses.items())
    }
    noticed, n = (sum(one[key] for one in files.values()) for key in ("noticed", "n"))
    share = round(100 * noticed / n, 1) if n else 0.0
    return {"noticed": noticed, "n": n, "share": share, "files": files, "survived": survived}


def blocks() -> dict[str, str]:
    """Markdown by the name of its block."""
    found = json.loads(OUTPUT.read_text("utf-8"))
    rows = [
        [f"`{module}`", str(one["n"]), str(one["noticed"])]
        for module, one in found["files"].items()
    ]
    rows.append(["together", str(found["n"]), f"{found['noticed']} ({found['share']:.1f} %)"])
    functions = Counter(map(_function, found["survived"]))
    listed = ", ".join(f"`{name}` {n}" for name, n in sorted(functions.items()))
    head = found["provenance"]
    said = f"`{head['command']}`, commit {head['commit'][:12]}."
    return {
        "mutants": f"{table(['module', 'mutants', 'noticed'], rows)}\n\n"
        f"Those that nobody noticed, by function: {listed}.\n\n{said}"
    }


def _function(mutant: str) -> str:
    """The function that a mutant is one of.

    >>> _function("egca.credit.loss.x_for_loss__mutmut_3")
    'loss.for_loss'
    >>> _function("egca.credit.offsets.x\u01c1_Walk\u01c1step__mutmut_1")
    'offsets._Walk.step'
    """
    module, _, name = mutant.rpartition(".")
    name = name.partition("__mutmut")[0].removeprefix("x_").removeprefix("x")
    inner = name.strip(_CLASS).replace(_CLASS, ".")
    return f"{module.rpartition('.')[2]}.{inner}"


if __name__ == "__main__":
    typer.run(main)
