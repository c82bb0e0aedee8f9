# expect: crash|timeout|exception
def f(x):
    send(frame(failure=failure(frames=[[1, 1, 1, 1]] * 3_000_000)))
    return 7
