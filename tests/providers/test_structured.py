"""What the tolerant parser finds in replies as models write them, and what it refuses to guess."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egca.errors import InputError, ProviderError, ReplyError
from egca.providers.schema import misfit
from egca.providers.structured import parsed

SCHEMA = {
    "type": "object",
    "properties": {
        "line": {"type": "integer", "minimum": 1},
        "why": {"type": "string"},
        "fixed": {"type": ["boolean", "null"]},
        "more": {"type": "array", "items": {"type": "object", "required": ["line"]}},
    },
    "required": ["line"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"line": 3}', {"line": 3}),
        ('```json\n{"line": 3}\n```', {"line": 3}),
        ('Here you are:\n```\n{"line": 3}\n```\nHope it helps {really}.', {"line": 3}),
        ('~~~json\n{"line": 3}\n~~~', {"line": 3}),
        (
            '```json\n{"line": 3, "why": "``` is a fence"}\n```',
            {"line": 3, "why": "``` is a fence"},
        ),
        ('I think {x} is wrong, so {"line": 3} it is.', {"line": 3}),
        ("It is {'line': 3, 'fixed': True}.", {"line": 3, "fixed": True}),
        ("{'line': 3, 'fixed': None,}", {"line": 3, "fixed": None}),
        ('{line: 3, why: "x"}', {"line": 3, "why": "x"}),
        ('{"line": 3, // the third\n "why": "x" /* so */}', {"line": 3, "why": "x"}),
        ('{"line": 3,\n "why": "two\nlines"}', {"line": 3, "why": "two\nlines"}),
        ('{"line": 3, "why": "a \\"b\\" \\u00e9"}', {"line": 3, "why": 'a "b" é'}),
        ("{'line': 3, 'why': 'it\\'s \"so\"'}", {"line": 3, "why": 'it\'s "so"'}),
        ('{"line": 3, "why": "\\d+"}', {"line": 3, "why": "\\d+"}),
        ('{"line": 0} no, wait: {"line": 4}', {"line": 4}),
        ('{"line": 3, "why": "the answ', {"line": 3}),
        ('{"line": 3, "more": [{"line": 4}, {"line": 5', {"line": 3, "more": [{"line": 4}]}),
        ('{"line": 3, "more": [{"line": 4},', {"line": 3, "more": [{"line": 4}]}),
        ('{"line": 3, "fixed": tr', {"line": 3}),
        ('{"line": 3, "wh', {"line": 3}),
        ('```json\n{"line": 3, "why": "cut', {"line": 3}),
        ('{"line": 3', None),  # 3 may have been going to be 30
        ('{"line": ', None),
        ("no JSON at all", None),
        ("def f(x): return [x]", None),
    ],
)
def test_the_value_of_a_reply(text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(ReplyError):
            parsed(text, SCHEMA)
    else:
        assert parsed(text, SCHEMA) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the answer is empty"),
        ("I do not know.", "the answer holds no JSON"),
        ('{"line": "3"}', 'line is "3", but must be an integer'),
        ('{"line": true}', "line is true, but must be an integer"),
        ('{"line": 0}', "line is 0, but must be at least 1"),
        ('{"why": "x"}', 'the answer has no "line"'),
        ("[3]", "the answer is [3], but must be an object"),
        (
            '{"line": 3, "row": 1}',
            'the answer has "row", but may have only: line, why, fixed, more',
        ),
        ('{"line": 3, "more": [{"line": 4}, {}]}', 'more[1] has no "line"'),
    ],
)
def test_what_is_wrong_is_one_line(text: str, reason: str) -> None:
    with pytest.raises(ProviderError) as error_info:
        parsed(text, SCHEMA)
    assert isinstance(error_info.value, ReplyError)
    assert str(error_info.value) == reason


def test_a_schema_with_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(InputError, match=r"\$ref"):
        parsed('{"line": 3}', {"properties": {"line": {"$ref": "#/x"}}})


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        (1, {"enum": [True]}, False),
        (True, {"const": True}, True),
        (2.0, {"type": "integer"}, True),
        (2.5, {"type": "number", "exclusiveMaximum": 2.5}, False),
        ("ab", {"minLength": 3}, False),
        ("ab", {"pattern": "^a"}, True),
        ([1, "x"], {"items": {"type": "integer"}}, False),
        ([1], {"minItems": 2}, False),
        ("x", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, True),
        (1, {"oneOf": [{"type": "integer"}, {"type": "number"}]}, False),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, False),
        (None, {"type": "null", "description": "nothing"}, True),
        (1, False, False),
    ],
)
def test_schema_keywords(value: Any, schema: Any, fits: bool) -> None:
    assert (misfit(value, schema) is None) == fits


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), json_values, max_size=5)


@given(objects)
@example({"\U00010000\\'": None})
def test_what_json_and_python_write_is_read_back(value: dict[str, Any]) -> None:
    for text in (json.dumps(value), json.dumps(value, indent=2), repr(value)):
        assert parsed(f"So: {text}\nDone.", {"type": "object"}) == value


@given(objects, st.data())
def test_a_cut_value_holds_nothing_that_was_not_there(value: dict[str, Any], data: Any) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(1, len(text)))]
    found = parsed(cut, {"type": "object"})
    assert is_part(found, value)


def is_part(part: Any, whole: Any) -> bool:
    """Whether a value is another one with members missing at its end."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_part(inside, whole[name]) for name, inside in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        pairs = zip(part, whole, strict=False)
        return len(part) <= len(whole) and all(is_part(one, other) for one, other in pairs)
    return bool(part == whole)


@given(st.text(alphabet="{}[]\":,'\\ab1 \n`", max_size=60))
def test_no_text_is_a_fault(text: str) -> None:
    try:
        value = parsed(text, {"type": "object"})
    except ReplyError:
        return
    assert isinstance(value, dict)
