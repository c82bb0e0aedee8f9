"""What a person sees while a model is trained: a table that is redrawn, or a line a step."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from egca.training.config import TrainConfig
    from egca.training.run import Report

_RECENT = 20  # steps that a shown mean is taken over


class View:
    """Shows steps as they are done: live on a terminal, else lines."""

    def __init__(self, config: TrainConfig, output: Path) -> None:
        self._config = config
        self._output = output
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self._started = time.monotonic()
        self._n_seen = 0
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._is_live = sys.stderr.isatty()

    def __enter__(self) -> View:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._is_live:
            self._live.stop()

    def note(self, text: str) -> None:
        """Something worth a line of its own."""
        if self._is_live:
            self._live.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def after_step(self, step: int, metrics: dict[str, Any], groups: Sequence[Any]) -> None:
        """A listener of the trainer."""
        self._recent.append(metrics)
        self._n_seen += 1
        if metrics["skipped_updates"]:
            self.note(f"step {step}: its gradient is not finite or explodes; the update is skipped")
        if self._is_live:
            self._live.update(self._table(step))
        else:
            print(_line(step, metrics), file=sys.stderr, flush=True)

    def finish(self, report: Report) -> None:
        """The last words."""
        if self._recent and "pass_rate" in self._recent[-1]:
            rate = fmean([m["pass_rate"] for m in self._recent])
            print(f"{report.n_steps} steps; pass rate of the last {len(self._recent)}: {rate:.3f}")
        if report.final:
            n, share = report.final["n"], report.final["pass_at_1"]
            print(
                f"pass@1 on {n} held-out problems: {share:.3f} (after step {report.final['step']})"
            )
        print(f"model: {self._output / 'model'}")
        if self._recent and "pass_rate" in self._recent[-1]:
            print(f"completions with their credit: egca train show {self._output} --step 0")

    def _table(self, step: int) -> Table:
        last = self._recent[-1]
        table = Table.grid(padding=(0, 2))
        total = self._config.steps
        done = f"{step + 1} of {total}" if total else f"{step + 1}"
        judged = []
        if "pass_rate" in last:
            judged = [
                ("reward", f"{last['reward']:.3f}"),
                ("pass rate", f"{last['pass_rate']:.3f}, recent {self._over('pass_rate'):.3f}"),
                ("modes", ", ".join(f"{k} {v:.0%}" for k, v in last["modes"].items())),
            ]
        rows = [
            ("step", done + self._left(step)),
            *judged,
            ("loss", f"{last['loss']:.4f}"),
            ("KL, entropy", f"{last.get('kl', 0.0):.4f}, {last.get('entropy', 0.0):.3f}"),
            ("gradient", f"{last['grad_norm']:.3f}"),
            ("localized", f"{last['localized']}, {last['confirmed']:.0%} confirmed" + _fell(last)),
            ("tokens/s", f"{last['tokens'] / last['seconds']['total']:.0f}"),
            ("time", _split(last["seconds"])),
        ]
        for name, text in rows:
            table.add_row(name, text)
        return table

    def _left(self, step: int) -> str:
        if self._config.steps is None:
            return ""
        each = (time.monotonic() - self._started) / self._n_seen
        left = timedelta(seconds=round(each * (self._config.steps - step - 1)))
        return f", {left} left"

    def _over(self, name: str) -> float:
        return fmean([metrics[name] for metrics in self._recent])


def _line(step: int, metrics: dict[str, Any]) -> str:
    found = f"loss {metrics['loss']:.3f}"
    if "pass_rate" in metrics:
        found = (
            f"reward {metrics['reward']:.3f}, pass rate {metrics['pass_rate']:.3f}, "
            f"logic {metrics['modes']['logic']:.0%}"
        )
    return (
        f"step {step}: {found}, gradient {metrics['grad_norm']:.3f}"
        f"{_fell(metrics)}, "
        f"{metrics['seconds']['total']:.2f} s ({_split(metrics['seconds'])})"
    )


def _fell(metrics: dict[str, Any]) -> str:
    """How many places are the trace's because the debugger gave none."""
    n = metrics["fell_back"]
    return f", {n} fell back to trace" if n else ""


def _split(seconds: dict[str, float]) -> str:
    total = seconds["total"] or 1.0
    parts = [(name, value / total) for name, value in seconds.items() if name != "total"]
    return ", ".join(f"{name} {share:.0%}" for name, share in parts if share >= 0.005)
