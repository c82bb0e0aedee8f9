"""Two spellings of the same control flow have the same graph."""

import pytest

from egca.structure.cfg import control_flow
from egca.structure.similarity import similarity

SPELLINGS = {
    "for and counting while": (
        "def f(xs):\n    t = 0\n    for i in range(len(xs)):\n        t += xs[i]\n    return t",
        "def f(xs):\n    t = 0\n    i = 0\n    while i < len(xs):\n        t = t + xs[i]\n"
        "        i += 1\n    return t",
    ),
    "counting while with a second condition": (
        "def f(xs):\n    for i in range(len(xs)):\n        if not xs[i] > 0:\n            break\n"
        "        g(i)\n",
        "def f(xs):\n    i = 0\n    while i < len(xs) and xs[i] > 0:\n        g(i)\n"
        "        i += 1\n",
    ),
    "comprehension and loop": (
        "def f(xs):\n    return [x * 2 for x in xs if x > 0]",
        "def f(xs):\n    r = []\n    for x in xs:\n        if x > 0:\n            r.append(x * 2)\n"
        "    return r",
    ),
    "nested comprehension and nested loop": (
        "def f(xs):\n    return {a: b for xs in xs for a, b in xs}",
        "def f(xs):\n    r = {}\n    for ys in xs:\n        for a, b in ys:\n            r[a] = b\n"
        "    return r",
    ),
    "elif and nested if": (
        "def f(x):\n    if x > 1:\n        g()\n    elif x > 0:\n        h()\n    else:\n"
        "        k()\n",
        "def f(x):\n    if x > 1:\n        g()\n    else:\n        if x > 0:\n            h()\n"
        "        else:\n            k()\n",
    ),
    "conditional expression and if": (
        "def f(x):\n    return x + 1 if x > 0 else x * 2",
        "def f(x):\n    if x > 0:\n        y = x + 1\n    else:\n        y = x * 2\n    return y",
    ),
    "early return and else": (
        "def f(x):\n    if x > 0:\n        return x + 1\n    return x * 2",
        "def f(x):\n    if x > 0:\n        return x + 1\n    else:\n        return x * 2",
    ),
    "early return and flag with break": (
        "def f(xs):\n    for x in xs:\n        if x > 3:\n            return True\n"
        "    return False",
        "def f(xs):\n    found = False\n    for x in xs:\n        if x > 3:\n"
        "            found = True\n"
        "            break\n    return found",
    ),
    "any and loop": (
        "def f(xs):\n    for x in xs:\n        if x > 3:\n            return True\n"
        "    return False",
        "def f(xs):\n    return any(x > 3 for x in xs)",
    ),
    "all and loop": (
        "def f(xs):\n    for x in xs:\n        if not x > 3:\n            return False\n"
        "    return True",
        "def f(xs):\n    if all(x > 3 for x in xs):\n        return True\n    return False",
    ),
    "continue and nested if": (
        "def f(xs):\n    for x in xs:\n        if x > 3:\n            continue\n        g(x)",
        "def f(xs):\n    for x in xs:\n        if not x > 3:\n            g(x)",
    ),
    "and as nested ifs": (
        "def f(a, b):\n    if a > 1 and b > 2:\n        g()",
        "def f(a, b):\n    if a > 1:\n        if b > 2:\n            g()",
    ),
    "chained comparison": (
        "def f(a):\n    if 1 < a < 3:\n        g()",
        "def f(a):\n    if 1 < a and a < 3:\n        g()",
    ),
    "truth value and if": (
        "def f(a, b):\n    return a > 1 and b > 2",
        "def f(a, b):\n    if a > 1:\n        if b > 2:\n            return True\n"
        "        else:\n            return False\n    return False",
    ),
    "truth value stored": (
        "def f(a):\n    ok = a > 1\n    g(ok)",
        "def f(a):\n    if a > 1:\n        ok = True\n    else:\n        ok = False\n    g(ok)",
    ),
    "tail call and loop": (
        "def f(a, b):\n    if b == 0:\n        return a\n    return f(b, a % b)",
        "def f(a, b):\n    while b != 0:\n        a, b = b, a % b\n    return a",
    ),
    "while True with break": (
        "def f(a):\n    while a > 1:\n        a = a // 2\n    return a",
        "def f(a):\n    while True:\n        if a <= 1:\n            break\n"
        "        a //= 2\n    return a",
    ),
    "helper and none": (
        "def ok(v):\n    return v > 0\n\ndef f(xs):\n    return [x for x in xs if ok(x)]",
        "def f(xs):\n    return [x for x in xs if x > 0]",
    ),
    "helper with early returns": (
        "def f(xs):\n    def ok(v):\n        if v > 3:\n            return False\n"
        "        return v > 0\n"
        "    return [x for x in xs if ok(x)]",
        "def f(xs):\n    return [x for x in xs if not x > 3 and x > 0]",
    ),
    "method and function": (
        "class Solution:\n    def one(self, x):\n        return x + 1\n    def f(self, x):\n"
        "        return self.one(x) * 2",
        "def f(x):\n    return (x + 1) * 2",
    ),
    "map with a lambda": (
        "def f(xs):\n    return list(map(lambda x: x + 1, xs))",
        "def f(xs):\n    return [x + 1 for x in xs]",
    ),
    "sum and loop": (
        "def f(xs):\n    return sum(x * x for x in xs)",
        "def f(xs):\n    t = 0\n    for x in xs:\n        t += x * x\n    return t",
    ),
    "match and if": (
        "def f(x):\n    match x:\n        case 1:\n            g()\n        case _:\n"
        "            h()",
        "def f(x):\n    if x == 1:\n        g()\n    else:\n        h()",
    ),
    "walrus": (
        "def f(x):\n    if (y := x + 1) > 2:\n        g(y)",
        "def f(x):\n    y = x + 1\n    if y > 2:\n        g(y)",
    ),
    "generator and list": (
        "def f(xs):\n    for x in xs:\n        if x > 0:\n            yield x",
        "def f(xs):\n    r = []\n    for x in xs:\n        if x > 0:\n"
        "            r.append(x)\n    return r",
    ),
    "constant conditions": (
        "def f(x):\n    if False:\n        g()\n    if not 0:\n        h()\n    while 0:\n"
        "        k()",
        "def f(x):\n    h()",
    ),
    "async": (
        "async def f(xs):\n    async for x in xs:\n        await g(x)",
        "def f(xs):\n    for x in xs:\n        g(x)",
    ),
}


def entry(source: str) -> str:
    return "Solution.f" if "class Solution" in source else "f"


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings_have_the_same_graph(name):
    first, second = (control_flow(source, entry(source)) for source in SPELLINGS[name])
    assert similarity(first, second) == 1.0, (first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(x):\n    return x + 1", "def f(x):\n    return x * 2"),
        ("def f(x):\n    if x:\n        g()", "def f(x):\n    g()"),
        ("def f(x):\n    for y in x:\n        g(y)", "def f(x):\n    if x:\n        g(x)"),
        ("def f(x):\n    return f(x - 1) * 2", "def f(x):\n    return g(x - 1) * 2"),
        (
            "def f(x):\n    try:\n        g()\n    except E:\n        h()",
            "def f(x):\n    g()\n    h()",
        ),
        (
            "def f(x):\n    while x:\n        g()\n        break",
            "def f(x):\n    while x:\n        g()",
        ),
    ],
)
def test_different_programs_differ(first, second):
    assert similarity(first, second, "f") < 1.0
