# expect: timeout|crash
import time


def f(x):
    data = (40).to_bytes(4, "little") + b"\xc0" * 40
    while True:
        for byte in data:
            for descriptor in range(3, 60):
                try:
                    os.write(descriptor, bytes([byte]))
                except OSError:
                    pass
            time.sleep(0.03)
