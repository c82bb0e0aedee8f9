"""Scripts one after another in a process: each begins and ends as if it had one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from egca.execution import Call, Limits, Runner, Sandbox
from egca.types import Cause, Outcome

N_RUNS = 3


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=1.0)) as sandbox:
        yield sandbox


def printed(source: str, stdin: str) -> str:
    """What the interpreter itself makes of a script."""
    run = subprocess.run(
        [sys.executable, "-c", source], input=stdin, capture_output=True, text=True
    )
    return run.stdout


def outcomes_of(sandbox: Sandbox, source: str, *stdin: str) -> list[Outcome]:
    with Runner(sandbox, source, "script", "") as runner:
        assert runner.load() is None
        return runner.run([Call(stdin=text) for text in stdin])


STREAMS = """
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8")
sys.stdout = codecs.getwriter("utf-8")(sys.stdout.buffer)
sys.stdout = codecs.getwriter("utf-8")(sys.stdout.detach())
sys.stdout = open(1, "w")
sys.stdout = os.fdopen(1, "w")
sys.stdout = os.fdopen(sys.stdout.fileno(), "w", 4096)
sys.stdin = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
sys.stdin = io.TextIOWrapper(sys.stdin.detach(), encoding="utf-8")
sys.stdin = open(0)
sys.stdin = io.StringIO(sys.stdin.read())
input = open(0).readline
"""


@pytest.mark.parametrize("line", STREAMS.split("\n")[1:-1])
def test_a_script_may_replace_its_streams(sandbox: Sandbox, line: str) -> None:
    source = f"import codecs, io, os, sys\n{line}\nn = int(input())\nprint('got', n)\n"
    outcomes = outcomes_of(sandbox, source, *(f"{n}\n" for n in range(N_RUNS)))
    assert [outcome.value for outcome in outcomes] == [f"got {n}\n" for n in range(N_RUNS)]


def test_a_function_may_replace_its_streams(sandbox: Sandbox) -> None:
    source = """
import io, os, sys
sys.stdin = io.TextIOWrapper(sys.stdin.detach())
class Late:
    def write(self, text): pass
    def __del__(self): os.write(1, b"late")
def f(x):
    if x == 0: sys.stdout = open(1, "w"); sys.stdin = open(0)
    if x == 1: sys.stdout = io.TextIOWrapper(sys.stdout.detach()); print("kept")
    if x == 2: sys.stdout = Late()
    if x == 3: del sys.stdout, sys.stdin
    if x == 4: print("seen", sys.stdin.read())
    return x
"""
    with Runner(sandbox, source, "function", "f") as runner:
        outcomes = runner.run([Call((x,)) for x in range(5)])
    assert [outcome.value for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [outcome.stdout for outcome in outcomes] == ["", "kept\n", "", "", "seen \n"]


ENDINGS = {
    "a handler writes what was kept": """
import atexit, io, sys
buffer = sys.stdout = io.StringIO()
atexit.register(lambda: sys.__stdout__.write(buffer.getvalue()))
print("got", input())
""",
    "an object that writes when it is flushed": """
import sys
class Out:
    def __init__(self): self.parts = []
    def write(self, text): self.parts.append(text)
    def flush(self):
        sys.__stdout__.write("".join(self.parts))
        self.parts.clear()
sys.stdout = Out()
print("got", input())
""",
    "the object is one of io's": """
import io, os, sys
class Wrapper(io.IOBase):
    def __init__(self, descriptor):
        self.descriptor, self.parts = descriptor, []
        self.write = lambda text: self.parts.append(text.encode())
    def flush(self):
        os.write(self.descriptor, b"".join(self.parts))
        self.parts.clear()
sys.stdout = Wrapper(sys.stdout.fileno())
print("got", input())
""",
    "a file that is not closed": """
import os
out = os.fdopen(1, "w")
out.write("got " + input())
""",
    "one of io's in a cycle": """
