# expect: exit
raise SystemExit


def f(x):
    return x + 1
