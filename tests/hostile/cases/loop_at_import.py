# expect: timeout
while True:
    pass


def f(x):
    return x + 1
