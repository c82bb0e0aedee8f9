# expect: timeout
import signal


def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, lambda *args: None)
    while True:
        pass
