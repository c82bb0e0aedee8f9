# expect: wrong_output
import threading
import time


def busy():
    while True:
        time.sleep(0.001)


def f(x):
    threading.Thread(target=busy).start()
    return 7
