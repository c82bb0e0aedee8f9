# expect: exception
def f(x):
    raise KeyboardInterrupt
