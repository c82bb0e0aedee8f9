"""What every test may use: golden files, and where the data beside the repository lies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# On a busy machine a slow example is no failure; tests with a time limit say so themselves.
settings.register_profile("egca", deadline=None)
settings.load_profile("egca")

SHARED = Path(__file__).resolve().parents[2] / "shared"

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="rewrite the golden files of rendered text instead of comparing with them",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with the file golden/NAME beside the test; `--golden` writes it instead."""
    folder = request.path.parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / name
        if request.config.getoption("--golden"):
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.exists(), f"{path} is missing: make golden, and read what it writes"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: make golden"

    return check


@pytest.fixture
def shared() -> Path:
    """The folder of shared data; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared beside the repository")
    return SHARED
