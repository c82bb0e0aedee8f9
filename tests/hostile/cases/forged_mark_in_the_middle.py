# expect: crash
def f(x):
    send(frame(value=b"\x92\x01\xc7\x00\x10"))
    return 7
