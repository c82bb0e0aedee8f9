# expect: wrong_output|crash
def f(x):
    send(frame(value=b"\x07", args_after=b"\x07"))
    send([1])
    return 7
