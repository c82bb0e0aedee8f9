# expect: output_limit
def f(x):
    return [0] * (1 << 23)
