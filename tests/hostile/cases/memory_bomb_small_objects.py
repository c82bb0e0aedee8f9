# expect: memory|timeout
def f(x):
    items = []
    while True:
        items.append([len(items)] * 1000)
