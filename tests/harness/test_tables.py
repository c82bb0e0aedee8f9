"""`egca bench TABLE`: tuning, comparison, the files, and what is said of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("matplotlib", reason="needs the extra report")

from egca.errors import InputError
from egca.training.config import load_config
from harness.provenance import ROOT
from harness.studies.runs import QUIET, VERSION
from harness.studies.tuning import RATES, SEEDS, Grid, for_tuning
from harness.tables import document, learning, modes, scale
from harness.tables.cells import GAP
from harness.tables.coverage import lines
from harness.tables.estimate import plan
from harness.tables.methods import METHODS, chosen
from harness.tables.published import published
from harness.tables.registry import TABLES
from harness.tables.render import markdown
from harness.tables.report import write
from harness.tables.request import Asked, Request, last_asked
from harness.tables.view import view_of


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if not m.missing()])
def test_every_method_is_a_valid_configuration(name: str) -> None:
    load_config("tiny", changes={**QUIET, **METHODS[name].all_options})


@pytest.mark.parametrize("preset", ["small", "paper"])
def test_options_hold_on_the_larger_presets(preset: str) -> None:
    for method in METHODS.values():
        if not method.missing(preset):
            load_config(preset, changes=method.options)


def test_tables_name_methods_that_there_are() -> None:
    for table in TABLES.values():
        assert set(table.methods) <= set(METHODS)
    said = published("main")
    assert said is not None
    assert {row.method for row in said.rows} <= set(TABLES["main"].methods)


def test_grpo_of_a_table_is_the_run_that_the_study_of_rules_makes(tmp_path: Path) -> None:
    from harness.studies import rules

    request = Request(("grpo",), tmp_path)
    run = learning.run_for(request, "grpo", 3e-4, 2)
    assert run == rules.run_for("medium-15", "uniform", 3e-4, 2)


def test_rows_are_paired_with_grpo_and_rates_are_tuned(made) -> None:
    found = learning.measure("main", made(("base", "egca", "qwen-7b")))
    rows = {(row["method"], row["metric"]): row for row in found["rows"]}
    assert found["tuning"]["egca"]["rate"] == 2e-4
    assert set(found["tuning"]) == {"grpo", "egca"}
    assert "p_holm" not in rows["base", "sampled"]  # no seeds of its own, no test
    egca = rows["egca", "area"]
    assert egca["delta_vs_grpo"] == pytest.approx(0.05, abs=0.01)
    assert egca["delta_ci95"][0] > 0
    assert egca["p_vs_grpo"] == 0.0625  # as low as five seeds allow
    assert len(egca["per_seed"]) == 5
    assert "delta_vs_grpo" not in rows["grpo", "area"]
    assert rows["base", "sampled"]["mean"] == 0.25
    assert ("base", "area") not in rows
    assert found["unavailable"] == {"qwen-7b": "for preset small and paper"}
    head = found["provenance"]
    assert head["seeds"] == [0, 1, 2, 3, 4]
    assert head["wall_clock_s"] == 600.0  # of two methods with five seeds each
    assert found["tuning"]["egca"]["seconds"] == 120.0
    assert len(head["configuration"]) == 64


def test_a_target_that_is_not_reached_bounds_the_mean_and_is_said(made, tmp_path) -> None:
    found = learning.measure("ablation", made(("egca", "random-span", "late-span")))
    assert found["steps_to_target"]["random-span"] == [None] * 5
    (steps,) = (
        row
        for row in found["rows"]
        if (row["method"], row["metric"]) == ("random-span", "steps_to_target")
    )
    assert steps["mean"] == 40
    found["steps_to_target"]["random-span"] = [None, 30, None, None, 31]
    found["steps_to_target"]["late-span"] = [None] * 5
    document.save(tmp_path / "measured/ablation/tiny.json", found)
    view = view_of("ablation", tmp_path)
    at = [column.label for column in view.columns].index("steps to target")
    cells = {line.label: line.cells[at] for line in view.lines}
    assert cells["random span"] == "> 36 (2 of 5)"
    assert cells["late span"] == "- (0 of 5)"
    assert "of" not in cells["GRPO"]
    assert any("a dash where none does" in sentence for sentence in view.text)


def test_variants_of_one_method_take_over_its_rate(made) -> None:
    found = learning.measure("debugger-scale", made(("wrong-100", "egca")))
    assert set(found["tuning"]) == {"grpo", "egca"}


def test_how_right_places_are_is_measured_on_known_faults(made, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(scale, "N_PROGRAMS", 12)
    found = scale.measure("debugger-scale", made(("wrong-100", "wrong-50", "egca")))
    right = {name: one["mean"] for name, one in found["accuracy"].items()}
    assert set(right) == {"wrong-100", "wrong-50", "egca"}
    assert right["egca"] > 0.8  # the trace debugger finds faults of this family
    assert right["wrong-50"] == pytest.approx((right["egca"] + right["wrong-100"]) / 2, abs=1e-3)
    document.save(tmp_path / "results/measured/debugger-scale/tiny.json", found)
    view = view_of("debugger-scale", tmp_path / "results")
    cells = {line.label: line.cells for line in view.lines}
    assert cells["EGCA"][-1].startswith(f"{100 * right['egca']:.1f}")
    assert any("the student learns faster" in sentence for sentence in view.text)
    assert cells["Claude Sonnet 4.5"][1:3] == (GAP, "67.8")


def test_modes_come_from_the_runs_of_main(made) -> None:
    found = modes.measure("modes", made(("grpo", "egca")))
    rows = {(row["method"], row["metric"]): row["mean"] for row in found["rows"]}
    assert rows["egca", "logic begin"] > rows["egca", "logic end"]
    assert set(found["curves"]["grpo"]) == {"syntax", "constraint", "correct", "logic"}


@pytest.fixture
def results(made, tmp_path: Path) -> Path:
    """results/ with a measured main table."""
    folder = tmp_path / "results"
    found = learning.measure("main", made(("base", "egca", "tempo", "qwen-7b")))
    document.save(folder / "measured/main/tiny.json", found)
    return folder


def test_published_and_measured_stand_apart_and_fill_no_gap(results: Path) -> None:
    view = view_of("main", results)
    cells = {line.label: line.cells for line in view.lines}
    n = sum(column.is_published for column in view.columns)
    assert cells["EGCA"][:n] == ("82.1", "68.9")
    assert cells["SFT"][:n] == ("71.9", "60.3")
    assert set(cells["SFT"][n:]) == {GAP}  # published and not measured
    assert cells["TEMPO"][:n] == (GAP, GAP)  # measured and not published
    assert GAP not in cells["EGCA"][n:]
    groups = [column.group for column in view.columns]
    assert groups == ["published"] * n + ["measured, preset tiny"] * (len(groups) - n)
    head = markdown(view).splitlines()[0]
    assert "published: HumanEval" in head
    assert "measured, preset tiny: area, %" in head


def test_hours_of_reported_and_of_tuning_runs_stand_apart(results: Path) -> None:
    path = results / "measured/main/tiny.json"

    def said() -> str:
        facts = dict(view_of("main", results).sources)
        return facts["results/measured/main/tiny.json"]["wall-clock"]

    assert said() == "0.25 h of reported runs, 0.10 h of tuning runs, one core each"
    found = document.read(path)
    for one in found["tuning"].values():
        del one["seconds"]  # as files of earlier versions are
    document.save(path, found)
    assert said() == "0.25 h of reported runs, one core each"


def test_the_text_claims_what_the_intervals_support(results: Path, made) -> None:
    text = " ".join(view_of("main", results).text)
    assert "above GRPO is EGCA +4.9 (" in text
    assert "none can pass a test at 5 %" in text  # five seeds cannot
    assert "Not measured: Qwen2.5-Coder-7B (for preset small and paper)." in text
    few = learning.measure("main", made(("egca",), 2))
    document.save(results / "measured/main/tiny.json", few)
    text = " ".join(view_of("main", results).text)
    assert "2 seeds are too few" in text
    assert "above GRPO" not in text


def test_more_seeds_can_pass_the_corrected_test(results: Path, made) -> None:
    many = learning.measure("main", made(("egca",), 10))
    document.save(results / "measured/main/tiny.json", many)
    text = " ".join(view_of("main", results).text)
    assert "After Holm's correction EGCA passes a test at 5 %." in text


def test_the_report_is_one_page_without_network(results: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("harness.tables.registry.results_folder", lambda: results)
    paths = {path.name: path for path in write(tmp_path / "report")}
    assert {"index.html", "tables.md", "main.svg", "main.png"} <= set(paths)
    page = paths["index.html"].read_text("utf-8")
    for outside in ("<script", 'src="http', 'href="http', "@import", "url(http"):
        assert outside not in page
    assert page.count("<section") == len(TABLES)
    assert "egca bench main --preset tiny" in page
    assert '<td class="said">82.1</td>' in page
    assert page.count("<svg") >= 1
    again = {path.name: path for path in write(tmp_path / "again")}
    assert again["main.svg"].read_bytes() == paths["main.svg"].read_bytes()


def test_files_keep_lists_of_numbers_on_a_line(results: Path) -> None:
    path = results / "measured/main/tiny.json"
    lines_of_text = path.read_text().splitlines()
    assert any(line.strip().startswith('"per_seed": [0.') for line in lines_of_text)
    assert document.read(path) == json.loads(path.read_text())
    path.write_text("[1]")
    with pytest.raises(InputError, match="no measured table"):
        document.read(path)


def test_a_part_of_a_table_does_not_replace_the_whole(results: Path, made, tmp_path) -> None:
    whole = results / "measured/main/tiny.json"
    part = learning.measure("main", made(("egca",)))
    beside = document.file_for("main", part, results, tmp_path / "runs")
    assert beside == tmp_path / "runs/parts/measured/main/tiny.json"
    fewer = learning.measure("main", made(("base", "egca", "tempo"), 3))
    assert document.file_for("main", fewer, results, tmp_path / "runs") != whole
    more = learning.measure("main", made(("base", "egca", "tempo", "ppo"), 6))
    assert document.file_for("main", more, results, tmp_path / "runs") == whole


def test_the_list_says_needs_costs_and_coverage(results: Path) -> None:
    text = "\n".join(lines(results))
    assert "published  16 numbers of 8 rows" in text
    assert "measured   tiny: 4 of 13 methods, 5 seeds" in text
    assert "missing    Qwen2.5-Coder-1.5B (for preset small and paper)" in text


def test_dry_run_of_tiny_counts_what_is_kept(made, tmp_path: Path) -> None:
    request = made(("grpo", "egca"))
    said = "\n".join(plan("main", "tiny", request))
    assert "runs      14, 0 of them to be made" in said
    empty = replace(request, folder=tmp_path / "empty")
    assert "14 of them to be made" in "\n".join(plan("main", "tiny", empty))


def test_dry_run_goes_on_where_tuning_stopped(made) -> None:
    """All rates once, the best two of each method again, then the reported seeds."""
    request = replace(made(("grpo", "egca"), 2, Grid()), grid=Grid())
    said = "\n".join(plan("main", "tiny", request))
    assert "runs      14, 0 of them to be made" in said
    second = for_tuning(learning.run_for(request, "egca", RATES[1], SEEDS[1]))
    (request.folder / f"{second.key}.json").unlink()
    said = "\n".join(plan("main", "tiny", request))
    assert "runs      14, 3 of them to be made" in said  # and those at a rate that is open again
    first = for_tuning(learning.run_for(request, "egca", RATES[0], SEEDS[0]))
    (request.folder / f"{first.key}.json").unlink()
    said = "\n".join(plan("main", "tiny", request))
    assert "runs      14, 5 of them to be made" in said


def test_resume_takes_up_what_was_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no `egca bench main` was begun"):
        last_asked(tmp_path, "main")
    asked = Asked(("grpo", "egca"), 7, 1)
    asked.save(tmp_path, "main")
    assert last_asked(tmp_path, "main") == asked


def test_methods_are_chosen_in_the_order_of_the_table() -> None:
    table = TABLES["main"].methods
    assert chosen("egca, grpo", table) == ("grpo", "egca")
    assert chosen(None, table) == table
    with pytest.raises(InputError, match="did you mean egca"):
        chosen("ecga", table)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["main", "--methods", "ecga"], "--methods ecga: not in this table; did you mean egca?"),
        (["main", "--preset", "huge"], "--preset huge: there are tiny, small, paper"),
        (
            ["main", "--preset", "paper"],
            "egca bench main --preset paper --dry-run prints its commands",
        ),
        (["overhead", "--preset", "small", "--dry-run"], "measured on preset tiny only"),
        (["main", "--resume", "--seeds", "3"], "--resume takes over --seeds"),
        (["main", "--methods", "base"], "main: nothing to train at preset tiny besides GRPO"),
        (["ablation", "--resume"], "no `egca bench ablation` was begun"),
        (["main", "--set", "seed=1"], "--set seed: the table gives each of its runs its own"),
        (["main", "--set", "stepps=1"], "there is no option stepps"),
        (["overhead", "--set", "data.limit=3"], "--set data.limit: overhead changes the options"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path: Path, words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "egca", "bench", *words],
        capture_output=True, text=True, env={**os.environ, "EGCA_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("egca: error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_cache_that_cannot_be_is_one_line_and_status_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "egca", "bench", "main", "--seeds", "2"],
        capture_output=True, text=True, env={**os.environ, "EGCA_CACHE": "/proc/nowhere"},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("egca: error: /proc/nowhere/studies-")
    assert len(done.stderr.splitlines()) == 1


def test_the_command_measures_saves_and_shows(made, tmp_path: Path, monkeypatch, capsys) -> None:
    from egca.cli.bench_tables import Options, measure

    monkeypatch.setenv("EGCA_CACHE", str(tmp_path))
    monkeypatch.setattr("harness.tables.registry.results_folder", lambda: tmp_path / "results")
    made(("egca",), 2, Grid(), tmp_path / f"studies-{VERSION}")
    measure("main", Options("tiny", 2, "egca"), False)
    shown, said = capsys.readouterr()
    assert "2 runs, 0 of them" not in said  # GRPO is beside it
    assert "6 runs, 0 of them to be made" in said
    assert "| EGCA | 82.1 | 68.9 |" in shown
    path = tmp_path / "results/measured/main/tiny.json"
    assert str(path) in shown
    command = "egca bench main --preset tiny --seeds 2 --methods egca"
    assert document.read(path)["provenance"]["command"] == command
    measure("main", Options("tiny", resume=True), False)  # --resume: the same again
    assert document.read(path)["provenance"]["command"] == command


@pytest.mark.slow
def test_a_table_is_measured_by_real_runs_and_not_twice(tmp_path: Path) -> None:
    said: list[str] = []
    request = Request(
        ("grpo",), tmp_path, 2, 1, changes={"steps": 2, "data.limit": 16},
        grid=Grid((3e-4,), (3e-4, 3e-4)), say=said.append,
    )  # fmt: skip
    found = learning.measure("main", request)
    assert said[0] == "1 runs, 1 of them to be made"
    assert {row["method"] for row in found["rows"]} == {"grpo"}
    assert found["protocol"]["changes"] == {"steps": 2, "data.limit": 16}
    said.clear()
    assert learning.measure("main", request)["rows"] == found["rows"]
    assert said == ["1 runs, 0 of them to be made", "2 runs, 0 of them to be made"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_study_that_is_ended_takes_its_runs_with_it(tmp_path: Path, sent: signal.Signals) -> None:
    program = tmp_path / "study.py"
    program.write_text(
        "import sys\nfrom pathlib import Path\nfrom harness.studies.runs import results, run_of\n"
        "if __name__ == '__main__':\n"
        "    runs = [run_of({'credit.strategy': 'uniform', 'seed': seed}) for seed in range(4)]\n"
        "    results(runs, Path(sys.argv[1]), 2, lambda text: print(text, flush=True))\n"
    )
    study = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "runs")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert study.stdout is not None
    assert study.stdout.readline() == "4 runs, 4 of them to be made\n"
    memory = tmp_path / "runs" / "verdicts.sqlite"
    assert _waited(lambda: memory.exists(), 120)  # a run has opened its bench
    study.send_signal(sent)
    assert _waited(lambda: study.poll() is not None, 60)
    assert _waited(lambda: not _session(study.pid), 60)
    assert not list((tmp_path / "runs").glob("*.json"))


def _waited(is_so: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_so():
            return True
        time.sleep(0.1)
    return is_so()


def _session(leader: int) -> list[str]:
    """Processes that are left of what a leader started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[0] != "Z" and int(fields[3]) == leader:
                found.append(stat.parent.name)
    return found