import io, os
class Writer(io.IOBase):
    def __init__(self):
        self.parts, self.me = [], self
    def flush(self):
        os.write(1, "".join(self.parts).encode() + TAIL)
        self.parts.clear()
first = Writer()
first.parts.append("got " + input())
TAIL = b"."
""",
    "a pool that is not shut down": """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
print("got", pool.submit(input).result())
pool.submit(print, "more")
""",
    "a thread that starts another": """
import threading, time
def first():
    time.sleep(0.01)
    threading.Thread(target=last).start()
def last():
    time.sleep(0.02)
    print("got", input())
threading.Thread(target=first).start()
""",
    "a folder that goes at exit": """
import atexit, os, tempfile
folder = tempfile.TemporaryDirectory()
print("got", input())
atexit.register(lambda: print(os.path.isdir(folder.name)))
weak = __import__("weakref").finalize(folder, print, "finalized")
""",
    "a destructor that uses its module": """
NAME = "got"
class Last:
    def __del__(self): print(NAME, value)
value = input()
last = Last()
""",
    "a generator in the middle": """
def numbers():
    try: yield 1
    finally: print("end")
found = numbers()
print(next(found), input())
""",
    "an error of a handler": """
import atexit
atexit.register(lambda: 1 / 0)
print("got", input())
""",
    "no standard output": """
import sys
print("got", input(), flush=True)
del sys.stdout
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_script_ends_as_the_interpreter_ends_it(sandbox: Sandbox, ending: str) -> None:
    """In every run: what the first leaves behind must not be missing to the second."""
    if sys.version_info[:2] == (3, 12) and ending == "a thread that starts another":
        pytest.skip("Python 3.12 refuses it while it ends; others do not")
    source = ENDINGS[ending]
    inputs = [f"{n}\n" for n in range(N_RUNS)]
    outcomes = outcomes_of(sandbox, source, *inputs)
    assert [outcome.value for outcome in outcomes] == [printed(source, text) for text in inputs]


def test_a_failing_run_leaves_nothing_to_the_next(sandbox: Sandbox) -> None:
    source = """
import atexit, os
out = os.fdopen(1, "w")
atexit.register(print, "from the run before")
class Node:
    def __init__(self): self.out, self.me = os.fdopen(0), self
n = int(Node().out.readline())
out.write(f"got {n}\\n")
out.flush()
if n == 1: 1 / 0
if n == 2:
    while True: pass
"""
    zero, one, two, three = outcomes_of(sandbox, source, "0\n", "1\n", "2\n", "3\n")
    assert one.failure is not None
    assert one.failure.type == "ZeroDivisionError"
    assert two.failure is not None
    assert two.failure.cause is Cause.TIMEOUT
    assert [zero.value, three.value] == [f"got {n}\nfrom the run before\n" for n in (0, 3)]


def test_files_of_an_earlier_run_do_not_close_in_a_later_one(sandbox: Sandbox) -> None:
    """A collection in the middle of it would take descriptor 0 away."""
    source = """
readline = open(0).readline
def solve():
    n = int(readline())
    kept = [[[i] for i in range(10)] for _ in range(3000)]
    return sum(int(readline()) for _ in range(n))
print(solve())
"""
    stdin = "9000\n" + "7\n" * 9000  # more than is read at once
    outcomes = outcomes_of(sandbox, source, *[stdin] * 6)
    assert [outcome.value for outcome in outcomes] == ["63000\n"] * 6


@pytest.mark.parametrize(
    "ending",
    [
        "import atexit\n@atexit.register\ndef last():\n    while True: pass\n",
        "class C:\n    def __del__(self):\n        while True: pass\nc = C()\n",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,)).start()\n",
    ],
)
def test_an_end_that_does_not_come_is_a_timeout(sandbox: Sandbox, ending: str) -> None:
    (outcome,) = outcomes_of(sandbox, "print(1)\n" + ending, "")
    assert outcome.failure is not None
    assert outcome.failure.cause is Cause.TIMEOUT
