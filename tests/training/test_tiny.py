"""Students of preset tiny: made once, also where two processes want one at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")

from egca.errors import InputError
from egca.training.tiny import Student, student_folder

SMALL = (
    "family='easy', hidden=32, layers=1, heads=2, vocabulary=280, steps=3, batch_size=4, n_tasks=2"
)
MAKE = f"""
import sys
from pathlib import Path
from egca.training.tiny import Student, student_folder
steps = []
folder = student_folder(Student({SMALL}), Path(sys.argv[1]), lambda step, loss: steps.append(step))
print(len(steps), folder.name)
"""


def test_two_processes_make_one_student(tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = sorted(one.communicate(timeout=120)[0].split() for one in both)
    assert [n for n, _ in said] == ["0", "3"]
    assert said[0][1] == said[1][1]
    names = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert names == {said[0][1]}  # nothing half made is left


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        student_folder(Student(n_tasks=1), tmp_path / "file" / "students")
