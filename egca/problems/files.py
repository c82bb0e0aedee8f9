"""Test files by path: Python, JSON or JSONL, told apart by ending and, failing that, content."""

from __future__ import annotations

from pathlib import Path

from egca.errors import ProblemError
from egca.files import reason_of
from egca.problems.json_tests import parse_json_tests
from egca.problems.problem import Test
from egca.problems.python_tests import parse_python_tests


def load_tests(path: Path | str, entry_point: str, *, context: str = "") -> tuple[Test, ...]:
    """The tests in a file.

    Args:
        entry_point: "f", "Solution.f", or "" for a script.
        context: source of a module whose helpers Python tests may use besides their own.
    Raises: ProblemError naming file and line.
    """
    return parse_tests(read_text(path), entry_point, filename=str(path), context=context)


def parse_tests(
    text: str, entry_point: str, *, filename: str = "tests", context: str = ""
) -> tuple[Test, ...]:
    """As load_tests, of a text; filename stands in messages, and its ending says what it is."""
    if _is_json(Path(filename), text):
        return parse_json_tests(text, entry_point, filename=filename)
    if not entry_point:
        raise ProblemError(
            f"{filename}: Python tests need an entry point to call; name it with --entry-point, "
            "or give a script's tests as JSON with stdin and output"
        )
    return parse_python_tests(text, entry_point, filename=filename, context=context)


def read_text(path: Path | str) -> str:
    """A file's text as UTF-8, line ends kept. Raises: ProblemError."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ProblemError(f"{path}: {reason_of(error)}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"{path}: not UTF-8 text (byte {error.start})") from None


def _is_json(path: Path, text: str) -> bool:
    if path.suffix in (".json", ".jsonl", ".ndjson"):
        return True
    return path.suffix != ".py" and text.lstrip()[:1] in ("{", "[")
