"""The JSON document: valid by the shipped schema, exact where it says so, safe to serialize."""

from __future__ import annotations

import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.localization.render.document import document, value_data
from egca.localization.render.values import exact_json, glimpse, glimpse_pair, middle, text_of
from egca.localization.result import Localization

SCHEMA = json.loads(
    resources.files("egca.localization.render")
    .joinpath("localization.schema.json")
    .read_text(encoding="utf-8")
)
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
scalars = st.deferred(  # deferred: short to print
    lambda: (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.binary()
        | st.complex_numbers(allow_nan=False, allow_infinity=False)
    )
)
hashables = st.deferred(
    lambda: scalars | st.tuples(scalars, scalars) | st.frozensets(scalars, max_size=3)
)
values = st.deferred(
    lambda: (
        scalars
        | st.lists(values, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.dictionaries(hashables, values, max_size=3)
    )
)


def violations(schema: dict[str, Any], data: Any, at: str = "$") -> list[str]:
    """What of the schema's vocabulary (all that ours uses) the data breaks."""
    if "$ref" in schema:
        return violations(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], data, at)
    if "anyOf" in schema:
        tried = [violations(option, data, at) for option in schema["anyOf"]]
        return [] if [] in tried else min(tried, key=len)
    found = []
    if "const" in schema and data != schema["const"]:
        found.append(f"{at}: {data!r} is not {schema['const']!r}")
    if "enum" in schema and data not in schema["enum"]:
        found.append(f"{at}: {data!r} is not one of {schema['enum']}")
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    is_bool = isinstance(data, bool) and "boolean" not in names
    if names and (is_bool or not any(isinstance(data, TYPES[name]) for name in names)):
        return [*found, f"{at}: {type(data).__name__} is not {names}"]
    if "minimum" in schema and data < schema["minimum"]:
        found.append(f"{at}: {data} is below {schema['minimum']}")
    if "maximum" in schema and data > schema["maximum"]:
        found.append(f"{at}: {data} is above {schema['maximum']}")
    if isinstance(data, list):
        if not schema.get("minItems", 0) <= len(data) <= schema.get("maxItems", math.inf):
            found.append(f"{at}: {len(data)} items")
        for index, item in enumerate(data):
            found += violations(schema.get("items", {}), item, f"{at}[{index}]")
    if isinstance(data, dict):
        properties = schema.get("properties", {})
        found += [f"{at}: no {name}" for name in schema.get("required", []) if name not in data]
        for name, item in data.items():
            if properties and name not in properties:
                found.append(f"{at}: {name} is not in the schema")
            found += violations(properties.get(name, {}), item, f"{at}.{name}")
    return found


def test_document_is_valid_and_serializable(localization: Localization) -> None:
    data = json.loads(json.dumps(document(localization), allow_nan=False))
    assert violations(SCHEMA, data) == []
    assert (data["divergence"] is None) == (localization.divergence is None)


def test_every_field_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/json.md").read_text(encoding="utf-8")
    for name in SCHEMA["properties"]:
        assert f"`{name}" in page, name
    for name in SCHEMA["$defs"]["divergence"]["properties"]:
        assert f".{name}`" in page or name == "notes", name


def test_golden_json(wrong_bound: Localization, golden: Any) -> None:
    golden("wrong_bound.json", json.dumps(document(wrong_bound), indent=1) + "\n")


def test_the_checker_itself_refuses(wrong_bound: Localization) -> None:
    data = document(wrong_bound)
    data["n_tests"] = "2"
    del data["divergence"]["span"]["line"]
    data["surprise"] = 1
    assert len(violations(SCHEMA, data)) == 3


def test_long_traces_are_windowed_around_the_divergence(wrong_bound: Localization) -> None:
    trace = document(wrong_bound, max_steps=4)["trace"]
    assert trace["n_steps"] == 9
    assert len(trace["steps"]) == 4
    assert any(step["is_divergence"] for step in trace["steps"])


def test_long_values_say_that_they_are_cut() -> None:
    data = value_data(list(range(10_000)), max_chars=100)
    assert data["is_cut"] is True
    assert len(data["text"]) <= 100
    assert "json" not in data
    assert data["text"].endswith("9999]")


@given(values)
def test_text_of_a_value_is_its_source(value: Any) -> None:
    text = text_of(value)
    assert eval(text, {"inf": math.inf}) == value
    assert len(middle(text, 30)) <= 30
    assert len(glimpse(value, 30)) <= 30


@given(values, values)
def test_a_pair_shows_its_difference(first: Any, second: Any) -> None:
    ours, theirs = glimpse_pair(first, second, 24)
    assert max(len(ours), len(theirs)) <= 24
    assert (ours == theirs) == (text_of(first) == text_of(second))


@given(values)
def test_json_is_given_only_where_it_is_exact(value: Any) -> None:
    is_exact, data = exact_json(value)
    if is_exact:
        back = json.loads(json.dumps(data, allow_nan=False))
        assert back == value
        assert repr(back) == repr(value)


@pytest.mark.parametrize("value", [float("nan"), (1,), {1: 2}, 2**60, "\ud800", {1}, b"x", 1j])
def test_what_json_cannot_say_is_text_only(value: Any) -> None:
    assert exact_json(value) == (False, None)
    assert "json" not in value_data(value, 1000)


def test_an_integer_too_long_for_decimal_is_still_source() -> None:
    assert eval(text_of([10**9000])) == [10**9000]
