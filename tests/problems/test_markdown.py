"""Programs out of completions, and the law of the character map."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egca.problems import extract_program
from egca.types import Program

DEF = "def f(x):\n    return x\n"
DOCUMENTED = 'def f(x):\n    """Like\n\n    ```\n    f(1)\n    ```\n    """\n    return x\n'
PROMPT = 'def f(x):\n    """Doc."""\n'


def check_map(program: Program) -> int:
    """Every mapped character is the same in both; returns how many are mapped."""
    if program.completion is None:
        return len(program.source)
    last = 0
    for segment in program.segments:
        assert segment.program_start >= last
        last = segment.program_start + segment.length
        there = segment.completion_start
        assert (
            program.source[segment.program_start : last]
            == (program.completion[there : there + segment.length])
        )
    return sum(segment.length for segment in program.segments)


@pytest.mark.parametrize(
    ("completion", "source"),
    [
        (DEF, DEF),
        (f"```python\n{DEF}```", DEF),
        (f"Sure:\n\n~~~py\n{DEF}~~~\nDone.", DEF),
        (f"```python\n{DEF}", DEF),
        (f"```{{.python .numberLines}}\n{DEF}```", DEF),
        (f"````md\n```python\n{DEF}```\n````", f"```python\n{DEF}```\n"),
        ("1. So:\n   ```python\n   def f(x):\n       return x\n   ```\n", DEF),
        ("\t```\n\tdef f(x):\n\t    return x\n\t```\n", DEF),
        ("> ```\n> def f(x):\n>     return x\n> ```\n", DEF),
        ("```python\r\ndef f(x):\r\n\treturn x\r\n```\r\n", "def f(x):\r\n\treturn x\r\n"),
        (f"```python\ndef f(x): pass\n```\nBetter:\n```python\n{DEF}```\n", DEF),
        (f"```python\n{DEF}```\nUse:\n```python\nprint(f(1))\n```", DEF),
        ("```bash\npip install x\n```\n```python\ny = 1\n```", "y = 1\n"),
        ("```\n    def f(x):\n        return x\n```", DEF),
        (f"Here it is:\n\n{DEF}\nIt returns x.", DEF + "\n"),
        (f"{DEF}\n  \nIt returns x.\n  - always", DEF + "\n  \n"),
        (f"{DEF}def g(x:\n    pass\n", DEF),  # cut off behind it
        ("def f(x):\n    y = 1\n    y += = x\n", "def f(x):\n    y = 1\n    y += = x\n"),
        ("def f(x):\n    y = 1\n    return (x", "def f(x):\n    y = 1\n    return (x"),
        ("Use `f` ```inline```.\n", "Use `f` ```inline```.\n"),
        ("```python\ndef f(x)\n    return\n```", "def f(x)\n    return\n"),
        ("", ""),
        # The opening fence was given to the model.
        (f"{DEF}```\n\nThis takes x.\n", DEF),
        (f"{DEF}```\n\nUse:\n```python\nprint(f(1))\n```\n", DEF),
        (f"def f(x): pass\n```\n\nBetter:\n```python\n{DEF}```\n", DEF),
        ("def f(x:\n    return x\n```\n\nThis takes x.\n", "def f(x:\n    return x\n"),
        (f"{DEF}\nExample:\n```\n>>> f(1)\n```\n", DEF + "\n"),
        (f"Solution\n```\n{DEF}```\n", DEF),
        # A fence in a docstring, with a fence around the program and without one.
        (f"```python\n{DOCUMENTED}```\nDone.\n", DOCUMENTED),
        (DOCUMENTED, DOCUMENTED),
        (f"{DOCUMENTED}```\nDone.\n", DOCUMENTED),
        (f"```python\n{DEF}   ```\nDone.\n", DEF),
        # A block that parses before one that does not.
        (f"```python\n{DEF}```\nNot:\n```python\ndef f(x)\n    return\n```", DEF),
        ("```\n3\n```\n```python\ny = 1\n```\n```\n4\n```", "y = 1\n"),
        (f"\ufeff{DEF}", DEF),
        (f"\ufeff```python\n{DEF}```", DEF),
    ],
)
def test_finds_the_program(completion: str, source: str) -> None:
    program = extract_program(completion, "f")
    assert program.source == source
    assert check_map(program) == len(source)


@pytest.mark.parametrize(
    ("completion", "added", "kept"),
    [
        ("    return x\n", PROMPT, "    return x\n"),
        ("return x\n", PROMPT + "    ", "return x\n"),
        ("y = x\n    return y\n", PROMPT + "    ", "y = x\n    return y\n"),
        ("```python\n    return x\n```", PROMPT, "    return x\n"),
        ("    return (x\n", PROMPT, "    return (x\n"),
        ("pass\n", PROMPT, "pass\n"),
        (DEF, "", DEF),
        (f"```\n{DEF}```", "", DEF),
        ("    return x\n```\n\nThis takes x.\n", PROMPT, "    return x\n"),
        ("Solution\n```\nreturn x\n```", PROMPT + "    ", "return x\n"),
    ],
)
def test_continues_a_prompt(completion: str, added: str, kept: str) -> None:
    program = extract_program(completion, "f", PROMPT)
    assert program.source == added + kept
    assert check_map(program) == len(kept)


def test_methods_and_scripts() -> None:
    source = "class Solution:\n    def g(self):\n        return 1\n"
    text = f"```python\n{source}```\n```python\nprint(Solution().g())\n```"
    assert extract_program(text, "Solution.g").source == source
    for text in (
        "```\nprint(input())\n```",
        "Input:\n```\n3\n```\n```python\nprint(input())\n```\nOutput:\n```\n3\n```",
        "Input:\n```\n3\n```\n```\nprint(input())\n```\nOutput:\n```\n3\n```",
        "```python\nn = 1\n```\nAll of it:\n```python\nprint(input())\n```",
        "```python\nprint(input())\n```\nNot:\n```python\nprint input()\n```",
        "print(input())\n```\n\nThis prints its input.\n",
    ):
        assert extract_program(text, "").source == "print(input())\n", text


LINES = st.sampled_from(
    [
        "```",
        "```python",
        "~~~",
        "````",
        "   ```py",
        "> ```",
        "- ```",
        "def f(x):",
        "    return x",
        "\treturn x",
        "> def f(x):",
        "",
        "é 🐍",
        "   def f(x): return 1",
        "x = 1",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(LINES, ENDS), max_size=9), st.sampled_from([None, PROMPT]))
def test_mapped_characters_are_the_same(pairs: list[tuple[str, str]], prompt: str | None) -> None:
    completion = "".join(line + end for line, end in pairs)
    program = extract_program(completion, "f", prompt)
    n_mapped = check_map(program)
    if prompt is None or not program.source.startswith(prompt):
        assert n_mapped == len(program.source)
    assert program.completion in (None, completion)
    if program.completion is None:
        assert program.source == completion
