"""Which TRL the adapter works with: it overrides methods that TRL does not promise to keep."""

from __future__ import annotations

import re
from importlib import metadata

from egca.errors import InputError, MissingExtraError

LOWEST, BEYOND = (1, 16), (1, 17)  # tested from the one, and not with the other or above


def check_installed() -> None:
    """Raises: MissingExtraError without TRL, InputError for another version than those tested."""
    try:
        version = metadata.version("trl")
    except metadata.PackageNotFoundError:
        raise MissingExtraError("EGCATrainer", "trl") from None
    check_version(version)


def check_version(version: str) -> None:
    """Raises: InputError for a TRL out of bounds.

    >>> check_version("1.16.3")
    >>> check_version("1.17.0.dev0")
    Traceback (most recent call last):
    egca.errors.InputError: EGCATrainer is tested with TRL 1.16, not with 1.17.0.dev0: pip install\
 "trl>=1.16,<1.17"
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or not LOWEST <= (int(found[1]), int(found[2])) < BEYOND:
        low, beyond = (".".join(map(str, bound)) for bound in (LOWEST, BEYOND))
        raise InputError(
            f"EGCATrainer is tested with TRL {low}, not with {version}: "
            f'pip install "trl>={low},<{beyond}"'
        )
