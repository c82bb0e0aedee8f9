# expect: crash
def f(x):
    send(frame(failure=failure(cause="constraint")))
    return 7
