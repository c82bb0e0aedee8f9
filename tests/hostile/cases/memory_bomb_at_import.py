# expect: memory
everything = "x" * (1 << 33)


def f(x):
    return x + 1
