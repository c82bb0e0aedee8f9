# expect: memory|crash|timeout|exception
import sys

sys.setrecursionlimit(2**31 - 1)


def f(x):
    return f(x + 1)
