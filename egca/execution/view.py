"""Which files a program can see: the interpreter, a few packages, and an empty scratch folder.

`readable` lists what is to be seen; `build` makes a root folder of just that in the zygote's own
mount namespace. Where the kernel does not let us mount, the same list becomes Landlock rules.
Nothing of home folders, /proc, test data or the rest of site-packages is among it, so that a
program cannot import the data set it is tested with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from egca.execution import linux

BOX = "/box"  # holds the scratch mount; written to by nobody else
SCRATCH = "/box/home"
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
_OUTSIDE = ("site-packages", "dist-packages")  # below the standard library, but not part of it


def readable(search_path: Iterable[str], packages: Iterable[str]) -> list[str]:
    """Absolute paths that a program may read.

    search_path is the interpreter's: folders of packages in it give only the named packages.
    """
    found = [path for path in (*_LIBRARIES, *DEVICES) if os.path.exists(path)]
    standard = os.path.dirname(os.__file__)
    for folder in search_path:
        if os.path.basename(folder.rstrip("/")) in _OUTSIDE or folder == _home():
            found += _packages_in(folder, packages)
        elif os.path.isdir(folder) and not _is_in(folder, standard):
            found.append(folder)
    found.append(standard)
    prefix = os.path.dirname(standard)
    if os.path.isdir(os.path.join(os.path.dirname(prefix), "conda-meta")):
        found.append(prefix)  # its shared libraries lie beside the standard library
    return list(dict.fromkeys(found))


def _home() -> str:
    """The folder that egca itself is imported from."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _packages_in(folder: str, packages: Iterable[str]) -> list[str]:
    found = []
    for package in packages:
        for name in (package, f"{package}.py", f"{package}.libs"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                found.append(path)
    return found


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def hidden_folders(paths: Iterable[str]) -> list[str]:
    """Folders of packages inside of readable folders, whose contents are not readable."""
    found = []
    for path in paths:
        for name in _OUTSIDE:
            folder = os.path.join(path, name)
            if os.path.isdir(folder):
                found.append(folder)
    return found


def build(paths: list[str]) -> None:
    """Make these paths the only ones in this mount namespace, read-only.

    The caller has a mount namespace of its own. Raises: OSError if the kernel refuses; the old root
    is then still in place.
    """
    root = "/tmp"
    handles = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths}
    hidden = hidden_folders(paths)
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("egca", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=755")
    try:
        for path in sorted(paths, key=lambda path: (path not in _LIBRARIES, path)):
            _show(path, handles[path], root)
            for folder in hidden:
                if os.path.dirname(folder) == path:
                    linux.mount("egca", root + folder, "tmpfs", linux.MS_NOSUID, "size=1m,mode=755")
        os.makedirs(root + SCRATCH)
        if not os.path.lexists(root + "/tmp"):
            os.symlink(SCRATCH, root + "/tmp")
        if not os.path.exists(f"{root}{os.__file__}"):
            raise OSError("the standard library does not show in the new root")
        linux.make_read_only(root)
        linux.pivot_root(root)
    except OSError:
        os.chdir("/")
        linux.umount(root)
        raise
    finally:
        for handle in handles.values():
            os.close(handle)


def _show(path: str, handle: int, root: str) -> None:
    """Bind what an open handle stands for to the same path below the new root."""
    target = root + path
    if os.path.lexists(target):
        return  # part of a folder that is there already
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path) and os.path.dirname(path) == "/":
        os.symlink(os.readlink(path), target)  # /lib -> usr/lib
        return
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    # The path itself may lie under the new root's mount by now; the handle does not.
    linux.mount(f"/proc/self/fd/{handle}", target, "", linux.MS_BIND | linux.MS_REC)


def rules(paths: list[str], search_path: Iterable[str]) -> list[tuple[str, int]]:
    """(path, Landlock access) for a root that could not be replaced."""
    look = linux.FS_READ_FILE | linux.FS_READ_DIR
    found: list[tuple[str, int]] = []
    for path in paths:
        hidden = set(hidden_folders([path]))
        if hidden:
            found.append((path, linux.FS_READ_DIR))
            found += [(entry.path, look) for entry in os.scandir(path) if entry.path not in hidden]
        elif path in DEVICES:
            found.append((path, look | linux.FS_WRITE_FILE))
        else:
            found.append((path, look))
    # Names, not contents: the import system lists the folders it searches.
    found += [(folder, linux.FS_READ_DIR) for folder in search_path if os.path.isdir(folder)]
    return found
