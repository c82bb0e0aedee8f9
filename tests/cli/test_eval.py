"""`egca eval`: what it prints and writes, what it survives."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

RIGHT = "def add(a, b):\n    return a + b\n"
ROW: dict[str, Any] = {
    "task_id": "Mbpp/90001",
    "entry_point": "add",
    "prompt": '"""Add two numbers. assert add(1, 2) == 3"""\n',
    "canonical_solution": RIGHT,
    "base_input": [[1, 2], [0, 0]],
    "plus_input": [[-1, 5], [10**30, 1]],
    "atol": 0,
    "contract": "",
    "assertion": "assert add(1, 2) == 3",
}
SAMPLES = [
    ("right", RIGHT, True, True, "correct", "none"),
    ("fails base", "def add(a, b):\n    return a - b\n", False, False, "logic", "wrong_output"),
    ("fails plus", "def add(a, b):\n    return abs(a) + b\n", True, False, "logic", "wrong_output"),
    ("raises", "def add(a, b):\n    return a[b]\n", False, False, "syntax", "exception:TypeError"),
    ("no syntax", "def add(a, b:\n", False, False, "syntax", "compile"),
    ("endless", "def add(a, b):\n    while True: pass\n", False, False, "constraint", "timeout"),
    (
        "other name",
        "def sum2(a, b):\n    return a + b\n",
        False,
        False,
        "syntax",
        "missing_entry_point",
    ),
    ("markdown", f"Sure!\n```python\n{RIGHT}```", True, True, "correct", "none"),
]

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "set.jsonl").write_text(json.dumps(ROW) + "\n")
    lines = [json.dumps({"task_id": ROW["task_id"], "solution": text}) for _, text, *_ in SAMPLES]
    (tmp_path / "samples.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def command(folder: Path, *options: str) -> list[str]:
    start = [sys.executable, "-m", "egca", "eval", "--samples", "samples.jsonl"]
    limit = () if "evalplus" in options else ("--timeout", "0.3")
    return [*start, "--dataset", "set.jsonl", *limit, *options]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        command(folder, *options), cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


def test_every_kind_of_sample_gets_its_verdict_in_order(files: Path):
    done = run(files, "--json", "out.json", "--html", "out.html", "--workers", "2")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads((files / "out.json").read_text())
    assert document["schema"] == "egca.evaluation/1"
    for row, (name, _, base, plus, mode, cause) in zip(document["results"], SAMPLES, strict=True):
        told = (row["passed_base"], row["passed_plus"], row["mode"], row["cause"])
        assert told == (base, plus, mode, cause), name
    failed = document["results"][2]["first_failure"]
    assert (failed["test"], failed["input"]) == ("plus 1", "-1, 5")
    assert (failed["expected"], failed["actual"]) == ("4", "6")
    rates = document["summary"]["pass_at_k"]
    assert rates["base"]["pass@1"]["value"] == pytest.approx(3 / 8)
    assert rates["plus"]["pass@1"]["value"] == pytest.approx(2 / 8)
    assert document["provenance"]["command"].startswith("egca eval --samples")
    assert "pass@1                  37.5 %" in done.stdout
    assert "6 do not pass" in done.stdout
    assert not (files / "out.json.partial").exists()
    page = (files / "out.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert "Mbpp/90001" in page


def test_a_line_that_is_no_sample_is_a_verdict(files: Path):
    with (files / "samples.jsonl").open("a") as stream:
        stream.write('{"task_id": "Mbpp/7", "solution": "x"}\n{torn')
    done = run(files, "--json", "out.json")
    assert done.returncode == 0
    rows = json.loads((files / "out.json").read_text())["results"]
    assert len(rows) == len(SAMPLES) + 2
    assert [row["cause"] for row in rows[-2:]] == ["unreadable"] * 2
    assert 'no task "Mbpp/7"' in rows[-2]["evidence"]
    assert "samples.jsonl:10: not JSON" in rows[-1]["evidence"]


def test_a_killed_run_goes_on(files: Path):
    slow = "import time\ndef add(a, b):\n    time.sleep(0.1)\n    return a + b\n"
    lines = [json.dumps({"task_id": ROW["task_id"], "solution": f"{slow}# {i}"}) for i in range(30)]
    (files / "samples.jsonl").write_text("\n".join(lines))
    environment = {**os.environ, "XDG_CACHE_HOME": str(files / "cache")}
    options = ("--json", "out.json", "--workers", "1")
    process = subprocess.Popen(command(files, *options), cwd=files, env=environment)
    journal = files / "out.json.partial"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (journal.exists() and journal.read_text().count("\n") > 3):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_done = journal.read_text().count("\n")
    assert 3 < n_done < 30
    assert not (files / "out.json").exists()
    done = run(files, *options, "--resume")
    assert done.returncode == 0
    rows = json.loads((files / "out.json").read_text())["results"]
    assert [row["index"] for row in rows] == list(range(30))
    assert all(row["passed_plus"] for row in rows)


def test_figures_that_there_are_not_are_said(files: Path):
    samples = [{"task_id": ROW["task_id"], "solution": "def add(a, b):\n    return a + b"}]
    (files / "samples.jsonl").write_text(json.dumps(samples[0]) + "\n{torn\n")
    lines = run(files, "--k", "3,7").stdout.splitlines()
    assert lines[0].startswith("set.jsonl: 2 samples of 1 task, engine native")
    assert "no pass@k: each --k is more than a task has samples, which is 1" in lines
    (slowest,) = [line for line in lines if line.startswith("slowest")]
    assert slowest.count(" s") == 1  # what was not read took no time


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or chrome on PATH")
def test_the_page_fits_a_narrow_window(files: Path):
    run(files, "--html", "out.html")
    path = files / "out.html"
    script = "const e = document.documentElement; document.title = e.scrollWidth <= innerWidth"
    path.write_text(path.read_text().replace("</html>", f"<script>{script}</script></html>"))
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--window-size=500,900"]
    command += [f"--user-data-dir={files / 'profile'}", "--dump-dom", path.as_uri()]
    shown = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()
    assert "<title>true</title>" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--engine", "magic"), 'no engine "magic"'),
        (("--ids", "Mbpp/8"), 'no sample for task "Mbpp/8"'),
        (("--dataset", "HumanEval"), 'no task "Mbpp/90001" in HumanEval'),
        (("--dataset", "absent.jsonl"), "absent.jsonl"),
        (("--samples", "absent.jsonl"), "absent.jsonl: no such file"),
        (("--resume",), "--resume needs --json"),
        (("--k", "0"), '--k is "0"'),
        (("--timeout", "-1"), "--timeout is -1"),
        (("--json", "no/where.json"), "there is no folder no"),
    ],
)
def test_bad_input_is_one_line_and_status_2(files: Path, options: tuple[str, ...], said: str):
    done = run(files, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.skipif(importlib.util.find_spec("evalplus") is None, reason="needs the extra eval")
def test_the_official_engine_says_the_same(files: Path):
    with (files / "samples.jsonl").open("a") as stream:
        stream.write("{torn\n")
    (files / "out.json.partial").write_text("of the other engine\n")
    done = run(files, "--engine", "evalplus", "--json", "out.json")
    assert (files / "out.json.partial").read_text() == "of the other engine\n"
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads((files / "out.json").read_text())
    told = [(row["passed_base"], row["passed_plus"]) for row in document["results"]]
    assert told == [(base, plus) for _, _, base, plus, _, _ in SAMPLES] + [(False, None)]
    assert document["provenance"]["versions"]["evalplus"]
