"""An edit as text is the edit: whatever the text around it looks like, or there is none."""

from __future__ import annotations

import ast

import pytest

from egca.localization.edit_text import as_text
from egca.localization.edits import Edit, Insert, Replace, Rewrite, statement_of, statement_span
from egca.localization.scope import simple_statements, walk
from egca.types import SourceMap


def expression(text):
    return ast.parse(text, mode="eval").body


def statements(text):
    return tuple(ast.parse(text).body)


def replaced(source, old, new):
    """The text after an expression, given by its text, became another one."""
    tree, source_map = ast.parse(source), SourceMap(source)
    for node in walk(tree):
        if isinstance(node, ast.expr):
            span = source_map.span_of(node)
            if source[span.start : span.end] == old:
                edit = Edit("expression", (Replace(node, expression(new)),), node)
                return as_text(tree, source_map, edit)
    raise AssertionError(old)


def changed(source, line, make):
    """The text after a change of the first statement on a line."""
    tree = ast.parse(source)
    node = next(one for one in simple_statements(tree) if one.lineno == line)
    return as_text(tree, SourceMap(source), Edit("statement", (make(node),), node))


def rewritten(text):
    return lambda node: Rewrite(node, statements(text))


def inserted(text, after=False):
    return lambda node: Insert(node, statements(text), after)


@pytest.mark.parametrize(
    ("source", "old", "new", "wanted"),
    [
        ("x = 1 if-y else 2\n", "-y", "y", "x = 1 if y else 2\n"),
        ("x = [y]if z else 2\n", "[y]", "y", "x = y if z else 2\n"),
        ("x = a * b\n", "b", "c + d", "x = a * (c + d)\n"),
        ("x = f(a)\n", "a", "c + d", "x = f(c + d)\n"),
        ("x = -y ** 2\n", "y", "-y", "x = -(-y) ** 2\n"),
        ("""x = f'{d["a"]}'\n""", 'd["a"]', "d['b']", """x = f'{d["b"]}'\n"""),
        ("""x = f'{d["a"]}'\n""", 'd["a"]', "e + d['b']", """x = f'{e + d["b"]}'\n"""),
        ("x = f'{n}'\n", "n", """{"'": 1}""", None),
        ("x = f'{n=}'\n", "n", "m", None),
    ],
)
def test_an_expression(source, old, new, wanted):
    repair = replaced(source, old, new)
    assert (repair and repair.source) == wanted


ELIF = "if a:\n    x = 1\nelif b:  # why\n    x = 2\ny = 3\n"


@pytest.mark.parametrize(
    ("source", "line", "change", "wanted"),
    [
        pytest.param(
            "def f():\n\tx = 1\n", 2, rewritten("if a:\n    x = 2"),
            "def f():\n\tif a:\n\t\tx = 2\n", id="tabs",
        ),
        pytest.param(
            "if a:\n  x = 1\n", 2, rewritten("while a:\n    x = 2"),
            "if a:\n  while a:\n    x = 2\n", id="two spaces",
        ),
        pytest.param(
            ELIF, 3, rewritten("if b:\n    x = 4\nelse:\n    x = 5"),
            "if a:\n    x = 1\nelif b:\n    x = 4\nelse:\n    x = 5\ny = 3\n", id="elif stays",
        ),
        pytest.param(
            ELIF, 3, rewritten("while b:\n    x = 4"),
            "if a:\n    x = 1\nelse:\n    while b:\n        x = 4\ny = 3\n", id="elif to else",
        ),
        pytest.param(ELIF, 3, inserted("x = 4"), None, id="before elif"),
        pytest.param(ELIF, 3, inserted("x = 4", after=True), None, id="after elif"),
        pytest.param("x = 1; y = 2\n", 1, rewritten("x = 3"), "x = 3; y = 2\n", id="simple"),
        pytest.param("x = 1; y = 2\n", 1, rewritten("if a:\n    x = 3"), None, id="semicolon"),
        pytest.param("x = 1; y = 2\n", 1, inserted("z = 3", after=True), None, id="between"),
        pytest.param("x = 1\n", 1, inserted("y = 2", after=True), "x = 1\ny = 2\n", id="behind"),
        pytest.param(
            "if a:\n    x = 1  # one\ny = 2\n", 2, inserted("x = 3", after=True),
            "if a:\n    x = 1  # one\n    x = 3\ny = 2\n", id="behind a comment",
        ),
        pytest.param(
            "@d\ndef f():\n    pass\n", 2, inserted("import d"),
            "import d\n@d\ndef f():\n    pass\n", id="before a decorator",
        ),
        pytest.param("from __future__ import annotations\n", 1, inserted("x = 1"), None, id="head"),
        pytest.param(
            "x = 1\r\ny = 2\r\n", 2, rewritten("if a:\n    y = 3"),
            "x = 1\r\nif a:\r\n    y = 3\r\n", id="crlf",
        ),
    ],
)  # fmt: skip
def test_a_statement(source, line, change, wanted):
    repair = changed(source, line, change)
    assert (repair and repair.source) == wanted
    if repair is not None:
        span = repair.span
        assert source[span.start : span.end] == repair.original
        assert source[: span.start] + repair.replacement + source[span.end :] == repair.source


def test_the_body_of_a_one_liner_takes_only_one_simple_statement():
    source = "if a: x = 1\n"
    tree, source_map = ast.parse(source), SourceMap(source)
    node = tree.body[0].body[0]

    def text(change):
        return as_text(tree, source_map, Edit("statement", (change,), node))

    assert text(Rewrite(node)).source == "if a: pass\n"
    assert text(Rewrite(node, statements("x = 1\nx = 2"))) is None
    assert text(Insert(node, statements("x = 2"))) is None


BLOCKS = """\
with open(a) as f, open(b):
    x = 1; y = 2
try: z = 1
except ValueError:
    pass
match x:
    case int() if y > 1: z = 2
    case _:
        z = 3
if x: z = 4
for i in y:
    def g(): return(i)
async def h():
    async with x as y:
        pass
"""


@pytest.mark.parametrize(
    ("inner", "statement"),
    [
        ("open(b)", "with open(a) as f, open(b):"),
        ("2", "y = 2"),
        ("1\nexcept", "z = 1"),
        ("ValueError", "except ValueError:"),
        ("y > 1", "case int() if y > 1:"),
        ("3", "z = 3"),
        ("x:\n    case", "match x:"),
        ("4", "z = 4"),
        ("x: z", "if x:"),
        ("i)", "return(i)"),
        ("y:\n    def", "for i in y:"),
        ("x as y", "async with x as y:"),
    ],
)
def test_the_statement_of_a_place_is_the_innermost_by_its_header(inner, statement):
    source_map = SourceMap(BLOCKS)
    start = BLOCKS.index(inner)
    is_marked = "\n" in inner or ":" in inner or inner == "i)"  # more than the place, to find it
    span = source_map.span(start, start + (1 if is_marked else len(inner)))
    found = statement_of(source_map, ast.parse(BLOCKS), span)
    assert BLOCKS[found.start : found.end] == statement


def test_headers_are_no_blocks():
    source_map = SourceMap(BLOCKS)
    for node in simple_statements(ast.parse(BLOCKS)):
        span = statement_span(source_map, node)
        assert "\n" not in BLOCKS[span.start : span.end]
