# expect: crash
def f(x):
    send(frame(value=b"\xdd\xff\xff\xff\xff" * 400))
    return 7
