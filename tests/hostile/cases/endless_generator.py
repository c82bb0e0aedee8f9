# expect: output_limit
def f(x):
    while True:
        yield x
