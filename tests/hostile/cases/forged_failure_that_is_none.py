# expect: crash
def f(x):
    send(frame(failure=failure(cause="none")))
    return 7
