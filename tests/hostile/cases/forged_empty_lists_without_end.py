# expect: crash|output_limit|timeout
def f(x):
    send(frame(value=b"\xdd" + (10_000_000).to_bytes(4, "big") + b"\x90" * 10_000_000))
    return 7
