# expect: crash|wrong_output|exception
import gc


def boom(phase, info):
    raise KeyboardInterrupt


def f(x):
    gc.callbacks.append(boom)
    gc.set_threshold(1)
    return 7
