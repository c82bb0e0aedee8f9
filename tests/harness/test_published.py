"""Published numbers: the files that ship, and what is said of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="needs the extra report")

from egca.errors import InputError
from harness.tables.published import published, published_folder, read_published

GOOD = """
title: t
source: a publication with a name
model: m
setting: s
metrics: {a: {label: A, unit: "%"}}
rows:
  - {method: x, values: {a: 1.5}}
"""


@pytest.mark.parametrize("path", sorted(published_folder().glob("*.yaml")), ids=lambda p: p.stem)
def test_every_file_that_ships_is_valid_and_names_its_source(path: Path) -> None:
    found = read_published(path)
    assert "design notes" in found.source
    assert found == published(path.stem)


def test_the_main_table_says_what_the_publication_says() -> None:
    main = published("main")
    assert main is not None
    values = {row.method: row.values for row in main.rows}
    assert values["egca"] == {"humaneval": 82.1, "mbpp": 68.9}
    assert values["sft"]["humaneval"] == 71.9
    assert published("no-such-table") is None


def test_what_the_notes_leave_out_stays_empty() -> None:
    scale = published("debugger-scale")
    assert scale is not None
    sonnet = next(row for row in scale.rows if row.method == "sonnet-4.5")
    assert sonnet.values["humaneval"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("title: t", "titel: t"), "title: Field required"),
        (GOOD.replace("{a: 1.5}", "{b: 1.5}"), "row x must have exactly a"),
        (GOOD.replace("1.5", "high"), "rows.0.values.a: Input should be a valid number"),
        (GOOD + "  - {method: x, values: {a: 2}}\n", "x stands there twice"),
        (GOOD.replace("source: a publication with a name", "source: ''"), "source: String should"),
        ("title: [", "cannot be read as YAML"),
        ("- 1", "Input should be"),
    ],
)
def test_a_broken_file_is_one_line_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "main.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_published(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_published(tmp_path / "none.yaml")
