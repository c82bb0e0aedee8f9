"""How much a program may take: time, memory, output, threads and files. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one program. Times are wall-clock seconds, sizes bytes.

    n_processes counts the program's threads and processes together; where seccomp is on it may
    start threads only. file_bytes bounds one file, the scratch folder holds four times that.
    """

    call_s: float = 2.0  # one call, then it is a timeout
    late_call_s: float = 2.0  # one call once an earlier one was a timeout, if that is less
    program_s: float = 10.0  # all calls together, with loading again after a death
    memory_bytes: int = 1 << 30  # address space of each process
    value_bytes: int = 1 << 22  # one encoded value
    stdout_bytes: int = 1 << 20  # printed text of one call
    n_processes: int = 16
    n_files: int = 64  # open at once
    file_bytes: int = 1 << 24

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")

    def as_data(self) -> dict[str, float]:
        """The bounds by name; dataclasses.asdict, several times faster."""
        return {name: getattr(self, name) for name in self.__slots__}
