"""One small record in the format of each data set, written for these tests."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any


def packed(cases: Any, protocol: int | None = None) -> str:
    """Test cases as LiveCodeBench packs them: JSON, pickled, compressed, in base64."""
    data = pickle.dumps(json.dumps(cases), protocol)
    return base64.b64encode(zlib.compress(data)).decode()


MBPP: dict[str, Any] = {
    "task_id": 2,
    "text": "Write a function to add two numbers.",
    "code": "def helper(a):\r\n  return a\r\ndef add(a, b):\r\n  return helper(a) + b",
    "test_list": ["assert add(1, 2) == 3", "assert add((1,), (2,)) == (1, 2)"],
    "test_setup_code": "",
    "challenge_test_list": ["assert add(math.inf, 1) == math.inf"],
}
SANITIZED: dict[str, Any] = {
    "source_file": "a page",
    "task_id": 3,
    "prompt": "Write a function to find a root.",
    "code": "import math\ndef root(x):\n  return math.sqrt(x)",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(root(4), 2.0, rel_tol=0.001)"],
}
STDIN: dict[str, Any] = {
    "question_title": "Sum",
    "question_content": "Print the sum of the numbers.",
    "platform": "atcoder",
    "question_id": "abc301_a",
    "contest_id": "abc301",
    "contest_date": "2023-05-13T00:00:00",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": json.dumps([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]),
    "private_test_cases": packed([{"input": "4 5\n", "output": "9\n", "testtype": "stdin"}]),
    "metadata": "{}",
}
FUNCTIONAL: dict[str, Any] = {
    **STDIN,
    "platform": "leetcode",
    "question_id": "2831",
    "contest_date": "2024-09-01T00:00:00",
    "starter_code": (
        "class Solution:\n    def pairs(self, xs: List[int], n: int) -> List[int]:\n        "
    ),
    "public_test_cases": json.dumps(
        [{"input": "[1, 2]\n2", "output": "[2, 4]", "testtype": "functional"}]
    ),
    "private_test_cases": json.dumps(
        [{"input": "[]\n0", "output": "[]", "testtype": "functional"}]
    ),
    "metadata": json.dumps({"func_name": "pairs"}),
}
LEETCODE: dict[str, Any] = {
    "task_id": "two-sum",
    "question_id": 1,
    "difficulty": "Easy",
    "problem_description": "Find two numbers that add up to a target.",
    "starter_code": (
        "class Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n"
    ),
    "estimated_date": "2015-08-07",
    "prompt": "from typing import *\ninf = float('inf')\n",
    "completion": (
        "class Solution:\n"
        "    def twoSum(self, nums: List[int], target: int) -> List[int]:\n"
        "        for i, a in enumerate(nums):\n"
        "            for j in range(i):\n"
        "                if nums[j] + a == target:\n"
        "                    return [j, i]\n"
    ),
    "entry_point": "Solution().twoSum",
    "test": (
        "def check(candidate):\n"
        "    assert candidate(nums = [2,7,11,15], target = 9) == [0, 1]\n"
        "    assert candidate(nums = [3,3], target = 6) == [0, 1]\n"
    ),
    "input_output": [{"input": "nums = [3,3], target = 6", "output": "[0, 1]"}],
}
EXAMPLES_ONLY: dict[str, Any] = {
    "task_id": "is-even",
    "prompt": "Say whether a number is even; of none the answer is null.",
    "starter_code": "class Solution:\n    def isEven(self, x):\n        ",
    "entry_point": "isEven",
    "input_output": [
        {"input": "x = 4", "output": "true"},
        {"input": "null", "output": "null"},
    ],
}
APPS_STDIN: dict[str, Any] = {
    "problem_id": 7,
    "question": "Print the half.",
    "solutions": json.dumps(["print raw_input()", "print(int(input()) / 2)"]),
    "input_output": json.dumps({"inputs": ["4\n", ["5"]], "outputs": ["2.0\n", ["2.5"]]}),
    "difficulty": "interview",
    "url": "",
    "starter_code": "",
}
APPS_CALLS: dict[str, Any] = {
    **APPS_STDIN,
    "problem_id": 8,
    "solutions": json.dumps(["def largest(table):\n\treturn table[max(table)]"]),
    "input_output": json.dumps(
        {"fn_name": "largest", "inputs": [[{"3": 1, "20": 2}]], "outputs": [[2]]}
    ),
    "starter_code": "def largest(table):\n\t",
}
APPS_PLUS: dict[str, Any] = {
    "id": 9,
    "question": "Print the half.",
    "canonical_solution": "print(int(input()) / 2)",
    "inputs": ["4\n"],
    "outputs": ["2\n"],
    "starter_code": "",
}
CODECONTESTS: dict[str, Any] = {
    "name": "1_A. Halves",
    "description": "Print the half.",
    "public_tests": {"input": ["4\n"], "output": ["2\n"]},
    "private_tests": {"input": [], "output": []},
    "generated_tests": {"input": ["7\n"], "output": ["3.5\n"]},
    "solutions": {
        "language": [1, 2, 3, 3],
        "solution": ["print 2", "int main() {}", "print 2", "print(int(input()) / 2)"],
    },
    "input_file": "",
    "output_file": "",
}
CODECONTESTS_ROWS: dict[str, Any] = {
    **CODECONTESTS,
    "public_tests": [{"input": "4\n", "output": "2\n"}],
    "private_tests": [],
    "generated_tests": [{"input": "7\n", "output": "3.5\n"}],
    "solutions": [
        {"language": "PYTHON", "solution": "print 2"},
        {"language": "PYTHON3", "solution": "print(int(input()) / 2)"},
    ],
}
EVALPLUS: dict[str, Any] = {
    "task_id": "Mbpp/124",
    "entry_point": "angle",
    "prompt": "Give the angle of a complex number.",
    "canonical_solution": "import cmath\ndef angle(a, b):\n    return cmath.phase(a + b)\n",
    "base_input": [["1", "2j"]],
    "plus_input": {},
    "assertion": "assert angle(0, 1j) == 1.5707963267948966",
    "atol": 0,
}
HUMANEVAL: dict[str, Any] = {
    "task_id": "HumanEval/200",
    "entry_point": "half",
    "prompt": "def half(x):\n",
    "canonical_solution": "    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(4) == 2\n",
}
PLAIN: dict[str, Any] = {
    "task_id": "own/1",
    "entry_point": "f",
    "reference": "def f(x):\n    return x + 1\n",
    "tests": [{"args": [1], "expected": 2}],
}

RECORDS: dict[str, dict[str, Any]] = {
    "MBPP/2": MBPP,
    "MBPP/3": SANITIZED,
    "LiveCodeBench/abc301_a": STDIN,
    "LiveCodeBench/2831": FUNCTIONAL,
    "LeetCode/two-sum": LEETCODE,
    "LeetCode/is-even": EXAMPLES_ONLY,
    "APPS/7": APPS_STDIN,
    "APPS/8": APPS_CALLS,
    "APPS/9": APPS_PLUS,
    "CodeContests/1_A. Halves": CODECONTESTS,
    "Mbpp/124": EVALPLUS,
    "HumanEval/200": HUMANEVAL,
    "own/1": PLAIN,
}
