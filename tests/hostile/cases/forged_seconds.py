# expect: wrong_output
def f(x):
    send(frame(value=b"\x07", seconds=float("nan")))
    send([1])
    return 7
