"""One training step of egca beside TRL's GRPOTrainer: time, memory, and whether they are the same.

    python -m harness.benchmarks.train_vs_trl [--sizes 1M 10M] [--rounds 7] [--save]

Both train the same Llama from scratch on the same generated prompts, one thread each, in processes
of their own that take turns step by step, so that what else the machine does falls on both alike.
First both learn from the completions that TRL sampled, and their losses must be equal."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.benchmarks.train_vs_trl_sides import SHAPES, LossType, Setting, egca_side, trl_side
from harness.provenance import command_of, provenance

MODULE = "harness.benchmarks.train_vs_trl"
RESULT = Path(__file__).parents[2] / "results" / "measured" / "train_vs_trl.json"
PACKAGES = ("torch", "transformers", "trl")
TOLERANCE = 1e-4
_LOSS_TYPES: tuple[LossType, ...] = ("grpo", "dapo", "dr_grpo")
SMALL = Setting(
    "0.1M", n_steps=3, n_prompts=4, num_generations=4, max_completion_length=32, micro_batch=8,
    learning_rate=1e-3,
)  # fmt: skip


class Side:
    """A trainer in a process of its own, which makes one run after the other."""

    def __init__(self, target: Callable[..., None], settings: Sequence[Setting]) -> None:
        context = multiprocessing.get_context("spawn")
        self._wire, far = context.Pipe()
        self._process = context.Process(target=target, args=(far, settings), daemon=True)
        self._process.start()
        far.close()

    def begin(self) -> dict[str, Any]:
        """The next run is ready: what is known of it."""
        begun: dict[str, Any] = self._wire.recv()
        return begun

    def step(self) -> dict[str, Any]:
        """Let it take a step."""
        self._wire.send("go")
        done: dict[str, Any] = self._wire.recv()
        return done

    def end(self) -> float:
        """Wait for its end; its peak memory in MB."""
        peak: float = self._wire.recv()["peak_mb"]
        self._process.join()
        return peak


def equalities(setting: Setting = SMALL) -> list[dict[str, Any]]:
    """Losses and gradient norms of both sides over a few steps on what TRL sampled.

    For each normalisation, without and with a KL term. The first step shows the same objective; its
    loss is near 0, as a group's advantages cancel, so the norm of its gradient tells more. Later
    steps show the same updates, and a KL term above 0.
    """
    settings = [
        replace(setting, loss_type=loss_type, beta=beta)
        for loss_type in _LOSS_TYPES
        for beta in (0.0, 0.05)
    ]
    theirs = _all_steps(trl_side, settings)
    forced = [
        replace(one, forced=tuple(tuple(step["completions"]) for step in steps))
        for one, steps in zip(settings, theirs, strict=True)
    ]
    ours = _all_steps(egca_side, forced)
    return [_equality(*each) for each in zip(settings, theirs, ours, strict=True)]


def _all_steps(
    target: Callable[..., None], settings: Sequence[Setting]
) -> list[list[dict[str, Any]]]:
    """What the steps of each run say."""
    side = Side(target, settings)
    runs = []
    for setting in settings:
        side.begin()
        runs.append([side.step() for _ in range(setting.n_steps)])
    side.end()
    return runs


def _equality(
    setting: Setting, theirs: Sequence[dict[str, Any]], ours: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    found: dict[str, Any] = {"loss_type": setting.loss_type, "beta": setting.beta}
    for what in ("loss", "grad_norm"):
        pairs = [(a[what], b[what]) for a, b in zip(theirs, ours, strict=True)]
        found[what] = {
            "trl": [a for a, _ in pairs],
            "egca": [b for _, b in pairs],
            "first_gap": abs(pairs[0][0] - pairs[0][1]),
            "largest_gap": max(abs(a - b) for a, b in pairs),
        }
    return found


def comparison(setting: Setting, n_warm: int = 1) -> dict[str, Any]:
    """Both sides by turns: medians of each, and of the ratios of steps that followed each other.

    Args: n_warm: steps of each at the beginning that are not counted.
    """
    sides = {"egca": Side(egca_side, [setting]), "trl": Side(trl_side, [setting])}
    begun = {name: side.begin() for name, side in sides.items()}
    steps: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    for k in range(setting.n_steps):
        order = sides if k % 2 else dict(reversed(sides.items()))
        for name, side in order.items():
            steps[name].append(side.step())
    peaks = {name: side.end() for name, side in sides.items()}
    counted = {name: found[n_warm:] for name, found in steps.items()}
    return {
        "n_parameters": begun["egca"]["n_parameters"],
        **{
            name: {
                **_summary(found),
                "peak_mb": round(peaks[name]),
                "peak_over_start_mb": round(peaks[name] - begun[name]["memory_mb"]),
            }
            for name, found in counted.items()
        },
        "ratio": _ratios(counted, "seconds"),
        "cpu_ratio": _ratios(counted, "cpu_s"),
    }


def _summary(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians over steps: tokens per second and where a step's seconds went."""
    rates = [step["n_tokens"] / step["seconds"] for step in steps]
    cpu = [step["n_tokens"] / step["cpu_s"] for step in steps]
    split = {
        part: round(statistics.median(step["split"][part] for step in steps), 3)
        for part in steps[0]["split"]
    }
    return {
        "tokens_per_s": round(statistics.median(rates), 1),
        "tokens_per_cpu_s": round(statistics.median(cpu), 1),
        "n_tokens": round(statistics.median(step["n_tokens"] for step in steps)),
        "step_s": round(statistics.median(step["seconds"] for step in steps), 3),
        "split_s": split,
    }


