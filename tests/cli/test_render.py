"""The terminal picture: golden files, and what must hold at any width and encoding."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from egca.localization.render.glyphs import ASCII, UNICODE
from egca.localization.render.listing import listing
from egca.localization.render.terminal import TerminalView
from egca.localization.render.wording import script_texts
from egca.localization.result import Localization
from egca.problems import Example, Problem
from egca.types import Cause, Outcome, Program, SourceMap, TestResult, Verdict

WIDTHS = (40, 80)


def rendered(found: Localization, width: int, encoding: str = "utf-8", **options: Any) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    Console(file=stream, width=width, **options).print(TerminalView(found))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", WIDTHS)
def test_golden_terminal(
    localization: Localization, localization_name: str, width: int, golden: Any
) -> None:
    golden(f"{localization_name}-{width}.txt", rendered(localization, width))


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_golden_ascii(
    wrong_bound: Localization, hostile: Localization, encoding: str, golden: Any
) -> None:
    golden("wrong_bound-ascii.txt", rendered(wrong_bound, 80, encoding))
    golden("hostile-ascii.txt", rendered(hostile, 80, encoding))


@pytest.mark.parametrize("width", [20, 33, 40, 59, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(localization: Localization, width: int) -> None:
    for line in rendered(localization, width).split("\n"):
        assert cell_len(line) <= width, line


def test_piped_text_has_no_control_characters(localization: Localization) -> None:
    text = rendered(localization, 80)
    hidden = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs")}
    assert hidden <= {"\n"}


def test_colour_adds_escapes_and_nothing_else(localization: Localization) -> None:
    coloured = rendered(localization, 80, force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered(localization, 80)


def test_the_marked_text_is_underlined(wrong_bound: Localization) -> None:
    lines = rendered(wrong_bound, 80).split("\n")
    at = next(i for i, line in enumerate(lines) if "^^^" in line)
    first, last = lines[at].index("^"), lines[at].rindex("^") + 1
    assert lines[at - 1][first:last] == "range(1, len(values))"
    assert lines[at - 1].startswith("> 4")


def test_a_long_program_is_a_window_with_the_heads_of_its_functions() -> None:
    body = "".join(f"    x{n} = {n}\n" for n in range(300))
    source = f"class A:\n  def f(self):\n{body}    return x1\n"
    span = SourceMap(source).span(source.index("x150"), source.index("x150") + 4)
    lines = [line.plain for line in listing(source, span, 80, UNICODE, False)]
    text = "\n".join(lines)
    assert len(lines) < 30
    assert "class A:" in text
    assert "def f(self):" in text
    assert "x150 = 150" in text
    assert "x7 = 7" not in text


def test_wide_characters_keep_the_underline_in_place() -> None:
    source = 'x = "日本" + y'
    span = SourceMap(source).span(source.index("y"), source.index("y") + 1)
    code, carets = [line.plain for line in listing(source, span, 80, UNICODE, False)]
    assert cell_len(code[: code.index("+ y") + 2]) == carets.index("^")


def test_a_place_past_the_end_of_a_line_is_marked() -> None:
    source = "def f(x)\n    return x\n"
    span = SourceMap(source).span(8, 9)
    lines = [line.plain for line in listing(source, span, 80, UNICODE, False)]
    assert lines[1].index("^") == lines[0].index(")") + 1


texts = st.text(
    st.characters() | st.sampled_from("\n\r\t\x1b\u202e\u0301日"), min_size=1, max_size=200
)


@given(
    source=texts,
    start=st.integers(0),
    length=st.integers(1, 50),
    width=st.integers(20, 90),
    data=st.data(),
)
def test_any_text_with_any_span_is_listed(
    source: str, start: int, length: int, width: int, data: st.DataObject
) -> None:
    first = start % len(source)
    span = SourceMap(source).span(first, min(first + length, len(source)))
    glyphs = data.draw(st.sampled_from([UNICODE, ASCII]))
    for line in listing(source, span, width, glyphs, colour=data.draw(st.booleans())):
        assert cell_len(line.plain) <= width
        assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in line.plain)
        assert glyphs is UNICODE or line.plain.isascii()


def test_a_script_is_shown_by_lines_around_the_difference() -> None:
    expected = "".join(f"{n}\n" for n in range(40))
    actual = expected.replace("\n30\n", "\n31\n")
    failing = TestResult("t", False, Cause.WRONG_OUTPUT, (), expected, Outcome(stdout=actual))
    problem = Problem("p", "", (Example("t", stdin="", expected=expected),), kind="script")
    found = Localization(problem, Program("print()"), None, Verdict((failing,)), None, failing)
    assert script_texts(found, 3) == (
        [],
        ["… 29 lines", "29", "30", "31", "… 8 lines"],
        ["… 29 lines", "29", "31", "31", "… 8 lines"],
    )
    spaces = replace(failing, actual=Outcome(stdout=expected.replace("\n", " \n")))
    assert script_texts(replace(found, failing=spaces), 3) is None


def test_repr_is_one_line(localization: Localization) -> None:
    assert len(repr(localization)) < 100


def test_rich_prints_a_localization(wrong_bound: Localization) -> None:
    stream = io.StringIO()
    Console(file=stream, width=80).print(wrong_bound)
    assert stream.getvalue() == rendered(wrong_bound, 80)
