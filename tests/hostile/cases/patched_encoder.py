# expect: crash|wrong_output
import egca.execution.wire as wire

wire.encode_checked = wire._pack = lambda *args, **kwargs: b"\x02"
wire._Writer.plain = lambda *args: 2


def f(x):
    return [7]
