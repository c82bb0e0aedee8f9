"""What a command asks of a table, and the folder in which its runs are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from egca.errors import InputError
from egca.files import make_folder, read_whole, save_text
from harness.studies.runs import VERSION
from harness.studies.tuning import Grid

N_SEEDS = 5
_OWN = ("seed", "optimizer.learning_rate")


def quiet(text: str) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure of a table, and how.

    methods: of the table, in its order. n_seeds: 0 to N - 1 are reported. folder: of the runs,
    shared by all tables and studies. changes: dotted options of every run over the preset's
    (--set), which the table's file then names; a method's own options go before them.
    Raises: InputError for changes that the table makes itself.
    """

    methods: tuple[str, ...]
    folder: Path
    n_seeds: int = N_SEEDS
    n_workers: int = 2
    command: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    grid: Grid = field(default_factory=Grid)
    say: Callable[[str], None] = quiet

    def __post_init__(self) -> None:
        for name in _OWN:
            if name in self.changes:
                raise InputError(f"--set {name}: the table gives each of its runs its own")


def runs_folder() -> Path:
    """Where training runs of studies and tables are kept; what is there is not run again."""
    from egca.training import tiny

    return tiny.cache_folder() / f"studies-{VERSION}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the last command for a table asked for, so that --resume goes on with just that."""

    methods: tuple[str, ...]
    n_seeds: int
    n_workers: int
    changes: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path, table: str) -> None:
        """Keep it beside the runs."""
        make_folder(folder)
        save_text(folder / f"asked-{table}.json", json.dumps(asdict(self)) + "\n")


def last_asked(folder: Path, table: str) -> Asked:
    """What to go on with. Raises: InputError if no command for this table was begun here."""
    file = folder / f"asked-{table}.json"
    if not file.is_file():
        raise InputError(f"--resume: no `egca bench {table}` was begun; start one without it")
    kept = json.loads(read_whole(file))
    changes = kept.get("changes", {})
    return Asked(tuple(kept["methods"]), kept["n_seeds"], kept["n_workers"], changes)
