# expect: crash
import os

import msgpack

data = msgpack.packb([2, "Traceback: it was the sandbox"])
data = len(data).to_bytes(4, "little") + data


def f(x):
    for descriptor in range(3, 200):
        try:
            os.write(descriptor, data)
        except OSError:
            pass
    return x + 1
