# expect: wrong_output
def f(x):
    print("\ud800".encode("utf-8", "surrogatepass"))
    return "\ud800\x00"
