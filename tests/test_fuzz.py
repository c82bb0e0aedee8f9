"""Every format of files that is read: whatever stands in one, it is read, or refused in one line.

Seeds are files as they should be; hypothesis cuts, repeats, moves and replaces pieces of them. A
few inputs of each are tried always, 10,000 of each under the marker `fuzz`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from egca.errors import EgcaError
from egca.execution.decoding import WireError, decode
from egca.execution.wire import encode
from egca.problems import case_of, extract_program, load_dataset
from egca.problems.files import parse_tests
from egca.problems.texts import problem_of_texts
from egca.prompts import parse_prompt, prompts_folder
from egca.providers import structured
from egca.structure.constraints import ConstraintSet
from harness.evaluation.samples import read_samples

N_ALWAYS, N_FUZZ = 40, 10_000

PYTHON_TESTS = '''\
import math, pytest
from solution import f
CASES = [(1, 2), (2, 3)]

def check(candidate):
    assert candidate(1, [2]) == 3
    assert abs(candidate(0.5) - 0.25) < 1e-6, "é"

@pytest.mark.parametrize("x, y", [(1, 2), (3, 4)])
def test_more(x, y):
    with pytest.raises(ValueError):
        f(x)
    for a, b in CASES:
        assert f(a) == pytest.approx(b)

class TestMore(unittest.TestCase):
    def test_one(self):
        self.assertEqual(sorted(f("""a"""), key=lambda c: -c), {1, 2})
'''
JSON_TESTS = """\
{"name": "a", "args": [1, [2.5, null]], "kwargs": {"k": true}, "expected": {"x": [1]}}
{"input": "(1, {2: 'b'})", "output": "[(1,), {3}]", "atol": 1e-6, "rtol": 0, "unordered": true}
{"args": [], "types": "exact", "view": "set"}
"""
SCRIPT_TESTS = '{"tests": [{"stdin": "1\\\\n", "output": "2"}, {"input": "3"}], "atol": 0.5}'
COMPLETION = """\
Here it is:

```python
def f(x):
    return x + 1
```
or ~~~py
def f(x): return "```"
~~~
"""
PROGRAM = '''\
class Solution:
    """é"""
    def f(self, x, *rest, k=1):
        try:
            return [y async for y in x] if x else lambda: (yield)
        except* (ValueError, KeyError) as e:
            match x:
                case {"a": [1, *_]}:
                    raise SystemExit from e
f = Solution().f
'''
DATASETS = [
    {"task_id": "a/1", "prompt": "p", "entry_point": "f", "reference": "def f(x):\n    return x\n",
     "tests": [{"args": [1], "expected": 1}]},
    {"task_id": "HumanEval/0", "prompt": "def f(x):\n", "canonical_solution": "    return x\n",
     "test": "def check(candidate):\n    assert candidate(1) == 1\n", "entry_point": "f"},
    {"task_id": 2, "text": "t", "code": "def f(x):\n    return x\n",
     "test_list": ["assert f(1) == 1"], "test_setup_code": "", "challenge_test_list": []},
    {"question": "q", "solutions": '["print(1)"]', "problem_id": 3,
     "input_output": '{"inputs": ["1"], "outputs": ["1"]}', "starter_code": ""},
    {"question_id": "q", "question_content": "c", "public_test_cases":
     '[{"input": "1", "output": "1", "testtype": "stdin"}]', "private_test_cases": "[]",
     "starter_code": "", "metadata": "{}", "contest_date": "2024-08-01T00:00:00"},
]  # fmt: skip
CASE = {"case_id": "c", "entry_point": "f", "candidate": "def f(x): return x",
        "reference": "def f(x): return 1", "inputs": ["(1,)", "([], {'a': 1.5})"],
        "atol": 0.1}  # fmt: skip
CONSTRAINTS = {"version": 1, "constraints": [
    {"kind": "allowed_imports", "enforced": True, "parameters": {"modules": ["math"]}},
    {"kind": "recursion", "enforced": False, "parameters": {"required": False}},
    {"kind": "complexity", "enforced": False, "parameters": {"max_depth": 2}}]}  # fmt: skip
SAMPLES = '{"task_id": "a/1", "solution": "x"}\n{"task_id": "a/1", "completion": "y", "n": 1}\n'
REPLY = 'Sure: ```json\n{"line": 3, "reason": "it\'s", "parts": [1, 2,], // end\n"ok": True}\n```'
SCHEMA = {
    "type": "object",
    "properties": {
        "line": {"type": "integer"},
        "reason": {"type": "string"},
        "parts": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["line"],
}


def of_a_file(read: Callable[[Path], Any]) -> Callable[[str], Any]:
    """A reader of texts from one of files; the file is in a folder of its own."""

    def reader(text: str) -> Any:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "file.jsonl"
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            return read(path)

    return reader


def wire(text: str) -> Any:
    """Values as a program under test may send them: the text is Latin-1 of the bytes."""
    return decode(text.encode("latin-1", "replace"))


# Of each format: a reader that may raise EgcaError (WireError on the wire), and files as they are.
FORMATS: dict[str, tuple[Callable[[str], Any], list[str]]] = {
    "tests in Python": (lambda text: parse_tests(text, "f", filename="t.py"), [PYTHON_TESTS]),
    "tests in JSON": (lambda text: parse_tests(text, "f", filename="t.jsonl"), [JSON_TESTS]),
    "tests of scripts": (lambda text: parse_tests(text, "", filename="t.jsonl"), [SCRIPT_TESTS]),
    "program": (lambda text: problem_of_texts(text, PYTHON_TESTS), [PROGRAM]),
    "completion": (extract_program, [COMPLETION]),
    "data set": (
        of_a_file(lambda path: list(load_dataset(path))),
        [json.dumps(row) for row in DATASETS],
    ),
    "case of a batch": (lambda text: case_of(as_row(text)), [json.dumps(CASE)]),
    "samples": (of_a_file(read_samples), [SAMPLES]),
    "constraints": (lambda text: ConstraintSet.from_dict(as_data(text)), [json.dumps(CONSTRAINTS)]),
    "prompt": (
        lambda text: parse_prompt(text.encode("utf-8", "replace").decode()),
        [path.read_text("utf-8") for path in sorted(prompts_folder().glob("*/v1.md"))[:3]],
    ),
    "reply": (lambda text: structured.parsed(text, SCHEMA), [REPLY]),
    "wire": (wire, [encode([1, (2.5, {"a": {3}}), "é" * 40, b"x", None]).decode("latin-1")]),
}


def as_data(text: str) -> Any:
    """JSON data of a text that may be none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def as_row(text: str) -> dict[str, Any]:
    data = as_data(text)
    return data if isinstance(data, dict) else {"case_id": data, "inputs": data}


