"""Published numbers: results/published/TABLE.yaml, checked when they are read.

What a publication says stays apart from what was measured here: nothing in this file knows of
results/measured, and no number of one is ever filled in from the other (harness/tables/view.py).
Needs the extra `report`; egca/cli/bench_tables.py says so in one line."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import egca
from egca.errors import InputError
from egca.files import read_whole


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Strict):
    """What a column says, and in which unit."""

    label: str
    unit: str


class Row(_Strict):
    """A method's numbers; null where the publication, as far as we know it, gives none."""

    method: str
    label: str | None = None
    values: dict[str, float | None]


class Direction(_Strict):
    """What a publication says of a method without a number."""

    method: str
    says: str


class Published(_Strict):
    """One table of a publication: source, setting, and its numbers."""

    title: str
    source: str = Field(min_length=10)
    model: str
    setting: str
    metrics: dict[str, Metric] = Field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    directions: tuple[Direction, ...] = ()

    @model_validator(mode="after")
    def _rows_fit(self) -> Published:
        for row in self.rows:
            if set(row.values) != set(self.metrics):
                raise ValueError(f"row {row.method} must have exactly {', '.join(self.metrics)}")
        for listed in (self.rows, self.directions):
            names = [one.method for one in listed]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{min(twice)} stands there twice")
        if not self.rows and not self.directions:
            raise ValueError("it says nothing: neither rows nor directions")
        return self


def published_folder() -> Path:
    """Where the files are: inside an installed package, or at the top of the repository."""
    package = Path(egca.__file__).parent
    installed = package / "_data" / "results" / "published"
    return installed if installed.is_dir() else package.parent / "results" / "published"


def read_published(path: Path) -> Published:
    """A checked file. Raises: InputError in one line, naming the file and what is wrong in it."""
    try:
        tree: Any = yaml.safe_load(read_whole(path).decode("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path}: cannot be read as YAML: {' '.join(str(error).split())}"
        ) from None
    try:
        return Published.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {f'{where}: ' if where else ''}{said}") from None


@cache
def published(table: str) -> Published | None:
    """What is published of a table; None where there is no file."""
    path = published_folder() / f"{table}.yaml"
    return read_published(path) if path.is_file() else None
