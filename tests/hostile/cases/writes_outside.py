# expect: wrong_output
import os
import sys
import tempfile

places = ["/", "/tmp", "/var/tmp", "/dev/shm", "/etc", "/root", "/home", "/usr/lib", *sys.path]


def f(x):
    os.symlink("/", "out")
    written = []
    for place in [*places, "out", "out/tmp", os.path.dirname(os.__file__), "out/var/tmp"]:
        path = os.path.join(place, "egca-was-here")
        try:
            with open(path, "w") as file:
                file.write("x")
        except OSError:
            continue
        if os.path.realpath(path).startswith(os.path.realpath(tempfile.gettempdir())):
            continue
        written.append(path)
    return written
