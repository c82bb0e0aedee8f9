"""`egca bench TABLE --preset small|paper`: the script, the server, the engines, and all of it once
with a small random model in place of the weights."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("matplotlib", reason="needs the extra report")

from egca.errors import InputError, MissingExtraError
from egca.providers import serving
from harness.provenance import ROOT
from harness.tables import carry_out, larger
from harness.tables.estimate import plan
from harness.tables.registry import TABLES
from harness.tables.request import Request

SHARED = ROOT.parent / "shared/data/evalplus/HumanEvalPlus.jsonl.gz"
MBPP_PLUS = SHARED.with_name("MbppPlus.jsonl.gz")


@pytest.mark.parametrize("preset", ["small", "paper"])
def test_dry_run_of_larger_presets_is_a_script(preset: str, tmp_path: Path) -> None:
    request = Request(TABLES["main"].methods, tmp_path, 2, command=f"egca bench main {preset}")
    text = "\n".join(plan("main", preset, request)) + "\n"
    checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    assert "--engine evalplus" in text
    assert ("vllm serve" in text) == (preset == "paper")
    assert "GB of weights" in text
    assert "about 0 GB" not in text
    assert "of about 0 min" not in text


def test_the_script_of_debugger_scale_serves_each_model(tmp_path: Path) -> None:
    request = Request(TABLES["debugger-scale"].methods, tmp_path, 2)
    text = "\n".join(plan("debugger-scale", "small", request))
    served = [line.split()[2] for line in text.splitlines() if line.startswith("vllm serve")]
    assert served == ["Qwen/Qwen2.5-Coder-1.5B-Instruct", "Qwen/Qwen2.5-Coder-7B-Instruct"]
    assert "debugger.name=sonnet-4.5" in text
    assert "noisy" not in text
    assert "every place wrong (for preset tiny)" in text


def test_script_and_command_pick_the_same_rate(tmp_path: Path) -> None:
    text = plan("main", "paper", Request(("egca",), tmp_path, 2))
    function = next(line for line in text if line.startswith("best()"))
    for rate, passed in (("2.5e-07", 0.31), ("5e-07", 0.42), ("1e-06", 0.4)):
        run = tmp_path / f"egca/rate-{rate}"
        run.mkdir(parents=True)
        evaluations = [{"step": 4, "pass_at_1": 0.9, "n": 9}, {"step": 8, "pass_at_1": passed}]
        (run / "evaluations.jsonl").write_text("".join(json.dumps(e) + "\n" for e in evaluations))
    script = f'{function}\nbest "$1"'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script, "bash", str(tmp_path / "egca")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == carry_out.best_rate(tmp_path / "egca") == "5e-07", done.stderr


def test_held_out_tasks_are_not_trained_on(tmp_path: Path) -> None:
    found = list(larger.steps("main", "paper", Request(("egca",), tmp_path, 2)))
    splits = [step.words for step in found if "convert" in step.words]
    assert len(splits) == 2
    tasks = [set(words[-1].split(",")) for words in splits]
    assert {len(tasks[0]), len(tasks[1])} == {374, 90}
    assert not tasks[0] & tasks[1]
    assert all(words[words.index("--exclude") + 1] == "MBPP+" for words in splits)


@pytest.mark.parametrize(("preset", "n"), [("small", 50), ("paper", 13)])
def test_every_method_takes_the_same_steps_and_is_evaluated(
    tmp_path: Path, preset: str, n: int
) -> None:
    """A step of sft learns as many programs as one of the others samples: epochs would be few."""
    request = Request(TABLES["main"].methods + TABLES["distillation"].methods, tmp_path, 1)
    found = list(larger.steps("main", preset, request))
    trainings = [step for step in found if "train" in step.words]
    assert {"SFT", "Teacher SFT", "GRPO"} <= {step.heading for step in trainings}
    for step in trainings:
        options = dict(word.split("=", 1) for word in step.words if "=" in word)
        assert options["steps"] == str(n)
        assert options["evaluation.every"] == str(n // 4)


@pytest.mark.skipif(not MBPP_PLUS.is_file(), reason="needs ../shared")
def test_steps_are_counted_over_the_problems_that_are_left() -> None:
    with gzip.open(MBPP_PLUS, "rt") as lines:
        taken = {int(json.loads(line)["task_id"].rpartition("/")[2]) for line in lines}
    first, last = larger.TRAINING
    assert sum(n not in taken for n in range(first, last + 1)) == larger.N_TRAINED


def test_options_of_a_table_reach_its_trainings(tmp_path: Path, problems: Path) -> None:
    changes = {"data.dataset": str(problems), "evaluation.dataset": str(problems), "steps": 8,
               "data.exclude": []}  # fmt: skip
    request = Request(("egca",), tmp_path, 2, changes=changes)
    found = list(larger.steps("main", "small", request))
    trainings = [step for step in found if step.words[:2] == ("egca", "train")]
    assert len(trainings) == 2 * (3 + 2)  # GRPO beside it, three rates and two seeds each
    assert not any("convert" in step.words for step in found)
    for step in trainings:
        assert {f"data.dataset={problems}", "steps=8", "evaluation.every=2"} <= set(step.words)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.dataset": "x.jsonl"}, "go together"),
        ({"stepps": 3}, "stepps"),
    ],
)
def test_options_that_make_no_table(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(larger.steps("main", "small", Request(("egca",), tmp_path, 2, changes=changes)))


def _verdicts(folder: Path, stem: str, engine: str, passed: dict[str, tuple[bool, bool]]) -> None:
    rows = [{"task_id": task, "passed_base": base, "passed_plus": plus}
            for task, (base, plus) in passed.items()]  # fmt: skip
    larger.verdicts(folder, stem, engine).write_text(json.dumps({"results": rows}))


def test_engines_that_differ_end_the_table(tmp_path: Path) -> None:
    same = {"HumanEval/0": (True, False), "HumanEval/1": (False, False)}
    for engine in larger.ENGINES:
        _verdicts(tmp_path, "humaneval", engine, same)
    assert carry_out.compare_engines(tmp_path, "HumanEval+") == []
    _verdicts(tmp_path, "humaneval", "evalplus", {**same, "HumanEval/1": (True, False)})
    with pytest.raises(InputError, match=r"differ on 1 programs of HumanEval\+ \(HumanEval/1\)"):
        carry_out.compare_engines(tmp_path, "HumanEval+")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_file(), reason="needs ../shared")
def test_a_task_whose_reference_evalplus_fails_is_excused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("evalplus", reason='needs the extra "eval"')
    monkeypatch.setenv("HUMANEVAL_OVERRIDE_PATH", str(SHARED))
    passes, fails = (True, True), (False, False)
    _verdicts(tmp_path, "humaneval", "native", {"HumanEval/32": passes, "HumanEval/2": passes})
    _verdicts(tmp_path, "humaneval", "evalplus", {"HumanEval/32": fails, "HumanEval/2": passes})
    assert carry_out.compare_engines(tmp_path, "HumanEval+") == ["HumanEval/32"]
    _verdicts(tmp_path, "humaneval", "evalplus", {"HumanEval/32": fails, "HumanEval/2": fails})
    with pytest.raises(InputError, match=r"differ on 1 programs .*HumanEval/2\)"):
        carry_out.compare_engines(tmp_path, "HumanEval+")


def test_a_judging_that_was_cut_goes_on(tmp_path: Path) -> None:
    words = ("egca", "eval", "--engine", "native", "--json", str(tmp_path / "out.json"))
    assert carry_out._going_on(words) == []
    (tmp_path / "out.json.partial").write_text("{}\n")
    assert carry_out._going_on(words) == ["--resume"]


def test_seconds_are_those_of_the_named_runs(tmp_path: Path) -> None:
    for name, took in (("rate-1e-06", 2.0), ("seed-0", 30.0), ("seed-1", 40.0)):
        (tmp_path / name).mkdir()
        line = json.dumps({"step": 0, "seconds": {"total": took}})
        (tmp_path / name / "metrics.jsonl").write_text(f"{line}\n")
    assert carry_out.seconds_of(tmp_path.glob("rate-*")) == 2.0
    assert carry_out.seconds_of(tmp_path.glob("seed-*")) == 70.0


def test_the_best_rate_needs_an_evaluation(tmp_path: Path) -> None:
    (tmp_path / "rate-1e-06").mkdir()
    with pytest.raises(InputError, match="it was never evaluated"):
        carry_out.best_rate(tmp_path)


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in front of PATH, and no server that is there already."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv(serving.ADDRESS, raising=False)
    return folder / "vllm"


def _program(path: Path, source: str) -> None:
    path.write_text(f"#!/usr/bin/env python3\n{source}")  # an interpreter's path may hold a space
    path.chmod(0o755)


SERVER = """\
import http.server, json, os, sys
class Models(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"arguments": sys.argv[1:], "pid": os.getpid()}).encode())
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("localhost", port), Models).serve_forever()
"""


def test_a_server_is_there_as_long_as_it_is_needed(vllm: Path, tmp_path: Path) -> None:
    import urllib.request

    _program(vllm, SERVER)
    with serving.served("some/model", tmp_path / "log") as variables:
        with urllib.request.urlopen(f"{variables[serving.ADDRESS]}/models") as answer:
            found = json.loads(answer.read())
        assert found["arguments"][:2] == ["serve", "some/model"]
        assert Path(f"/proc/{found['pid']}").exists()
    assert not Path(f"/proc/{found['pid']}").exists()


def test_a_server_that_is_there_already_is_taken(
    vllm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(vllm, "raise SystemExit('started')")
    monkeypatch.setenv(serving.ADDRESS, "http://localhost:1/v1")
    with serving.served("some/model", tmp_path / "log") as variables:
        assert variables == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise SystemExit('no GPU')", "ended before it answered: no GPU"),
        ("import time; time.sleep(60)", "did not answer within 2 s"),
    ],
)
def test_a_server_that_does_not_come_up(vllm: Path, tmp_path: Path, source: str, said: str) -> None:
    _program(vllm, source)
    with (
        pytest.raises(InputError, match=said),
        serving.served("some/model", tmp_path / "log", start_s=2),
    ):
        pass


def test_a_server_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(serving.ADDRESS, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(serving.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingExtraError), serving.served("some/model", tmp_path / "log"):
        pass


def _plus_rows(prefix: str) -> str:
    """Two tasks in EvalPlus's format."""
    rows = [
        {
            "task_id": f"{prefix}/{n}",
            "entry_point": "add",
            "prompt": f'"""Add {n} and two numbers. assert add(0, 0) == {n}"""\n',
            "canonical_solution": f"def add(a, b):\n    return a + b + {n}\n",
            "base_input": [[1, 2], [0, 0]],
            "plus_input": [[-1, 5]],
            "atol": 0,
            "contract": "",
            "assertion": f"assert add(0, 0) == {n}",
        }
        for n in range(2)
    ]
    if prefix == "HumanEval":
        for row in rows:
            row["prompt"] = "def add(a, b):\n"
            row["canonical_solution"] = str(row["canonical_solution"]).partition("\n")[2]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.slow
