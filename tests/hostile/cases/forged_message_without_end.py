# expect: crash|timeout|exception
def f(x):
    send(frame(failure=failure(message="x" * 30_000_000)))
    return 7
