# expect: crash|wrong_output|exception|timeout
import sys


def trace(frame, event, arg):
    for name in list(frame.f_locals):
        frame.f_locals[name] = None
    raise SystemExit


def f(x):
    sys.settrace(trace)
    sys.setprofile(trace)
    return 7
