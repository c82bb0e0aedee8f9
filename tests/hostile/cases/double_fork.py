# expect: exception
import os
import time


def f(x):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return x + 1
