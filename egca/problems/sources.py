"""Where a data set's file is: a path, or a name from DATASETS.

HumanEval comes with a package, HumanEval+ and MBPP+ through EvalPlus, and any of them from the
folder that EGCA_DATA names; tiny is generated. What the file holds is decided in datasets.py."""

from __future__ import annotations

import contextlib
import io
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from egca.errors import ProblemError
from egca.problems.humaneval import humaneval_path

if TYPE_CHECKING:
    from egca.problems.generated import GeneratedSet

FOLDER = "EGCA_DATA"
_ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """How a data set is found by its name.

    variable and evalplus are EvalPlus's: the variable that names a file instead, the file's stem.
    """

    about: str
    variable: str = ""
    evalplus: str = ""


DATASETS: dict[str, Source] = {
    "HumanEval": Source("164 functions, shipped"),
    "HumanEval+": Source("HumanEval's extended", "HUMANEVAL_OVERRIDE_PATH", "HumanEvalPlus"),
    "MBPP": Source("974 functions, or the 427 of the sanitized set"),
    "MBPP+": Source("378 functions of MBPP, extended", "MBPP_OVERRIDE_PATH", "MbppPlus"),
    "LiveCodeBench": Source("contest tasks with the day of their contest"),
    "LeetCode": Source("methods of class Solution, in LeetCodeDataset's format"),
    "APPS": Source("scripts and functions for training"),
    "APPS+": Source("APPS, cleaned"),
    "CodeContests": Source("scripts for training"),
    "tiny": Source("generated here; tiny-easy and tiny-hard too, each with -validation or -test"),
}


def dataset_path(name_or_path: Path | str, environ: Mapping[str, str] = os.environ) -> Path:
    """The file of a data set: a path as it is, or that of a name in DATASETS, in any case.

    A generated set has no file; its name stands for it.
    Raises: ProblemError for a name whose file is not there.
    """
    made = generated_of(str(name_or_path))
    if made is not None:
        return Path(made.name)
    name = _known(str(name_or_path))
    if name is None:
        return _checked(Path(name_or_path))
    source = DATASETS[name]
    if source.variable and environ.get(source.variable):
        return Path(environ[source.variable])
    local = _in_folder(name, environ)
    if local is not None:
        return local
    if name == "HumanEval":
        return humaneval_path()
    if source.evalplus:
        return _from_evalplus(name, source, environ)
    raise ProblemError(
        f"{name} is not shipped: give its file's path, or put {name.lower()}.jsonl into the folder "
        f"that {FOLDER} names"
    )


def generated_of(name: str) -> GeneratedSet | None:
    """The generated set of this name, which has no file; None for any other text."""
    if not name.lower().startswith("tiny"):
        return None
    from egca.problems.generated import generated_set  # 40 ms that only these names need

    return generated_set(name)


def _known(text: str) -> str | None:
    """The name in DATASETS that a text means, if any."""
    wanted = text.lower().replace("plus", "+")
    return next((name for name in DATASETS if name.lower() == wanted), None)


def _checked(path: Path) -> Path:
    """The path; a bare word that is no file is taken for a misspelt name."""
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    names = {name.lower(): name for name in DATASETS}
    near = get_close_matches(str(path).lower(), names, 1, 0.6)
    hint = f'did you mean "{names[near[0]]}"?' if near else f"known are {', '.join(DATASETS)}"
    raise ProblemError(f"{path}: neither a file nor a data set; {hint}")


def _in_folder(name: str, environ: Mapping[str, str]) -> Path | None:
    if not environ.get(FOLDER):
        return None
    candidates = [Path(environ[FOLDER]) / f"{name.lower()}{ending}" for ending in _ENDINGS]
    return next((path for path in candidates if path.is_file()), None)


def _from_evalplus(name: str, source: Source, environ: Mapping[str, str]) -> Path:
    """The file that EvalPlus has downloaded, or downloads now. Raises: ProblemError."""
    from http.client import HTTPException  # 20 ms that only a download needs

    remedy = f"give its file's path, or set {source.variable}"
    try:
        from evalplus.data import humaneval, mbpp, utils
    except ImportError:
        cached = _cached(source.evalplus, environ)
        if cached is not None:
            return cached
        raise ProblemError(
            f'{name} is not shipped: {remedy}, or let EvalPlus get it: pip install "egca[eval]"'
        ) from None
    version = humaneval.HUMANEVAL_PLUS_VERSION if name == "HumanEval+" else mbpp.MBPP_PLUS_VERSION
    url, path = utils.get_dataset_metadata(source.evalplus, version, False)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it says on stdout that it downloads
            utils.make_cache(url, path)
    except (OSError, EOFError, HTTPException, zlib.error) as error:
        raise ProblemError(f"{name}: EvalPlus cannot download it ({error}); {remedy}") from None
    return Path(path)


def _cached(stem: str, environ: Mapping[str, str]) -> Path | None:
    """The newest file that EvalPlus, when it was there, has left in its cache."""
    home = Path(environ.get("HOME") or Path.home())
    folders = [
        Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "evalplus",
        home / "Library" / "Caches" / "evalplus",
    ]
    found = [path for folder in folders for path in folder.glob(f"{stem}-v*.jsonl")]
    return max(found, key=_version, default=None)


def _version(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", path.stem)]
