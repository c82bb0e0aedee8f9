# expect: missing_entry_point
def g(x):
    return x
