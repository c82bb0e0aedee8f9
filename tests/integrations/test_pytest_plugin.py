"""The plugin as pytest loads it: by its entry point, on test files of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from egca.integrations.pytest_localizer import read_references

pytest_plugins = ["pytester"]

SHOP = '''\
"""What a shop adds up."""

from dataclasses import dataclass


@dataclass
class Cart:
    values: list


def total(values, limit=0, *, scale=1):
    """Sum of what is above the limit."""
    result = 0
    for i in range(1, len(values)):
        if values[i] > limit:
            result += values[i]
    return result * scale


def count(n):
    for i in range(n):
        yield i


def depth(tree):
    return 1 + max(map(depth, tree), default=1)


def total_of(cart):
    return total(cart.values)


def values_of(cart):
    return cart.valuse
'''
REFERENCE = """\
def total(values, limit=0, *, scale=1):
    return sum(value for value in values if value > limit) * scale


def count(n):
    yield from range(1, n + 1)


def depth(tree):
    return 1 + max(map(depth, tree), default=0)


def values_of(cart):
    return cart.values
"""


@pytest.fixture
def shop(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(shop=SHOP, reference=REFERENCE)
    return pytester


def run(shop: pytest.Pytester, test: str, *names: str, flags: str = "") -> str:
    """What pytest prints of a test file, with references for these functions."""
    shop.makepyfile(test_shop=test)
    options = [part for name in names for part in ("--egca-reference", f"reference.py::{name}")]
    return shop.runpytest_subprocess(
        "-p", "no:cacheprovider", *flags.split(), *options
    ).stdout.str()


def test_a_failing_test_shows_where_the_function_first_goes_wrong(shop: pytest.Pytester) -> None:
    shown = run(
        shop,
        """
        import pytest
        from shop import Cart, total as summed, total_of

        @pytest.fixture
        def values():
            return [3, 1, 2]

        def test_nothing():
            assert summed([]) == 0

        def test_more(values):
            assert summed(values, 1, scale=2) == 10

        def test_through_another_function():
            assert total_of(Cart([7, 1])) == 8
        """,
        "total",
    )
    assert shown.count("- egca: total -") == 2
    assert "> 14 │     for i in range(1, len(values)):" in shown
    assert "total([3, 1, 2], 1, scale=2)" in shown
    assert "suggested repair, line 14" in shown
    assert "total fails 1 of 2 tests" in shown  # what an earlier test called counts, too
    assert "── shop.py ─" in shown


def test_generators_and_recursion_are_called_once(shop: pytest.Pytester) -> None:
    shown = run(
        shop,
        """
        import shop

        def test_count():
            assert list(shop.count(2)) == [1, 2]

        def test_depth():
            assert shop.depth([[], [[]]]) == 3
        """,
        "count",
        "depth",
    )
    assert "count fails 1 of 1 test" in shown
    assert "<generator of [1, 2]>" in shown
    assert "depth fails 1 of 1 test" in shown


def test_where_there_is_nothing_to_localize_it_says_why(shop: pytest.Pytester) -> None:
    shop.makepyfile(project="from shop import total\n\ndef alone(x):\n    return total(x)\n")
    shop.makepyfile(reference=REFERENCE + "\ndef alone(x):\n    return sum(x)\n")
    shown = run(
        shop,
        """
        import cProfile, project, shop

        def test_wrong_expectation():
            assert shop.total([0, 4]) == 5

        def test_object():
            assert shop.values_of(shop.Cart([1])) == [1]

        def test_module_with_imports():
            assert project.alone([1, 2]) == 3

        def test_not_called():
            assert False
        """,
        "total",
        "values_of",
        "alone",
    )
    assert "on the calls of this test, 1 in number, total does what the reference does" in shown
    assert "values_of was called, but an argument is no plain data" in shown
    assert "does not run by itself in the sandbox" in shown
    assert "No module named 'shop'" in shown
    assert "bug:" not in shown


def test_passing_tests_and_runs_without_the_option_are_silent(shop: pytest.Pytester) -> None:
    test = "from shop import total\n\ndef test_total():\n    assert total([0, 4]) == {}\n"
    assert "- egca" not in run(shop, test.format(4), "total")
    assert "- egca" not in run(shop, test.format(5))
    assert "- egca" not in run(shop, test.format(5), "total", flags="--tb=no")


def test_a_profiler_keeps_its_place(shop: pytest.Pytester) -> None:
    shop.makeconftest(
        """
        import sys

        def pytest_runtest_setup():
            sys.setprofile(lambda *event: None)  # cProfile has a place of its own from 3.12 on
        """
    )
    test = "from shop import total\n\ndef test_total():\n    assert total([4]) == 4\n"
    assert "another profiler runs" in run(shop, test, "total")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("reference.py", "must be PATH::NAME"),
        ("::total", "must be PATH::NAME"),
        ("nowhere.py::total", "no such file or directory"),
        ("reference.py::Cart.total", "is no name of a plain function"),
        ("broken.py::total", "does not compile: line 1"),
    ],
)
def test_a_wrong_argument_is_said(shop: pytest.Pytester, given: str, said: str) -> None:
    shop.makepyfile(broken="def total(:")
    with pytest.raises(pytest.UsageError, match=re.escape(said)) as caught:
        read_references([given], shop.path)
    assert str(caught.value).startswith(f"--egca-reference {given}: ")


def test_a_wrong_argument_is_one_line(shop: pytest.Pytester) -> None:
    result = shop.runpytest_subprocess("--egca-reference", "reference.py::totl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.stderr.lines if line] == [
        'ERROR: --egca-reference reference.py::totl: the file defines no function "totl"; '
        'did you mean "total"?'
    ]


def test_the_same_function_twice_is_refused(shop: pytest.Pytester) -> None:
    with pytest.raises(pytest.UsageError, match="total has one already"):
        read_references(["reference.py::total"] * 2, shop.path)


def test_without_the_option_nothing_of_egca_is_imported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    code = (
        "import sys, pytest; pytest.main(['-q']); "
        "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'egca'))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert shown.stdout.splitlines()[-1] == (
        "['egca', 'egca.integrations', 'egca.integrations.pytest_plugin']"
    )
