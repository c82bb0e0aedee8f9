"""The search and the proofs run what the tests ran: state, arguments, streams, ends of runs."""

from __future__ import annotations

import pytest

from egca.execution import Sandbox
from egca.localization import localize
from egca.localization.claims import Claim, Refusal
from egca.localization.examination import examined
from egca.localization.locate import AFTER_OTHERS, BY_OTHERS
from egca.localization.ops import OPS
from egca.localization.rounds import STUCK
from egca.localization.search import Budget
from egca.problems import Example, Problem
from egca.problems.python_tests import parse_python_tests

NO_EDITS = Budget(n_edits=0)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(preload=OPS) as warm:
        yield warm


def function(tests, reference, name="f"):
    return Problem("case", name, parse_python_tests(tests, name), reference=reference)


def script(reference, *tests):
    examples = (Example(f"t{i}", stdin=a, expected=b) for i, (a, b) in enumerate(tests))
    return Problem("case", "", tuple(examples), reference=reference, kind="script")


COUNTER = """\
count = 0

def f(x):
    global count
    count += 1
    y = count
    return x + y - 1
"""
COUNTED = "def f(x):\n    y = 1\n    return x + y - 1\n"
AGAIN = "assert f(3) == 3\nassert f(5) == 5\n"
DEFAULT = "def f(x, acc=[]):\n    n = len(acc)\n    acc.append(x)\n    return list(acc)\n"
FRESH = (
    "def f(x, acc=None):\n    n = 5\n    acc = [*(acc or [])]\n    acc.append(x)\n    return acc\n"
)


def test_a_call_that_fails_after_others_is_proved_after_them(sandbox):
    problem = function(AGAIN, COUNTED)
    found = localize(COUNTER, None, problem, sandbox=sandbox, budget=NO_EDITS)
    divergence = found.divergence
    assert (divergence.actual, divergence.expected) == (2, 1)
    assert divergence.proof.kind == "value"
    assert AFTER_OTHERS in found.notes


def test_a_call_that_is_right_alone_proves_nothing(sandbox):
    """By itself f(2) is right, whatever is put in for n."""
    problem = function("assert f(1) == [1]\nassert f(2) == [2]\n", FRESH)
    found = localize(DEFAULT, None, problem, sandbox=sandbox, budget=NO_EDITS)
    assert found.divergence.proof.kind == "none"
    assert AFTER_OTHERS in found.notes


MEMORY = """\
known = {}

def f(xs, unused):
    key = len(xs)
    if key in known:
        return known[key]
    known[key] = sum(xs)
    return known[key]
"""


def test_edits_are_tried_after_earlier_calls(sandbox):
    tests = "assert f([1, 2], 0) == 3\nassert f([3, 4], 0) == 7\nassert f([5], 0) == 5\n"
    problem = function(tests, "def f(xs, unused):\n    return sum(xs)\n")
    divergence = localize(MEMORY, None, problem, sandbox=sandbox, budget_s=30.0).divergence
    assert divergence.repair is not None
    again = localize(divergence.repair.source, None, problem, sandbox=sandbox, budget_s=30.0)
    assert again.divergence is None


TYPED = "def f(x):\n    y = x > 0\n    return y\n"
WRITTEN = function("assert str(f(2)) == '1'\n", "def f(x):\n    y = int(x > 0)\n    return y\n")


def test_what_nothing_can_show_is_said(sandbox):
    """True is as good as 1 for a comparison, and only the test minds."""
    found = localize(TYPED, None, WRITTEN, sandbox=sandbox, budget_s=30.0)
    assert not found.divergence.proof.confirmed
    assert BY_OTHERS in found.notes
    assert "by itself" in found.divergence.reason


def test_a_claim_is_not_proved_by_a_run_that_is_right(sandbox):
    with examined(TYPED, None, WRITTEN, sandbox=sandbox) as at:
        trace = at.found.runs.failing[0]
        event = next(i for i, s in enumerate(trace.site_ids) if trace.sites[s].kind == "write")
        known = at.check(Claim(2, event=event, value=1))
    assert isinstance(known, Refusal) or not known.proof.confirmed


