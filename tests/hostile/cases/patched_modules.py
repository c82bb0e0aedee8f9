# expect: wrong_output
import os
import random
import signal
import sys
import time

for module in (os, random, signal, time):
    for name in dir(module):
        if name[0] != "_":
            try:
                setattr(module, name, None)
            except Exception:
                pass
sys.stdout = sys.stdin = sys.stderr = None


def f(x):
    return 7
