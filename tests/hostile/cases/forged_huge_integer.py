# expect: wrong_output|crash|output_limit|timeout
def f(x):
    data = msgpack.packb(msgpack.ExtType(1, b"\x7f" * 3_000_000))
    send(frame(value=data))
    send([1])
    return 7
