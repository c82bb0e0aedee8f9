# expect: wrong_output|crash|exception|exit
import os
import sys


def hook(event, args):
    if event.startswith("os"):
        os._exit(0)


def f(x):
    sys.addaudithook(hook)
    return 7
