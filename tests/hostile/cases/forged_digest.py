# expect: crash
def f(x):
    send(frame(digest=b"d" * 32))
    return x + 1
