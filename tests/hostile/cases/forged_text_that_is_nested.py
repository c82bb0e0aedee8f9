# expect: crash
def f(x):
    text = []
    for _ in range(900):
        text = [text]
    send(frame(value=b"\x02", stdout=text))
    return 7
