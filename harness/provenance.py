"""Where a measured number comes from: command, commit, seed and machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


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
        "versions": {name: version for name in packages if (version := _version(name))},
    }


def _version(package: str) -> str:
    """Of an installed package, or ""; a measurement may have done without some."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def command_of(module: str) -> str:
    """The command line of `python -m module` with this process's arguments."""
    return " ".join([f"python -m {module}", *sys.argv[1:]])


def _git(*words: str) -> str:
    """What git says of the checkout that this file is in; "" of an installed package."""
    if not (ROOT / "pyproject.toml").is_file():
        return ""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
    except OSError:  # no git
        return ""
    return done.stdout.strip()