BUBBLE = """\
def f(xs):
    n = len(xs)
    for i in range(n):
        for j in range(0, n - i - 2):
            if xs[j] > xs[j + 1]:
                xs[j], xs[j + 1] = xs[j + 1], xs[j]
"""
SORTED = """\
def test_three():
    xs = [3, 2, 1]
    f(xs)
    assert xs == [1, 2, 3]

def test_one():
    xs = [1]
    f(xs)
    assert xs == [1]
"""


def test_an_argument_that_is_changed_is_judged(sandbox):
    problem = function(SORTED, BUBBLE.replace("- 2", "- 1"))
    divergence = localize(BUBBLE, None, problem, sandbox=sandbox, budget_s=30.0).divergence
    assert divergence.statement.line == 4
    assert divergence.proof.kind == "edit"
    alone = localize(BUBBLE, None, problem, sandbox=sandbox, budget=NO_EDITS).divergence
    assert alone.proof.kind == "none", "no single value sorts the list"


def test_a_value_put_in_may_make_an_argument_right(sandbox):
    problem = function(
        "def test_a():\n    xs = [1]\n    f(xs)\n    assert xs == [1, 2]\n",
        "def f(xs):\n    last = 2\n    xs.append(last)\n",
    )
    candidate = "def f(xs):\n    last = 3\n    xs.append(last)\n"
    divergence = localize(candidate, None, problem, sandbox=sandbox, budget=NO_EDITS).divergence
    assert (divergence.proof.kind, divergence.expected) == ("value", 2)


def test_a_whole_argument_put_in_proves_nothing(sandbox):
    problem = function(
        "def test_a():\n    xs = [2, 1]\n    f(xs)\n    assert xs == [1, 2]\n",
        "def f(xs):\n    ys = sorted(xs)\n    xs[:] = ys\n",
    )
    candidate = "def f(xs):\n    xs.reverse()\n    xs.reverse()\n"
    divergence = localize(candidate, None, problem, sandbox=sandbox, budget=NO_EDITS).divergence
    assert divergence.proof.kind == "none"


def test_arguments_do_not_matter_where_the_value_is_wrong(sandbox):
    """The reference sorts its argument on the way; nobody looks at it."""
    problem = function(
        "def test_a():\n    assert f([3, 1, 2]) == 2\n",
        "def f(xs):\n    xs.sort()\n    return xs[len(xs) // 2]\n",
    )
    candidate = "def f(xs):\n    ys = sorted(xs)\n    return ys[len(ys) // 2 + 1]\n"
    divergence = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0).divergence
    assert divergence.proof.kind == "edit"


ADD = "a, b = map(int, input().split())\nprint(a + b)\n"
SUMS = (("1 2", "3\n"), ("4 0", "4\n"), ("7 2", "9\n"))


@pytest.mark.parametrize(
    "candidate",
    [
        "import sys\na, b = map(int, input().split())\nprint(a - b)\nsys.exit(0)\n",
        "a, b = map(int, input().split())\nprint(a - b)\nexit()\n",
        "import sys\ndef main():\n    a, b = map(int, input().split())\n    print(a - b)\n"
        "    return 0\nsys.exit(main())\n",
        "import sys\na, b = map(int, sys.stdin.buffer.read().split())\n"
        "sys.stdout.buffer.write(b'%d\\n' % (a - b))\n",
        "a, b = map(int, open(0).read().split())\nprint(a - b)\n",
        "import os\na, b = map(int, input().split())\nos.write(1, b'%d\\n' % (a - b))\n",
    ],
    ids=["sys.exit(0)", "exit()", "sys.exit(main())", "buffer", "open(0)", "os.write"],
)
def test_a_script_is_searched_as_it_is_judged(candidate, sandbox):
    divergence = localize(
        candidate, None, script(ADD, *SUMS), sandbox=sandbox, budget_s=30.0
    ).divergence
    assert divergence.proof.kind == "edit"
    assert "a - b" in candidate.splitlines()[divergence.statement.line - 1]


def test_an_exit_with_a_status_is_an_error_in_the_search_too(sandbox):
    candidate = "import sys\na, b = map(int, input().split())\nprint(a + b)\nsys.exit(3)\n"
    divergence = localize(
        candidate, None, script(ADD, *SUMS), sandbox=sandbox, budget_s=30.0
    ).divergence
    assert divergence.repair is not None
    assert divergence.statement.line == 4


