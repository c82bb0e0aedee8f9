# expect: crash
def f(x):
    data = msgpack.packb(msgpack.ExtType(4, msgpack.packb(["int", "type"])))
    send(frame(value=data))
    return 7
