"""The bench of debuggers: its measures, its baselines, its files, its command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from egca.errors import InputError
from harness.benchmarks.baselines import BASELINES
from harness.benchmarks.debuggers import Answer, document, measure, open_all, read_cases, summary
from harness.benchmarks.debuggers_page import page, text
from harness.tables import TABLES

CASES = [
    {
        "case_id": "bound",
        "set": "own",
        "task_id": "own/1",
        "entry_point": "total",
        "candidate": "def total(xs):\n    # sum\n    t = 0\n    for i in range(1, len(xs)):\n"
        "        t += xs[i]\n    return t\n",
        "reference": "def total(xs):\n    t = 0\n    for x in xs:\n        t += x\n    return t\n",
        "inputs": ["([1, 2],)", "([],)", "([0, 5],)"],
        "truth": {"lines": [4]},
    },
    {
        "case_id": "raises",
        "set": "other",
        "task_id": "own/2",
        "entry_point": "mean",
        "candidate": "def mean(xs):\n    n = 0\n    s = sum(xs)\n    return s / n\n",
        "reference": "def mean(xs):\n    return sum(xs) / len(xs)\n",
        "inputs": ["([1, 2],)", "([4],)"],
        "truth": {"lines": [2, 4]},
    },
]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in CASES))
    return path


def test_baselines_name_what_they_are_named_after(cases: Path) -> None:
    opened = open_all(["trace", *BASELINES], {})
    found = measure(opened, read_cases([cases], 1), 7, lambda: None)
    lines = {name: [answer.lines for answer in listed] for name, listed in found.items()}
    assert lines["trace"][0][0] == 4
    assert lines["last_line"] == [(6,), (4,)]
    assert lines["exc_or_return"] == [(6,), (4,)]
    assert lines["text_diff"][0] == (4, 5)
    assert lines["ochiai"][0][:2] == (4, 5)  # not executed on the empty list, which passes
    assert sorted(lines["random_line"][0]) == [3, 4, 5, 6]
    again = measure(open_all(["random_line"], {}), read_cases([cases], 1), 7, lambda: None)
    assert [answer.lines for answer in again["random_line"]] == lines["random_line"]
    confirmed = {name: listed[0].is_confirmed for name, listed in found.items()}
    assert confirmed["trace"]
    assert not confirmed["last_line"] or confirmed["text_diff"]


def test_a_case_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    for change, message in (
        ({"truth": {"lines": ["4"]}}, 'no "truth" with "lines", whole numbers'),
        ({"candidate": 3}, "candidate"),
        ({"inputs": ["open('x')"]}, r"inputs\[0\] is no Python literal"),
    ):
        path.write_text(json.dumps(CASES[0]) + "\n\n" + json.dumps({**CASES[0], **change}))
        with pytest.raises(InputError, match=f"cases.jsonl:3: .*{message}"):
            read_cases([path], 1)


def test_what_the_figures_leave_out_is_said() -> None:
    listed = [answer(1, 1, seconds=9.0, is_cached=True), answer(1, 1, seconds=1.0)]
    failed = Answer("c", "s", frozenset({1}), error="m: no answer <in time>")
    found = document({"llm:m": [*listed, failed]}, "egca bench", 0, ["c"])
    row = found["debuggers"]["llm:m"]["all"]
    assert (row["median_s"], row["n_errors"], row["n_cached"]) == (1.0, 1, 1)
    said = "llm:m: 1 of 3 cases failed and count as not answered; the first: m: no answer <in time>"
    assert said in text(found)
    assert "1 of 3 cases had replies from the cache" in page(found)
    assert "&lt;in time&gt;" in page(found)


def answer(first: int, *faulty: int, **more) -> Answer:
    return Answer("c", "s", frozenset(faulty), (first, 9), (first, first + 1), **more)


def test_measures_are_what_they_say() -> None:
    answers = [answer(1, 1, 2), answer(1, 9), answer(1, 5), Answer("c", "s", frozenset({3}))]
    row = summary(answers, 0)
    assert (row["n"], row["answered"][0], row["first"][0], row["three"][0]) == (4, 75, 25, 50)
    assert row["overlap"][0] == 25  # one of four covers both lines exactly
    assert row["first"][1] <= 25 <= row["first"][2]
    assert summary(answers, 0) == row
    without_truth = summary([answer(1)], 0)
    assert without_truth["first"] is None
    assert without_truth["answered"] == [100, 100, 100]
    paid = summary([answer(1, 1, cost_usd=0.5, prompt_tokens=10, completion_tokens=2)] * 2, 0)
    assert (paid["cost_usd"], paid["tokens"]) == (1.0, 12.0)


def test_tables_hold_every_debugger_and_escape_names() -> None:
    found = document({"<b>": [answer(1, 1)], "trace": [answer(2, 1)]}, "egca <bench>", 3, ["c"])
    assert json.loads(json.dumps(found)) == found
    assert all(name in text(found) for name in ("<b>", "trace", "first line"))
    shown = page(found)
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "<bench>" not in shown


def egca(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egca", "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_lists_and_measures(cases: Path, tmp_path: Path) -> None:
    listed = egca("--list")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in TABLES)
    output, html, lines = (tmp_path / name for name in ("out.json", "out.html", "out.jsonl"))
    done = egca(
        "localization", "--cases", cases, "--debuggers", "trace,last_line",
        "--output", output, "--html", html, "--answers", lines,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert list(found["debuggers"]) == ["trace", "last_line"]
    assert list(found["debuggers"]["trace"]) == ["all", "other", "own"]
    assert found["provenance"]["seed"] == 0
    assert text(found) in done.stdout
    assert "last_line" in html.read_text()
    assert len(lines.read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no cases given: egca bench localization --cases FILE.jsonl"),
        (["--cases", "none.jsonl"], "none.jsonl: no such file or directory"),
        (
            ["--cases", "CASES", "--debuggers", "tarce"],
            'no debugger "tarce"; did you mean "trace"?',
        ),
        (["--cases", "CASES", "--debuggers", ","], "--debuggers names none"),
        (["--cases", "CASES", "--every", "0"], "--every is 0, but must be at least 1"),
        (["--cases", "CASES", "--html", "no/x.html"], "no/x.html: there is no folder no"),
        (["--cases", "CASES", "--output", "/"], "/: it is a folder, not a file to write"),
        (
            ["--cases", "CASES", "--no-cache", "--debuggers", "llm"],
            '"llm" names no model; say llm:MODEL, such as llm:qwen-7b, or set EGCA_MODEL',
        ),
    ],
)
def test_wrong_input_is_one_line(cases: Path, arguments, message) -> None:
    done = egca("localization", *[cases if part == "CASES" else part for part in arguments])
    assert (done.returncode, done.stderr) == (2, f"egca: error: {message}\n")
