# expect: exception
import os


def f(x):
    while True:
        os.fork()
