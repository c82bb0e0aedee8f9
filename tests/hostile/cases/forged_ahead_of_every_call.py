# expect: wrong_output|crash
send([0, {"failure": None, "stdout": ""}])
send([1])
for _ in range(100):
    send(frame(value=b"\x07"))
    send([1])


def f(x):
    return 7
