# expect: wrong_output
import builtins
import sys

import msgpack

for name in ("len", "isinstance", "type", "id", "map", "issubclass", "str", "print", "open"):
    setattr(builtins, name, lambda *args, **kwargs: True)
    __builtins__.__dict__[name] = lambda *args, **kwargs: True
msgpack.packb = msgpack.unpackb = msgpack.Packer = None


def f(x):
    sys.modules.clear()
    return 7