def _ratios(steps: dict[str, list[dict[str, Any]]], unit: str) -> dict[str, float]:
    """egca's tokens per unit as a multiple of TRL's, pair by pair."""
    pairs = sorted(
        (ours["n_tokens"] / ours[unit]) / (theirs["n_tokens"] / theirs[unit])
        for ours, theirs in zip(steps["egca"], steps["trl"], strict=True)
    )
    return {
        "median": round(statistics.median(pairs), 3),
        "lowest": round(pairs[0], 3),
        "highest": round(pairs[-1], 3),
    }


def said(check: dict[str, Any]) -> str:
    """One check of equality for the terminal."""
    loss, norm = check["loss"], check["grad_norm"]
    return (
        f"{check['loss_type']:8}beta {check['beta']:<5}first loss TRL {loss['trl'][0]:+.6f}, egca "
        f"{loss['egca'][0]:+.6f}, gradient norm {norm['trl'][0]:.6f}, {norm['egca'][0]:.6f}; "
        f"gaps over {len(loss['trl'])} steps {loss['largest_gap']:.0e}, {norm['largest_gap']:.0e}"
    )


def described(size: str, found: dict[str, Any]) -> str:
    """One comparison for the terminal."""
    lines = [f"{size}: {found['n_parameters']:,} parameters"]
    for name in ("trl", "egca"):
        side = found[name]
        split = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in side["split_s"].items())
        lines.append(
            f"  {name:5}{side['tokens_per_s']:8.0f} tokens/s  (processor time "
            f"{side['tokens_per_cpu_s']:.0f})  step {side['step_s']:.2f} s: {split}; "
            f"peak {side['peak_mb']} MB, {side['peak_over_start_mb']} MB over the start"
        )
    wall, cpu = found["ratio"], found["cpu_ratio"]
    lines.append(
        f"  ratio {wall['median']:.2f} ({wall['lowest']:.2f} to {wall['highest']:.2f}), "
        f"by processor time {cpu['median']:.2f}"
    )
    return "\n".join(lines)


def main() -> None:
    """Compare, print, and keep what was found if asked; 1 if losses differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=list(SHAPES), default=["1M", "10M"])
    parser.add_argument("--rounds", type=int, default=7, help="steps of each side that are counted")
    parser.add_argument("--prompts", type=int, default=8, help="in a step, with 8 completions each")
    parser.add_argument("--length", type=int, default=112, help="tokens of a completion at most")
    parser.add_argument("--micro-batch", type=int, default=16, help="completions learned at once")
    parser.add_argument("--beta", type=float, default=0.0, help="of the KL term, where times count")
    parser.add_argument("--save", action="store_true", help="write results/measured")
    parser.add_argument("--no-losses", action="store_true", help="compare times alone")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    checks = [] if options.no_losses else equalities()
    for check in checks:
        print(said(check), flush=True)
    head = provenance(command_of(MODULE), paths=("egca", "harness"), seed=0, packages=PACKAGES)
    sizes: dict[str, Any] = {}
    for size in options.sizes:
        setting = Setting(
            size, options.rounds + 1, options.prompts,
            max_completion_length=options.length, micro_batch=options.micro_batch,
            beta=options.beta,
        )  # fmt: skip
        sizes[size] = comparison(setting)
        print(described(size, sizes[size]), flush=True)
        if options.save:
            found = {"provenance": head, "options": vars(options), "losses": checks, "sizes": sizes}
            RESULT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print("ratio", ", ".join(f"{size} {f['ratio']['median']:.2f}" for size, f in sizes.items()))
    sys.exit(any(check["loss"]["first_gap"] > TOLERANCE for check in checks))


if __name__ == "__main__":
    main()
