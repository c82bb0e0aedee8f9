# expect: exit
import os


def f(x):
    os.write(1, b"PASSED\n")
    os._exit(0)
