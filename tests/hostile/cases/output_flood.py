# expect: output_limit
def f(x):
    while True:
        print("x" * 10_000)