PIECES = [
    "",
    "\0",
    "\n",
    '"',
    "'",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":",
    ",",
    "\\",
    "\ud800",
    "\u2028",
]
PIECES += ["null", "true", "NaN", "1e999", "-1", "9" * 5000, "[" * 3000, "(" * 300, "é", "\t", "#"]


@st.composite
def spoilt(draw: st.DrawFn, seeds: list[str]) -> str:
    """A file, some of whose pieces are gone, doubled, elsewhere, or something else."""
    text = draw(st.sampled_from(seeds))
    chance = random.Random(draw(st.integers(0, 2**64)))  # one draw: hypothesis is slow with many
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(text) + 1)
        end = min(start + int(chance.expovariate(0.2)), len(text))
        piece = chance.choice(
            [chance.choice(PIECES), text[start:end] * 2, chr(chance.randrange(256))]
        )
        at = chance.choice([start, start, chance.randrange(len(text) + 1)])
        text = text[:start] + text[end:]
        text = text[:at] + piece + text[at:]
    return swapped(chance, text)


def swapped(chance: random.Random, text: str) -> str:
    """Where a text is JSON still, now and then with one of its values by another."""
    data = as_data(text)
    if not isinstance(data, dict | list) or not data or chance.random() < 0.5:
        return text
    holder: Any = data
    while True:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = chance.choice(list(keys))
        if isinstance(holder[key], dict | list) and holder[key] and chance.random() < 0.6:
            holder = holder[key]
            continue
        holder[key] = chance.choice(
            [None, True, -1, 1.5, "", "x", [], {}, [[]], {"a": []}, 10**400]
        )
        return json.dumps(data)


def is_read_or_refused(name: str, n: int) -> None:
    read, seeds = FORMATS[name]

    @seed(0)
    @settings(max_examples=n, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(spoilt(seeds) | st.text(max_size=80))
    def check(text: str) -> None:
        said = "read"
        try:
            read(text)
        except (EgcaError, WireError) as error:
            said = str(error)
        assert said
        assert "\n" not in said

    for text in seeds:
        read(text)
    check()


@pytest.mark.parametrize("name", FORMATS)
def test_some_files_of_each_format(name: str) -> None:
    is_read_or_refused(name, N_ALWAYS)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", FORMATS)
def test_ten_thousand_files_of_each_format(name: str) -> None:
    is_read_or_refused(name, N_FUZZ)
