# expect: output_limit
def f(x):
    return "x" * (1 << 26)
