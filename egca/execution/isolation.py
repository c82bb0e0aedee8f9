"""What a child is kept from: the layers, each used where the kernel has it."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

STATUS_MEMORY = 97  # exit statuses of a child that could not go on
STATUS_BROKEN = 98


def enter(config: dict[str, Any]) -> None:
    """Confine the zygote itself, once."""


class Confinement:
    """What is done to each child."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def fork(self) -> int:
        return os.fork()

    def confine(self, child: int, channel: int) -> dict[str, str]:
        os.setsid()
        os.closerange(3, channel)
        os.closerange(channel + 1, 4096)
        return {}

    def limit(self, limits: dict[str, Any]) -> None:
        memory = limits["memory_bytes"]
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory + (1 << 26)))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits["n_files"], limits["n_files"]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_bytes"], limits["file_bytes"]))

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def clean(self, child: int, pid: int) -> None:
        pass

    def close(self, pids: list[int]) -> None:
        for pid in pids:
            self.kill(pid)
