"""`egca localize --debugger` and `egca constraints` as processes, beside a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "debuggers"))
from scripted import scripted_server

BROKEN, WHOLE = "broken.py", "whole.py"
GOOD = {"line": 4, "expression": "range(1, len(values))", "reason": "skips", "confidence": 0.9}
CONSTRAINTS = {
    "constraints": [
        {"kind": "recursion", "parameters": {"required": True}},
        {"kind": "forbidden_calls", "parameters": {"names": ["sum"]}},
    ],
    "remarks": ["Be quick."],
}


def egca(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egca", *map(str, arguments)]
    environ = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **env}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ)


@pytest.fixture(autouse=True)
def _needs_openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason='needs the extra "llm"')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("EGCA_API_KEY", raising=False)


def test_localize_with_a_model(tmp_path: Path) -> None:
    with scripted_server([{**GOOD, "line": 2}, GOOD]) as server:
        done = egca(
            "localize", "--example", "total", "--debugger", "openai:scripted",
            "--base-url", server.url, "--show-transcript", "--html", tmp_path / "page.html",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for shown in (
        "openai:scripted: its place, and an intervention confirms it",
        "skips (90 % sure, it says)",
        "line 2 holds no statement that can be at fault",
        "2 replies, asked again",
        "localization@v1",
        "transcript: system",
    ):
        assert shown in done.stdout, shown
    assert "Transcript" in (tmp_path / "page.html").read_text()


def test_the_agent_as_json() -> None:
    submit = {"tool": "submit", "arguments": GOOD}
    with scripted_server([{"tool": "show", "arguments": {"first": 1}}, submit]) as server:
        done = egca(
            "localize", "--example", "total", "--debugger", "agent:openai:scripted",
            "--base-url", server.url, "--json",
        )  # fmt: skip
    asked = json.loads(done.stdout)["debugger"]
    assert (asked["name"], asked["outcome"]) == ("agent:openai:scripted", "confirmed")
    assert "L4 for i = 1" in asked["transcript"][3]["content"]


def test_a_batch_with_a_model(tmp_path: Path) -> None:
    case = {
        "case_id": "a",
        "entry_point": "f",
        "candidate": "def f(x):\n    return x - 1\n",
        "reference": "def f(x):\n    return 1 + x\n",
        "inputs": ["(1,)", "(2,)"],
    }
    cases, output = tmp_path / "cases.jsonl", tmp_path / "out.jsonl"
    cases.write_text(json.dumps(case) + "\n")
    with scripted_server([{"line": 2, "reason": "-", "confidence": 1}]) as server:
        done = egca(
            "localize", "--batch", cases, "--output", output, "--debugger", "openai:scripted",
            "--base-url", server.url,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line = json.loads(output.read_text())
    assert (line["line"], line["debugger"]["outcome"]) == (2, "confirmed")


def test_constraints_of_a_reference(tmp_path: Path) -> None:
    reference = tmp_path / "ref.py"
    reference.write_text("def f(xs):\n    return [x for x in xs if x]\n")
    plain = egca("constraints", reference)
    assert plain.returncode == 0, plain.stderr
    assert plain.stdout.startswith("f: ")
    assert "Do not call eval" in plain.stdout
    with scripted_server([CONSTRAINTS]) as server:
        model = ["--debugger", "openai:scripted", "--base-url", server.url]
        shown = egca("constraints", reference, *model).stdout
        data = json.loads(egca("constraints", reference, *model, "--json").stdout)
    for text in ("Do not call sum.", "without a check:\n  Be quick.", "Dropped, 1 in number:"):
        assert text in shown, shown
    assert data["n_dropped"] == 1
    assert data["dropped"][0]["reason"].startswith("the reference breaks it")
    assert data["remarks"] == ["Be quick."]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["constraints"], "no program given: egca constraints REF.py, or --task ID"),
        (["constraints", "none.py"], "none.py: no such file"),
        (["localize", "--example", "total", "--debugger", "agent"], '"agent" names no model'),
        (["localize", "--example", "total", "--base-url", "http://x"], "--base-url is for a model"),
        (["constraints", "--task", "HumanEval/3", "--debugger", "x"], 'no debugger "x"'),
        (["constraints", BROKEN], f"{BROKEN}:1: the reference does not compile: "),
        (
            ["constraints", WHOLE, "--entry-point", "g"],
            f'{WHOLE}: does not define "g"; it defines f',
        ),
        (["constraints", WHOLE, "--no-cache"], "--no-cache is for a model"),
        (["localize", "--example", "total", "--show-transcript"], "--show-transcript is for a mod"),
    ],
)
def test_wrong_input_is_one_line(arguments, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(BROKEN).write_text("def f(:\n")
    Path(WHOLE).write_text("def f(xs):\n    return xs\n")
    done = egca(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"egca: error: {message}"), done.stderr
    assert done.stderr.count("\n") == 1
