# expect: crash|exception|wrong_output
import sys


def f(x):
    sys.setrecursionlimit(12)
    return 7
