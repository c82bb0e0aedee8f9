"""Files are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from egca.errors import InputError
from egca.files import check_writable, read_whole, save_text, write_whole


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_permissions_follow_the_umask_or_are_narrower(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "shown", b"")
        write_whole(tmp_path / "private", b"", mode=0o600)
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("shown", "private")]
    assert modes == [0o644, 0o600]


def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    save_text(tmp_path / "link", "lone surrogate: \udc80")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "lone surrogate: \\udc80"
    save_text(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    texts = [letter * 200_000 for letter in "abcd"]
    write_whole(path, texts[0].encode())
    threads = [threading.Thread(target=save_text, args=(path, text)) for text in texts * 5]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_text() in texts
    assert os.listdir(tmp_path) == ["shared"]


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: no such file or directory"):
        read_whole(tmp_path / "none")
    with pytest.raises(InputError, match="no such file or directory"):
        save_text(tmp_path / "no" / "file", "text")
    with pytest.raises(InputError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        check_writable(tmp_path / "no" / "file")
