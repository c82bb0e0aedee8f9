# expect: wrong_output
import os


def f(x):
    return sorted(name for name in os.environ if "KEY" in name or "TOKEN" in name)
