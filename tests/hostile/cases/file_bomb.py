# expect: exception|timeout
def f(x):
    i = 0
    while True:
        i += 1
        with open(str(i), "wb") as file:
            file.write(b"x" * (1 << 20))
