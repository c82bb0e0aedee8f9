# expect: crash|wrong_output
import ctypes


def f(x):
    ctypes.c_long.from_address(id(1) + 24).value = 5
    return 7