RECURSIVE = """\
def f(xs):
    if not xs:
        return 0
    if xs[0] > 100:
        return f(xs[1:])
    return xs[0] + f(xs[1:])
"""
LOOP = """\
def f(n, k):
    total = 0
    for i in range(n):
        total += 1
    if k > 3:
        total -= k
    return total
"""


@pytest.mark.parametrize(
    ("candidate", "reference", "tests"),
    [
        (
            RECURSIVE,
            "def f(xs):\n    return sum(x for x in xs if x <= 99)\n",
            "assert f([1, 2]) == 3\nassert f([100, 2]) == 2\n"
            "assert f(list(range(50)) * 16) == 19600\n",
        ),
        (
            LOOP,
            "def f(n, k):\n    return n - k if k >= 3 else n\n",
            "assert f(5, 3) == 2\nassert f(60000, 1) == 60000\nassert f(4, 4) == 0\n",
        ),
    ],
    ids=["deep", "long"],
)
def test_an_input_that_the_search_cannot_run_is_set_aside(candidate, reference, tests, sandbox):
    problem = function(tests, reference)
    divergence = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0).divergence
    assert divergence.proof.kind == "edit"
    again = localize(divergence.repair.source, None, problem, sandbox=sandbox, budget_s=30.0)
    assert again.divergence is None


def test_a_loose_test_does_not_forbid_the_right_repair(sandbox):
    tests = "assert f([3, 1, 2]) == [1, 2, 3]\nassert f([]) == []\nassert len(f([4, 5])) <= 2\n"
    problem = function(tests, "def f(xs):\n    return sorted(xs)\n")
    candidate = "def f(xs):\n    return sorted(xs)[1:]\n"
    divergence = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0).divergence
    assert divergence.proof.kind == "edit"
    assert (
        localize(divergence.repair.source, None, problem, sandbox=sandbox, budget_s=30.0).divergence
        is None
    )


def test_of_a_failing_test_the_call_that_is_wrong_counts(sandbox):
    """The last call is right; the one before it is not."""
    tests = "def test_two():\n    one, two = f(1), f(-2)\n    assert (one, two) == (1, 2)\n"
    problem = function(tests, "def f(x):\n    return abs(x)\n")
    candidate = "def f(x):\n    if x < 2:\n        x = -x\n    return x\n"
    found = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0)
    assert found.divergence.repair is not None
    assert found.divergence.statement.line == 2


SLEEPS = """\
import time

def f(n):
    total = sum(range(n))
    while total > 3:
        time.sleep(0.5)
    return total + 1
"""
AWAKE = function(
    "assert f(3) == 4\nassert f(2) == 2\nassert f(4) == 7\nassert f(5) == 11\n",
    "def f(n):\n    return n * (n - 1) // 2 + 1\n",
)


def test_a_time_budget_is_kept_where_runs_have_to_be_killed(sandbox):
    found = localize(SLEEPS, None, AWAKE, sandbox=sandbox, budget_s=0.3)
    assert found.divergence.statement.line in (5, 6)
    assert found.seconds < 4, "judging twice, tracing and half a second"


def test_a_search_gives_up_where_run_after_run_has_to_be_killed(sandbox):
    sleeps = SLEEPS.replace("while total > 3:\n        time.sleep(0.5)", "time.sleep(60)")
    found = localize(sleeps, None, AWAKE, sandbox=sandbox, budget_s=30.0)
    assert STUCK in found.notes
    assert found.seconds < 15


def test_an_edit_that_is_off_makes_no_name_a_local_one(sandbox):
    candidate = (
        "def f(xs, x):\n    def within(start, end):\n        if start == end:\n"
        "            return -1\n        mid = (start + end) // 2\n        if x < xs[mid]:\n"
        "            return within(start, mid)\n        if x > xs[mid]:\n"
        "            return within(mid, end)\n        return mid\n    return within(0, len(xs))\n"
    )
    tests = "assert f([1, 2, 4], 3) == -1\nassert f([1, 2, 4], 2) == 1\nassert f([], 1) == -1\n"
    problem = function(
        tests + "assert f([1, 2, 4], 4) == 2\n", candidate.replace("(mid, end)", "(mid + 1, end)")
    )
    divergence = localize(candidate, None, problem, sandbox=sandbox, budget_s=30.0).divergence
    assert divergence.statement.line == 9
    assert divergence.proof.kind == "edit"
