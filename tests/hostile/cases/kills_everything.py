# expect: wrong_output|crash
import os
import signal


def f(x):
    for pid in (0, -1, 1, os.getppid(), *range(2, 2000)):
        try:
            os.kill(pid, signal.SIGTERM if pid == 0 else signal.SIGKILL)
        except OSError:
            pass
    return 7
