# expect: wrong_output
import gc
import sys


def f(x):
    frame, seen = sys._getframe(), []
    while frame:
        seen.append(dict(frame.f_locals))
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) is dict and "expected" in thing:
            return thing["expected"]
    for names in seen:
        if "expected" in names:
            return names["expected"]
    return 7
