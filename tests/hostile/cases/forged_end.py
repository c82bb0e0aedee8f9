# expect: crash
def f(x):
    send([1])
    return 7
