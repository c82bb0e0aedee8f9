# expect: compile
def f(x:
    return x
