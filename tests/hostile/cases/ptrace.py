# expect: wrong_output
import ctypes
import os


def f(x):
    libc = ctypes.CDLL(None)
    results = [libc.ptrace(16, pid, 0, 0) for pid in (1, os.getppid(), 2, 3)]
    return [result for result in results if result >= 0]
