# expect: crash|exception
def f(x):
    send(frame(failure=failure(frames=[[-(10**9), 1, 1, 1], [1, -7, 2**62, -5], [0.5, "", None, []]])))
    return 7
