"""Where a measured number comes from: command, commit, seed and machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any


def provenance(
    command: str,
    *,
    paths: Sequence[str] = (),
    seed: int | None = None,
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    """What stands at the head of every file in results/measured.

    Args:
        command: as a reader would type it.
        paths: what the number depends on; is_clean says whether git had no other version of it.
        packages: whose installed versions matter.
    """
    return {
        "command": command,
        "commit": _git("rev-parse", "HEAD"),
        "is_clean": not _git("status", "--porcelain", "--", *paths),
        "seed": seed,
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": {name: metadata.version(name) for name in packages},
    }


def command_of(module: str) -> str:
    """The command line of `python -m module` with this process's arguments."""
    return " ".join([f"python -m {module}", *sys.argv[1:]])


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
