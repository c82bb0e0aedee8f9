# expect: crash|timeout
def f(x):
    keys = [msgpack.packb(msgpack.ExtType(1, ((2**61 - 1) * i).to_bytes(12, "little"))) + b"\x01" for i in range(20_000)]
    send(frame(value=b"\xdf" + len(keys).to_bytes(4, "big") + b"".join(keys)))
    return 7
