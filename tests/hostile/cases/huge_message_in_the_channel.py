# expect: crash
import os


def f(x):
    for descriptor in range(3, 200):
        try:
            os.write(descriptor, b"\xff\xff\xff\xff")
        except OSError:
            pass
    return x + 1
