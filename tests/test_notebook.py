"""docs/notebook.ipynb gives what it shows: its cells are run again, in a kernel of their own."""

import pytest

from harness import notebook


def test_the_notebook_shows_what_its_cells_give():
    for package in ("nbclient", "ipykernel"):
        pytest.importorskip(package, reason='needs the extra "docs"')
    kept = notebook.NOTEBOOK.read_text("utf-8")
    assert notebook.executed() == kept, "stale: make docs"


@pytest.mark.parametrize("text", ["/home/someone/x.py", "it took 0.21 s", "12.5 ms"])
def test_an_output_with_a_path_or_a_time_is_refused(text):
    with pytest.raises(ValueError, match=r"an output of notebook\.ipynb shows"):
        notebook._refuse_traces_of_the_machine({"data": {"text/plain": text}})
