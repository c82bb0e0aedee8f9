# expect: timeout
def f(x):
    return 10 ** 10 ** (7 + x)
