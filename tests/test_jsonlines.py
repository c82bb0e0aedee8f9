"""Files of JSON lines: what a full disk makes of an append, and what is kept of a torn line."""

from __future__ import annotations

from pathlib import Path

import pytest

from egca.errors import InputError
from egca.jsonlines import append, kept, opened


def test_a_full_disk_is_one_line() -> None:
    with (
        pytest.raises(InputError, match=r"^/dev/full: no space left on device; .* for --resume$"),
        opened(Path("/dev/full"), resume=False) as stream,
    ):
        append(stream, {"a": 1})


def test_lines_are_on_the_disk_at_once_and_a_torn_one_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with opened(path, resume=False) as stream:
        append(stream, {"n": 1})
        append(stream, {"n": 2, "text": "x" * 100_000})
        assert path.read_bytes().count(b"\n") == 2
    path.write_bytes(path.read_bytes() + b'{"n": 3, "te')
    with opened(path, resume=True) as stream:
        found, was_torn = kept(stream, str(path), lambda row: int(row["n"]), "a test")
        append(stream, {"n": 4})
    assert (found, was_torn) == ([1, 2], True)
    assert [line[:7] for line in path.read_text().splitlines()] == ['{"n": 1', '{"n": 2', '{"n": 4']
