# expect: crash
def f(x):
    send([3, {"seccomp": "on", "rlimits": "off"}])
    return 7
