"""The table of RLEF: what runs left of their dialogues, side by side, shown and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("matplotlib", reason="needs the extra report")

from egca.types import Cause
from harness.studies.talks import has_dialogues
from harness.tables import document, turns
from harness.tables.cells import GAP
from harness.tables.learning import run_for
from harness.tables.methods import BASELINE, trainable
from harness.tables.methods import METHODS as ALL
from harness.tables.plots import png, svg
from harness.tables.registry import TABLES
from harness.tables.render import markdown
from harness.tables.report import write
from harness.tables.request import Request
from harness.tables.turns import DIALOGUE, GAIN, INDEPENDENT, REAL, REAL_GAIN, error, solved, told
from harness.tables.view import view_of

METHODS = TABLES["rlef"].methods


@pytest.fixture
def results(made, tmp_path: Path) -> Path:
    """results/ with a measured table of RLEF."""
    save(turns.measure("rlef", made(METHODS)), tmp_path / "results")
    return tmp_path / "results"


def save(found: dict, folder: Path) -> None:
    document.save(folder / "measured/rlef/tiny.json", found)


def rows_in(results: Path) -> dict[tuple[str, str], dict]:
    found = document.read(results / "measured/rlef/tiny.json")
    return {(row["method"], row["metric"]): row for row in found["rows"]}


def test_the_table_still_trains() -> None:
    assert TABLES["rlef"].trains


@pytest.mark.parametrize("changes", [{}, {"steps": 20}, {"data.limit": 9, "objective.beta": 0.1}])
def test_models_of_grpo_and_rlef_are_talked_with_whatever_is_set(changes, tmp_path: Path) -> None:
    request = Request(METHODS, tmp_path, changes=changes)
    runs = {name: run_for(request, name, 3e-4, 0) for name in trainable(ALL)}
    talked = {name for name, run in runs.items() if has_dialogues(dict(run.options))}
    assert talked | {BASELINE} == {"grpo", "rlef", "rlef-random"}
    assert has_dialogues(dict(run_for(request, BASELINE, 3e-4, 0).options))


def test_every_cause_is_of_one_kind() -> None:
    listed = [cause for causes in turns.KINDS.values() for cause in causes]
    assert sorted(listed) == sorted(set(Cause) - {Cause.NONE})


def test_rows_are_paired_by_seed_for_both_kinds_of_feedback(results: Path) -> None:
    rows = rows_in(results)
    assert ("grpo", "sampled") in rows  # beside those of any table of runs
    rlef = rows["rlef", told(DIALOGUE, REAL)]
    assert len(rlef["per_seed"]) == 5
    assert rlef["delta_vs_grpo"] == pytest.approx(0.09)  # 1.5 times what rlef gains at a turn
    assert rlef["p_vs_grpo"] == 0.0625
    assert rows["rlef", told(solved(1), REAL)]["delta_vs_grpo"] == 0
    gain = rows["grpo", told(GAIN, REAL)]
    parts = (rows["grpo", told(metric, REAL)]["per_seed"] for metric in (DIALOGUE, INDEPENDENT))
    assert gain["per_seed"] == pytest.approx([a - b for a, b in zip(*parts, strict=True)], abs=2e-4)
    assert rows["rlef", told(GAIN, "random")]["mean"] == pytest.approx(0.03 - 0.1)
    assert rows["rlef", REAL_GAIN]["mean"] == pytest.approx(1.5 * (0.16 - 0.02))


def test_errors_and_what_is_right_make_up_the_dialogues_of_a_turn(results: Path) -> None:
    rows = rows_in(results)
    for turn, before in ((1, None), (2, 1), (3, 2)):
        means = [rows["rlef", told(error(turn, kind), REAL)]["mean"] for kind in turns.KINDS]
        right = rows["rlef", told(solved(turn), REAL)]["mean"]
        assert sum(means) == pytest.approx(1.0 - right, abs=1e-3)
        made = 1.0 - rows["rlef", told(solved(before), REAL)]["mean"] if before else 1.0
        invalid = rows["rlef", told(error(turn, "no valid program"), REAL)]["mean"]
        assert invalid == pytest.approx(0.1 * made, abs=1e-3)


def test_the_records_of_training_have_the_names_that_the_table_reads() -> None:
    """Three dialogues by hand: one mended at the second turn, one at none, one right at once."""
    from egca.problems.generated import FAMILIES
    from egca.training.assessment import Judged, task_of
    from egca.training.dialogues import Turn, record
    from egca.training.metrics import Means
    from egca.training.sampling import Completion
    from egca.types import Mode

    task = task_of(FAMILIES["easy"].task("test", 1).problem, None)

    def turn(cause: Cause, before: Turn | None = None) -> Turn:
        is_right = cause is Cause.NONE
        judged = Judged(Mode.CORRECT if is_right else Mode.LOGIC, cause, float(is_right))
        completion = Completion(0, 0, (), (), has_ended=True)
        said = [] if is_right else ["f(1) is 2, not 3"]
        return Turn(task, (), completion, cause.value, judged, said=said, before=before)

    wrong, raised = turn(Cause.WRONG_OUTPUT), turn(Cause.EXCEPTION)
    slow = turn(Cause.TIMEOUT, raised)
    dialogues = [
        [wrong, turn(Cause.NONE, wrong)],
        [raised, slow, turn(Cause.COMPILE, slow)],
        [turn(Cause.NONE)],
    ]
    means = Means()
    record(dialogues, len(turns.TURNS), means)
    rows = turns.rows_of_turns({"grpo": [{kind: means.values() for kind in ("real", "random")}]})
    found = {row["metric"]: row["mean"] for row in rows}
    assert len(found) == len(turns.METRICS) + 1
    for turn_number, n_solved in ((1, 1), (2, 2), (3, 2)):
        assert found[told(solved(turn_number), REAL)] == pytest.approx(n_solved / 3, abs=1e-4)
    errors = [(1, "wrong answer"), (1, "exception or exit"), (2, "time or memory limit"),
              (3, "no valid program")]  # fmt: skip
    for at in [(turn, kind) for turn in turns.TURNS for kind in turns.KINDS]:
        expected = 1 / 3 if at in errors else 0.0  # of all dialogues, also those that have ended
        assert found[told(error(*at), REAL)] == pytest.approx(expected, abs=1e-4)
    assert found[told(DIALOGUE, REAL)] == pytest.approx(2 / 3, abs=1e-4)
    assert found[told(INDEPENDENT, REAL)] == 1.0  # one of the three is right and is picked
    assert found[told(GAIN, REAL)] == pytest.approx(-1 / 3, abs=1e-4)
    assert found[REAL_GAIN] == 0


def test_the_view_has_a_line_for_each_method_and_feedback(results: Path) -> None:
    view = view_of("rlef", results)
    labels = [line.label for line in view.lines]
    assert labels[:4] == [
        f"{method}, tested with {kind} feedback"
        for method in ("GRPO", "RLEF") for kind in ("real", "random")
    ]  # fmt: skip
    assert len(labels) == 6
    columns = [column.label for column in view.columns]
    rows = rows_in(results)
    cells = dict(zip(columns, view.lines[2].cells, strict=True))  # RLEF, real
    mean = rows["rlef", told(DIALOGUE, REAL)]["mean"]
    assert cells["dialogue, %"].startswith(f"{100 * mean:.1f} (")
    assert cells["dialogue over independent"].startswith("+14.0")
    assert cells["dialogue against GRPO"].startswith("+9.0")
    assert cells["turn 3, %"] == "90.0"
    assert cells["no valid program, % of dialogues"].startswith("10.0 / 5.")
    assert view.lines[2].cells[:2] == view.lines[3].cells[:2]  # one model, whatever it hears
    assert GAP not in view.lines[2].cells
    assert view.lines[0].cells[columns.index("dialogue against GRPO")] == GAP
    head = markdown(view).splitlines()[0]
    assert "measured, preset tiny, one answer of 3 programs: independent, %" in head


def test_the_text_says_what_the_intervals_support(results: Path, made) -> None:
    text = " ".join(view_of("rlef", results).text)
    assert "picked by the same public tests" in text
    said = "Dialogues with real feedback against independent programs in the same budget, in "
    assert f"{said}points with 95 % intervals over seeds: more solved by GRPO +5.0 (" in text
    said = "Dialogues with random feedback against independent programs in the same budget, in "
    assert f"{said}points with 95 % intervals over seeds: fewer solved by GRPO -7.0 (" in text
    assert "against random feedback, in points with 95 % intervals over seeds: more so" in text
    assert "In answers of dialogues with real feedback, in points with 95 % intervals: abo" in text
    few = turns.measure("rlef", made(METHODS, 2))
    save(few, results)
    text = " ".join(view_of("rlef", results).text)
    assert "2 seeds are too few to say what feedback gives" in text
    assert "more solved" not in text


def test_a_gain_whose_interval_holds_0_is_not_said(results: Path) -> None:
    path = results / "measured/rlef/tiny.json"
    found = document.read(path)
    for row in found["rows"]:
        if (row["method"], row["metric"]) == ("grpo", told(GAIN, REAL)):
            row["ci95"] = [-0.01, 0.1]
    save(found, results)
    text = " ".join(view_of("rlef", results).text)
    assert "; no difference is shown for GRPO." in text
    assert "more solved by RLEF +14.0 (" in text


def test_runs_that_were_in_no_dialogue_make_the_table_without(made, tmp_path: Path) -> None:
    request = made(METHODS)
    for path in request.folder.glob("*.json"):
        left = json.loads(path.read_text())
        if "final" in left:
            left["final"].pop("turns", None)
            path.write_text(json.dumps(left))
    found = turns.measure("rlef", request)
    assert "dialogues" not in found["protocol"]
    assert not any("turn" in row["metric"] or "dialogue" in row["metric"] for row in found["rows"])
    save(found, tmp_path / "results")
    view = view_of("rlef", tmp_path / "results")
    assert [line.label for line in view.lines] == ["GRPO", "RLEF", "RLEF with random feedback"]
    assert "dialogue" not in " ".join(view.text).replace("with dialogues", "")
    assert "Pass rate of the rollouts" in svg("rlef", found)


def test_a_method_of_earlier_runs_has_its_own_numbers_alone(made, tmp_path: Path) -> None:
    request = made(METHODS)
    for path in request.folder.glob("*.json"):
        left = json.loads(path.read_text())
        if left.get("options", {}).get("dialogue.feedback") == "random":
            left["final"].pop("turns")
            path.write_text(json.dumps(left))
    save(turns.measure("rlef", request), tmp_path / "results")
    lines = {line.label: line.cells for line in view_of("rlef", tmp_path / "results").lines}
    own = lines["RLEF with random feedback"]
    assert own[0] != GAP
    assert set(own[2:]) == {GAP}
    assert len(lines) == 5


def test_a_turn_that_no_dialogue_came_to_has_no_likeness_and_no_errors(made) -> None:
    request = made(METHODS)
    path = next(p for p in request.folder.glob("*.json") if '"rlef"' in p.read_text())
    left = json.loads(path.read_text())
    one = left["final"]["turns"]["real"]
    gone = [name for name in one if name.startswith("turn_3_") and name != "turn_3_solved"]
    for name in gone:
        del one[name]
    one["turn_3_made"] = 0.0
    rows = turns.rows_of_turns({"grpo": [left["final"]["turns"]] * 2})
    metrics = {row["metric"]: row["mean"] for row in rows}
    assert told("chrf 3", REAL) not in metrics
    assert told("chrf 3", "random") in metrics
    assert metrics[told(error(3, "wrong answer"), REAL)] == 0


def test_the_plot_shows_turns(results: Path, monkeypatch, tmp_path: Path) -> None:
    found = document.read(results / "measured/rlef/tiny.json")
    drawn = svg("rlef", found)
    assert "<title>Solve rate by turn" in drawn
    assert "RLEF with random feedback, tested with random" in drawn
    assert drawn == svg("rlef", found)
    assert png("rlef", found).startswith(b"\x89PNG")
    monkeypatch.setattr("harness.tables.registry.results_folder", lambda: results)
    page = (write(tmp_path / "report")[0]).read_text("utf-8")
    assert "errors at turns 1 / 2 / 3" in page
    assert "Solve rate by turn" in page
