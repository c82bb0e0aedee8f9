"""How a script ends: as the interpreter ends a main program, and so that another one can follow.

Runs in the sandbox's child, inside the guard around a call: handlers and destructors are code of
the program. In CPython the interpreter waits for pools and threads, runs the handlers of atexit,
flushes standard output, and destroys what is left, whereby open files are written and closed.
Only then is it known what a script has printed."""

from __future__ import annotations

import atexit
import gc
import sys
import types
import weakref
from contextlib import suppress
from typing import Any

# Neither module has a public name for what the interpreter itself calls as it ends.
_run_handlers: Any = atexit._run_exitfuncs
_forget_handlers: Any = atexit._clear
_finalize: Any = weakref.finalize
_collect, _counts = gc.collect, gc.get_count
_modules = sys.modules


def run_script(code: types.CodeType) -> None:
    """Execute a main program up to its end, in the module "__main__"; exit(0) is an end.

    Raises: whatever it raises. What there is of it then is for `discard`.
    """
    n_collected = _counts()[2]
    try:
        exec(code, _modules["__main__"].__dict__)
    except SystemExit as error:
        if error.code is not None and error.code != 0:
            raise
    _join_threads()
    _run_handlers()
    with suppress(Exception):  # a status of the interpreter, which nobody reads here
        sys.stdout.flush()
    sys.stdin, sys.stdout = sys.__stdin__, sys.__stdout__
    # Without a collection of an older generation in between all of its objects are still young. A
    # full one costs 5 us in a bare child, but 1 ms once numpy is there.
    discard(1 if _counts()[2] == n_collected else 2)


def _join_threads() -> None:
    pools = _modules.get("concurrent.futures.thread")
    if pools is not None:
        pools._python_exit()
    threading = _modules.get("threading")
    while threading is not None:
        main = threading.main_thread()
        others = [each for each in threading.enumerate() if each is not main and not each.daemon]
        if not others:
            return
        for thread in others:
            thread.join()


def discard(generation: int = 2) -> None:
    """Let go of all that a script leaves behind, so that its files close now and not later.

    Its names are not cleared: functions hold on to them, and a destructor that uses one finds it.

    Args: generation: the oldest of the garbage collector's in which its objects may be.
    """
    _forget_handlers()
    _finalize._shutdown = _finalize._registered_with_atexit = False
    pools: Any = _modules.get("concurrent.futures.thread")
    if pools is not None:
        pools._shutdown = False
    _modules.pop("__main__", None)
    _collect(generation)
