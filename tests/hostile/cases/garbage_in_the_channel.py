# expect: crash
import os


def f(x):
    for descriptor in range(3, 200):
        try:
            os.write(descriptor, b"\x05\x00\x00\x00\xc1\xc1\xc1\xc1\xc1" * 100)
        except OSError:
            pass
    return x + 1
