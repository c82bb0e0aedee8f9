# expect: exception
import subprocess


def f(x):
    return subprocess.run(["/bin/sh", "-c", "sleep 60 & echo 2"]).returncode
