# expect: wrong_output
import sys

import math


def f(x):
    seen = getattr(math, "seen", 0)
    math.seen = sys.seen = x
    return seen - 1
