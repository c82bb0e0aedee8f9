"""egca inside verl: the plug-in that verl itself loads, by the entry point in the group
`verl.plugins`, in every process that imports verl.

It registers the trainers egca_sync, egca_colocate_async and egca_separate_async, and the reward
manager egca. Needs the extra "verl"."""

from __future__ import annotations

import logging
import re
from importlib import metadata

LOWEST, BEYOND = (0, 9), (0, 10)  # tested with 0.9.1; methods overridden may change in the next

_log = logging.getLogger(__name__)


def _is_known(version: str) -> bool:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    return LOWEST <= numbers < BEYOND


_version = metadata.version("verl")
if _is_known(_version):
    try:
        from egca.integrations import verl_rewards, verl_trainer  # noqa: F401
    except ImportError as error:
        # verl drops what a plug-in raises; unsaid, the trainer would just not exist.
        _log.warning("egca: the plug-in for verl %s is not loaded: %s", _version, error)
else:
    _log.warning(
        "egca: verl %s is not known, so there is no trainer egca_sync: install verl>=%d.%d,<%d.%d",
        _version, *LOWEST, *BEYOND,
    )  # fmt: skip
