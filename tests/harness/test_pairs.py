"""Tables whose runs say which tasks they solved: pairs over tasks as well as seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("matplotlib", reason="needs the extra report")

from harness.tables import document, learning, words
from harness.tables.cells import GAP
from harness.tables.view import View, view_of

OVER_TASKS = "pass@1 sampled, % against GRPO, over seeds and tasks"


def shown(found: dict, folder: Path) -> View:
    document.save(folder / "measured/main/tiny.json", found)
    return view_of("main", folder)


def cell(view: View, line: str, label: str) -> str:
    at = [column.label for column in view.columns].index(label)
    return next(one for one in view.lines if one.label == line).cells[at]


def test_a_table_pairs_by_tasks_and_shows_it(made, tmp_path: Path) -> None:
    found = learning.measure("main", made(("base", "egca")))
    rows = {(row["method"], row["metric"]): row for row in found["rows"]}
    for metric in ("sampled", "greedy"):
        egca = rows["egca", metric]
        low, high = egca["delta_ci95_tasks"]
        assert egca["delta_ci95"] == [0.1, 0.1]
        assert 0 < low < 0.1 < high  # odd tasks gain, even ones do not
        assert egca["p_tasks"] == pytest.approx(1 / 20_001, abs=1e-5)  # twenty of them, all up
        assert egca["p_tasks_holm"] == egca["p_tasks"]
        assert "p_tasks" not in rows["base", metric]
        assert rows["base", metric]["delta_ci95_tasks"][1] < 0
    assert "delta_ci95_tasks" not in rows["egca", "area"]
    assert "not whether other seeds would" in found["protocol"]["p_tasks"]
    view = shown(found, tmp_path)
    low, high = (100 * end for end in rows["egca", "sampled"]["delta_ci95_tasks"])
    ends = f"({low:+.1f} to {high:+.1f})"
    assert cell(view, "EGCA", OVER_TASKS) == f"+10.0 {ends}, p over tasks = 5e-05"
    assert cell(view, "base", OVER_TASKS).endswith(")")  # an interval and no test
    assert cell(view, "GRPO", OVER_TASKS) == GAP
    text = " ".join(view.text)
    assert f"; over tasks too {low:+.1f} to {high:+.1f})" in text
    assert "EGCA passes a test at 5 % after Holm's correction; it says nothing of other" in text


def test_a_difference_of_few_tasks_is_none_of_tasks_like_them(made, tmp_path: Path) -> None:
    """One task in forty is gained by every seed: seeds agree, and other tasks may have no such."""
    request = made(("egca",))
    for path in request.folder.glob("*.json"):
        left = json.loads(path.read_text())
        gain = float(left.get("options", {}).get("credit.strategy") == "egca")
        solved = {f"task/{n}": 0.5 + gain * 0.5 * (n == 0) for n in range(40)}
        end = {"pass_at_1": sum(solved.values()) / 40, "solved": solved}
        if "final" in left:
            left["final"] = {"sampled": end, "greedy": end}
            path.write_text(json.dumps(left))
    found = learning.measure("main", request)
    row = next(r for r in found["rows"] if (r["method"], r["metric"]) == ("egca", "sampled"))
    assert row["delta_ci95"] == [0.0125, 0.0125]
    assert row["delta_ci95_tasks"][0] == 0
    assert row["p_tasks"] == 1
    said = [one for one in words.learned(found, "main") if "sampled pass@1" in one]
    assert said[0].startswith("In sampled pass@1 on tests, in points with 95 % intervals: no diff")
    assert "taken as given" not in " ".join(said)


def test_runs_that_do_not_say_what_they_solved_are_compared_by_seeds(made, tmp_path: Path) -> None:
    request = made(("base", "egca", "tempo"))
    for path in request.folder.glob("*.json"):
        left = json.loads(path.read_text())
        strategy = left.get("options", {}).get("credit.strategy")
        if strategy == "tempo" or (strategy == "egca" and left["options"]["seed"] == 2):
            for end in left["final"].values():
                end.pop("solved", None)
            path.write_text(json.dumps(left))
    rows = learning.measure("main", request)["rows"]
    assert {row["method"] for row in rows if "delta_ci95_tasks" in row} == {"base"}
    assert all("p_holm" in row for row in rows if row["method"] in ("egca", "tempo"))
    for path in request.folder.glob("*.json"):  # and none of GRPO's
        path.write_text(path.read_text().replace('"solved"', '"unknown"'))
    found = learning.measure("main", request)
    assert not any("delta_ci95_tasks" in row for row in found["rows"])
    assert "p_tasks" not in found["protocol"]
    labels = [column.label for column in shown(found, tmp_path).columns]
    assert OVER_TASKS not in labels
