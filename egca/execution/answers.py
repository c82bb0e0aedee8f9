"""What came of one call, with its value as the bytes that left the child, or a digest of them.

A verdict mostly needs to know that two values are the same, and equal bytes say so without building
either. The encoder gives equal values of one form equal bytes (sets are sorted); values that are
equal in another form (1 and True, another order of keys, a float within the tolerance) are decoded
and compared by compare.py. Whether a child is believed at all is reports.py's."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

from egca.execution.wire import decode, encode_checked
from egca.types import Failure, Outcome

DIGEST_BYTES = 32
LARGE_BYTES = 1 << 14  # a value whose bytes stay in the child unless somebody asks for them


def digest_of(data: bytes) -> bytes:
    """What stands for the bytes of a large value."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


@dataclass
class Answer:
    """How one call of a program ended. Nobody changes one; to be frozen would double its price.

    Without a failure there is either data or a digest. number is the call's place among all that
    the child was asked since it loaded the program. told: the outcome, where it was decoded.
    is_wanted: it was held against known good bytes, and is the same.
    """

    data: bytes | None = None
    digest: bytes | None = None
    failure: Failure | None = None
    stdout: str = ""
    seconds: float = 0.0
    number: int = field(default=0, compare=False)
    told: Outcome | None = field(default=None, compare=False)
    is_wanted: bool = field(default=False, compare=False)

    @cached_property
    def outcome(self) -> Outcome:
        """The same with its value. Raises: WireError for bytes that nobody has looked at yet."""
        if self.told is not None:
            return self.told
        value: Any = None if self.data is None else decode(self.data)
        return Outcome(value, self.failure, self.stdout, self.seconds)

    def is_same(self, data: bytes | None, digest: bytes | None) -> bool:
        """Whether a value of these bytes, or this digest, is this one. False says nothing."""
        if self.failure is not None:
            return False
        if data is not None and self.data is not None:
            return data == self.data
        return digest is not None and digest == self._digest

    @cached_property
    def _digest(self) -> bytes | None:
        if self.digest is not None or self.data is None:
            return self.digest
        return digest_of(self.data) if len(self.data) > LARGE_BYTES else None


def answer_with(value: Any) -> Answer | None:
    """The answer that has this value; None if it is not all plain data."""
    data, reason = encode_checked(value)
    return None if reason else Answer(data, told=Outcome(value))
