# expect: memory|timeout
def f(x):
    items = []
    while True:
        items.append(bytearray(1 << 24))
