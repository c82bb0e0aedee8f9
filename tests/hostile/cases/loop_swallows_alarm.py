# expect: timeout
def f(x):
    while True:
        try:
            while True:
                pass
        except:
            pass
