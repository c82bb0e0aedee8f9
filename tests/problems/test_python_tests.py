"""Python test files: what becomes data, what stays code, and what is refused."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from egca.errors import ProblemError
from egca.execution import Sandbox
from egca.execution.judging import judge
from egca.problems import Check, Example, Problem, infer_entry_point, load_tests
from egca.problems.python_tests import parse_python_tests
from egca.problems.texts import entry_point_of_texts
from egca.types import Comparison


def read(source: str, entry_point: str = "f") -> tuple[Example | Check, ...]:
    return parse_python_tests(textwrap.dedent(source), entry_point, filename="t.py")


@pytest.mark.parametrize(
    ("assertion", "args", "expected", "comparison"),
    [
        ("f(1, [2]) == 3", (1, [2]), 3, None),
        ("3 == f(1)", (1,), 3, None),
        ("f(1) == -1.5e3", (1,), -1500.0, None),
        ("f({1: (2, None)}, 'a' * 3) == {1, 2}", ({1: (2, None)}, "aaa"), {1, 2}, None),
        ("f(float('inf')) == [0] * 3", (float("inf"),), [0, 0, 0], None),
        ("f(*[1, 2]) == 3", (1, 2), 3, None),
        ("f(1) is None", (1,), None, Comparison(types="exact")),
        ("f(1) is True", (1,), True, Comparison(types="exact")),
        ("f(1)", (1,), True, Comparison(view="truth")),
        ("not f(1)", (1,), False, Comparison(view="truth")),
        ("abs(f(1) - 3.0) <= 1e-6", (1,), 3.0, Comparison(atol=1e-6)),
        ("1e-6 >= abs(3.0 - f(1))", (1,), 3.0, Comparison(atol=1e-6)),
        ("math.isclose(f(1), 3.0)", (1,), 3.0, Comparison(rtol=1e-9)),
        ("math.isclose(3.0, f(1), abs_tol=0.01)", (1,), 3.0, Comparison(atol=0.01)),
        ("math.isclose(f(1), 3, rel_tol=1e-3, abs_tol=0.01)", (1,), 3, Comparison(atol=0.01)),
        ("f(1) == pytest.approx(2.0, abs=0.1)", (1,), 2.0, Comparison(atol=0.1)),
        ("sorted(f(1)) == [1, 2]", (1,), [1, 2], Comparison(unordered=True, view="list")),
        ("set(f(1)) == {1, 2}", (1,), {1, 2}, Comparison(view="set")),
        ("[1] == list(f(1))", (1,), [1], Comparison(view="list")),
        ("f(N, WORDS) == N", (7, ("a", "b")), 7, None),
    ],
)
def test_asserts_that_are_data(
    assertion: str, args: tuple[Any, ...], expected: Any, comparison: Comparison | None
) -> None:
    (test,) = read(f"import math, pytest\nN = 7\nWORDS = ('a', 'b')\nassert {assertion}, 'why'")
    assert test == Example("assert 1", args, {}, None, expected, comparison)


def test_a_strict_bound_is_just_below() -> None:
    (test,) = read("assert abs(f(1) - 3) < 0.5")
    assert isinstance(test, Example)
    assert test.comparison is not None
    assert 0.5 - 1e-12 < test.comparison.atol < 0.5


@pytest.mark.parametrize(
    "assertion",
    [
        "f(1) == f(2)",
        "f(1) != 2",
        "len(f(1)) == 2",
        "f(helper(1)) == 2",
        "sorted(f(1)) == [2, 1]",
        "abs(f(1) - 3) < 2",
        "1 < f(1) < 3",
        "all(f(x) == x for x in range(3))",
        "round(f(1), 2) == 0.5",
        "f(10 ** 10 ** 10) == 1",
        "math.isclose(f(1), 2.0, rel_tol=0.1)",  # 2.2 is: 0.1 is a part of the larger
        "math.isclose(f(1), 3, abs_tol=1)",  # 4 is, and here integers are exact
        "math.isclose(f(1), 10 ** 400)",
        "math.isclose(f(1), [2.0])",
        "math.isclose(f(1), float('nan'))",
        "math.isclose(f(1), 2.0, abs_tol='1')",
    ],
)
def test_asserts_that_stay_code(assertion: str) -> None:
    (test,) = read(f"def helper(x):\n    return x\nassert {assertion}")
    assert isinstance(test, Check)
    assert test.source.strip() == f"assert {assertion}"
    assert test.line == 3
    assert ("helper" in test.setup) is ("helper" in assertion)


def test_and_is_two_tests() -> None:
    first, second = read("assert f(1) == 1 and f(2) == 2")
    assert [first.name, second.name] == ["assert 1", "assert 2"]
    assert isinstance(second, Example)
    assert second.args == (2,)


def test_check_function_of_candidate() -> None:
    tests = read(
        """
        METADATA = {}
        def check(candidate):
            import random
            assert candidate(1) == 2
            assert True, "always"
            for i in range(3):
                x = random.randint(0, 9)
                assert candidate(x) == x + 1
        check(f)
        """
    )
    example, check = tests
    assert isinstance(example, Example)
    assert isinstance(check, Check)
    assert (check.entry, check.setup) == ("candidate", "import random")
    assert check.source.startswith("for i in range(3):\n    x =")


def test_results_and_arguments_in_names() -> None:
    tests = read(
        """
        def test_result():
            data = [3, 1]
            result = f(data)
            assert result == [1, 3]
        def test_text():
            text = "abc"
            assert f(text) == 3
            assert f(text, 1) == 4
        """
    )
    assert [test.name for test in tests] == ["test_result", "test_text 1", "test_text 2"]
    assert [test.args for test in tests if isinstance(test, Example)] == [
        ([3, 1],),
        ("abc",),
        ("abc", 1),
    ]


def test_shared_mutable_state_keeps_a_function_whole() -> None:
    for body in (
        "x = [2, 1]\n    assert f(x) == 1\n    assert x == [1, 2]",
        "x = [2, 1]\n    f(x)\n    assert x == [1, 2]",
        "r = f(1)\n    assert r == 1\n    assert r < 2",
    ):
        (test,) = read(f"def test_it():\n    {body}\n")
        assert isinstance(test, Check)
        assert test.source.endswith("\n\ntest_it()\n")


def test_parametrize_and_helpers() -> None:
    tests = read(
        """
        import pytest
        from solution import f
        def verify(x, y):
            assert f(x) == y
        @pytest.mark.parametrize("x, y", [(1, 2), pytest.param([3], 4)])
        def test_all(x, y):
            assert f(x) == y
        def test_helper():
            verify(1, 2)
        """
    )
    one, two, helper = tests
    assert [getattr(test, "args", None) for test in (one, two)] == [(1,), ([3],)]
    assert isinstance(helper, Check)
    assert "def verify" in helper.setup
    assert "import" not in helper.setup


def test_modules_and_methods() -> None:
    (test,) = read("import solution as s\nassert s.f(1) == 2")
    assert isinstance(test, Example)
    tests = read(
        "from x import Solution\ns = Solution()\nassert s.g(1) == Solution().g(1)", "Solution.g"
    )
    assert isinstance(tests[0], Check)
    assert tests[0].entry == "Solution.g"
    tests = read("assert Solution().g(1) == 2", "Solution.g")
    assert isinstance(tests[0], Example)


def test_unittest_methods() -> None:
    tests = read(
        """
        import unittest
        class T(unittest.TestCase):
            def test_a(self):
                self.assertEqual(f(1), 2)
                self.assertAlmostEqual(f(2), 3.0, places=3)
                self.assertTrue(f(3))
            def test_b(self):
                with self.assertRaises(ValueError):
                    f(-1)
        if __name__ == "__main__":
            unittest.main()
        """
    )
    assert [test.name for test in tests] == ["T.test_a 1", "T.test_a 2", "T.test_a 3", "T.test_b"]
    assert isinstance(tests[1], Example)
    assert tests[1].comparison == Comparison(atol=0.5e-3)
    assert isinstance(tests[3], Check)
    assert tests[3].source.endswith("T('test_b').debug()\n")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(:\n  pass", "t.py:1: not Python: invalid syntax"),
        ("x = 1\n", "t.py: no tests in it; write at least one assert that calls ff"),
        (
            "assert fff(1) == 2",
            't.py: no test calls the entry point "ff"; did you mean "fff"?',
        ),
        ("assert 1 == 1", 't.py: no test calls the entry point "ff"; they call nothing'),
        (
            "from prog import ff, other\nassert ff(1) == other(1)",
            "t.py:1: imports other besides the entry point; define it in the test file, "
            "for only the entry point can be called",
        ),
        (
            "async def test_it():\n    async with g() as x:\n        assert await ff(x) == 1",
            "t.py:1: test_it awaits more than ff, and only the entry point can be awaited",
        ),
        (
            "def test_it(capsys):\n    ff(1)\n    assert capsys.readouterr().out == '1'",
            "t.py:1: test_it takes a fixture (capsys), and fixtures are not provided; "
            "call ff and compare what it returns",
        ),
        (
            "@pytest.fixture\ndef one(): return 1\ndef test_it(one):\n    assert ff(one) == 1",
            "t.py:3: test_it takes a fixture (one), and fixtures are not provided; "
            "call ff and compare what it returns",
        ),
    ],
)
def test_refused(source: str, message: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read(source, "ff")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "source",
    [
        "assert asyncio.run(f(1)) == 2",
        "assert asyncio.get_event_loop().run_until_complete(\n    f(1)\n) == 2",
        "@pytest.mark.asyncio\nasync def test_it():\n    assert await f(1) == 2",
        "async  def main():\n    got = await f(1)\n    assert got == 2\n\nasyncio.run(main())",
        "async def g(x):\n    return await f(x)\ndef test_it():\n    assert asyncio.run(g(1)) == 2",
        "async def check(candidate):\n    assert await candidate(1) == 2\nasyncio.run(check(f))",
    ],
)
def test_a_test_that_waits_for_the_program_calls_it(source: str) -> None:
    problem = Problem("t", "f", read(f"import asyncio, pytest\n{source}"))
    assert len(problem.tests) == 1
    program = "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1\n"
    with Sandbox() as sandbox:
        assert judge(problem, program, sandbox=sandbox).passed
        assert not judge(problem, program.replace("+", "-"), sandbox=sandbox).passed


def test_waiting_leaves_the_lines_where_they_were() -> None:
    source = "import asyncio\nx = len('ä') +asyncio.run(\n    f(\n    1)\n)\nassert x == len('c')\n"
    (test,) = read(source)
    assert isinstance(test, Check)
    assert test.line == 6
    (test,) = read("async def other(): await g()\nassert len(f(1)) == 2")
    assert isinstance(test, Check)
    assert test.line == 2


def test_a_function_that_the_file_runs_is_a_test() -> None:
    (test,) = read("def main():\n    assert f(1) == 2\nif __name__ == '__main__':\n    main()")
    assert test == Example("main", (1,), {}, None, 2)
    with pytest.raises(ProblemError, match="no test calls"):
        read("def main():\n    assert f(1) == 2")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "tests.py"
    path.write_text("assert f(1) == 2\n")
    assert len(load_tests(path, "f")) == 1
    with pytest.raises(ProblemError, match="need an entry point"):
        load_tests(path, "")
    with pytest.raises(ProblemError, match="no such file"):
        load_tests(tmp_path / "absent.py", "f")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemError, match="not UTF-8"):
        load_tests(path, "f")


def test_text_is_stdin_where_a_program_reads_it() -> None:
    rows = '{"input": "1 2", "output": "3"}\n{"input": "5 0", "output": "5"}\n'
    script = "def add(x): return sum(x)\ndef main(): print(add(map(int, input().split())))\n"
    plain = "import sys\nprint(sum(map(int, sys.stdin.read().split())))"
    assert entry_point_of_texts(script + "main()", None, rows) == ""
    assert entry_point_of_texts(script + "main()", plain, rows) == ""
    assert entry_point_of_texts("def f(:", plain, rows) == ""
    assert entry_point_of_texts("def f(input):\n    return input", None, rows) == "f"
    assert entry_point_of_texts(script + "main()", None, '[{"stdin": "1 2"}]') == ""
    with pytest.raises(ProblemError, match="several functions"):
        entry_point_of_texts("def f(): pass\ndef g(): pass", None, rows)


def test_entry_points_are_inferred() -> None:
    program = "def helper(x):\n    return x\ndef main_one(x):\n    return helper(x)"
    assert infer_entry_point(program) == "main_one"
    assert infer_entry_point(program, None, "assert helper(1) == 1") == "helper"
    assert infer_entry_point("def g(): pass\ndef f(): pass", "def f(): pass") == "f"
    assert infer_entry_point("class Solution:\n    def run(self): pass") == "Solution.run"
    asynchronous = (
        "async def g(x):\n    return x\nclass A:\n    async def f(self):\n        await g(1)"
    )
    assert infer_entry_point(asynchronous) == "A.f"
    assert infer_entry_point("print(input())") == ""
    check = "def check(candidate):\n    assert candidate(1) == 1\ncheck(f)"
    assert infer_entry_point("def g(): pass\ndef f(): pass", None, check) == "f"
    stack = "class S:\n    def push(self, x): pass\n    def pop(self): pass"
    with pytest.raises(ProblemError, match="the tests call push, pop of S, but each"):
        infer_entry_point(stack, None, "s = S()\ns.push(1)\ns.push(2)\nassert s.pop() == 2")
    assert infer_entry_point(stack, None, "assert S().pop() is None") == "S.pop"
    with pytest.raises(ProblemError, match="no test calls f; the tests call g: name the function"):
        infer_entry_point("def f(): pass", None, "assert g(1) == 1")
    with pytest.raises(ProblemError, match="several functions could be meant"):
        infer_entry_point("def g(): pass\ndef f(): pass")
    with pytest.raises(ProblemError, match="did you mean that"):
        infer_entry_point("def sort_it(): pass", None, "assert sort_itt(1) == 1")