def test_preset_small_with_a_random_model(tmp_path: Path, student: Path, problems: Path) -> None:
    pytest.importorskip("evalplus", reason='needs the extra "eval"')
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(student)
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=8192, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    ))  # fmt: skip
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    for name, prefix in (("humaneval.jsonl", "HumanEval"), ("mbpp.jsonl", "Mbpp")):
        (tmp_path / name).write_text(_plus_rows(prefix))
    options = {
        "model.name": "model", "data.dataset": problems, "evaluation.dataset": problems,
        "data.exclude": "[]", "steps": 1, "rollout.prompts_per_step": 2,
        "rollout.num_generations": 2, "rollout.max_completion_length": 16,
        "rollout.max_prompt_length": 4096, "reward.workers": 1,
    }  # fmt: skip
    words = ["bench", "main", "--preset", "small", "--methods", "egca", "--seeds", "2"]
    for name, value in options.items():
        words += ["--set", f"{name}={value}"]
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "EGCA_CACHE": str(tmp_path / "cache"),
        "HUMANEVAL_OVERRIDE_PATH": str(tmp_path / "humaneval.jsonl"),
        "MBPP_OVERRIDE_PATH": str(tmp_path / "mbpp.jsonl"),
    }  # fmt: skip

    def egca(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "egca", *words, *more],
            cwd=tmp_path, env=environment, capture_output=True, text=True,
        )  # fmt: skip

    made = egca()
    assert made.returncode == 0, made.stderr
    found = json.loads(Path(made.stdout.splitlines()[-1]).read_text())
    rows = {(row["method"], row["metric"]): row for row in found["rows"]}
    metrics = ("humaneval", "humaneval+", "mbpp", "mbpp+")
    assert set(rows) == {(name, metric) for name in ("grpo", "egca") for metric in metrics}
    assert rows["egca", "mbpp+"]["per_seed"] == [0.0, 0.0]  # a random model writes no program
    assert found["preset"] == "small"
    assert found["tuning"]["egca"]["scores"].keys() == {"5e-07", "1e-06", "2e-06"}
    done = (tmp_path / "runs/main-small/done.jsonl").read_text().splitlines()
    assert len(done) == 2 * (3 + 2 * (1 + 2 * 3))
    again = egca()
    assert again.returncode == 0, again.stderr
    assert "egca train" not in again.stderr  # nothing is run twice
