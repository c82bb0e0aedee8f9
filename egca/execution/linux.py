"""The Linux system calls that the standard library lacks: namespaces, mounts, Landlock, seccomp.

One thin function for each, OSError when the kernel says no. What they are for is decided in
isolation.py and view.py."""

from __future__ import annotations

import ctypes
import os
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

# Landlock access rights, by the ABI that brought them (linux/landlock.h).
FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_MAKE_CHAR, FS_MAKE_BLOCK = 1 << 6, 1 << 11
_FS_BY_ABI = ((1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
_NET_TCP = 3  # bind and connect, ABI 4
_SCOPES = 3  # abstract sockets and signals, ABI 6

_SYSCALLS = {"mount_setattr": 442, "landlock": 444}  # the same everywhere but on alpha
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, name: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def _syscall(name: str, number: int, *args: object) -> int:
    words = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return _check(_libc.syscall(ctypes.c_long(number), *words), name)


def trim_heap() -> None:
    """Give freed memory back to the system, where the C library can (glibc)."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    _check(_libc.setns(descriptor, kind), "setns")


def prctl(option: int, *args: int) -> None:
    padded = [*args, 0, 0, 0, 0][:4]
    _check(_libc.prctl(option, *(ctypes.c_ulong(arg) for arg in padded)), "prctl")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode(),
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, f"mount {target}")


def umount(target: str) -> None:
    """Detach a mount and all below it."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new_root: str) -> None:
    """Make a mount point the root of this mount namespace, with nothing of the old one left."""
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(f"pivot_root is not known on {os.uname().machine}")
    os.chdir(new_root)
    _syscall("pivot_root", number, ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    umount(".")
    os.chdir("/")


def make_read_only(path: str) -> None:
    """A mount and all below it become read-only and without set-uid."""
    attributes = ctypes.create_string_buffer(struct.pack("<QQQQ", MS_RDONLY | MS_NOSUID, 0, 0, 0))
    recursive = 0x8000
    _syscall(
        "mount_setattr",
        _SYSCALLS["mount_setattr"],
        -100,  # AT_FDCWD
        ctypes.c_char_p(os.fsencode(path)),
        recursive,
        attributes,
        32,
    )


def drop_capabilities() -> None:
    """Give up every capability, now and for good."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # past the last one, or not permitted: then there are none to give up
    header = ctypes.create_string_buffer(struct.pack("<Ii", 0x20080522, 0))
    nothing = ctypes.create_string_buffer(24)
    _check(_libc.capset(header, nothing), "capset")


def landlock_abi() -> int:
    """Version of Landlock in this kernel. Raises: OSError if it has none."""
    create = _SYSCALLS["landlock"]
    return _syscall("landlock", create, ctypes.c_void_p(None), 0, 1)


def landlock_ruleset(abi: int) -> int:
    """Descriptor of a ruleset that forbids all it knows: files, TCP, signals to others."""
    handled_fs = _FS_BY_ABI[min(abi, len(_FS_BY_ABI)) - 1]
    fields = struct.pack(
        "<QQQ", handled_fs, _NET_TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0
    )
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = ctypes.create_string_buffer(fields[:size])
    return _syscall("landlock", _SYSCALLS["landlock"], attributes, size, 0)


def landlock_allow(ruleset: int, abi: int, path: str, access: int) -> None:
    """Allow these kinds of access to a file, or to a folder and all below it."""
    access &= _FS_BY_ABI[min(abi, len(_FS_BY_ABI)) - 1]
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            access &= FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | 1 << 14 | 1 << 15
        rule = ctypes.create_string_buffer(struct.pack("<Qi", access, descriptor))
        _syscall("landlock", _SYSCALLS["landlock"] + 1, ruleset, 1, rule, 0)
    finally:
        os.close(descriptor)


def landlock_restrict(ruleset: int) -> None:
    """Apply a ruleset to this thread and all it will start."""
    _syscall("landlock", _SYSCALLS["landlock"] + 2, ruleset, 0)


def load_filter(program: bytes) -> None:
    """Apply a seccomp filter, given as BPF instructions, to this thread and all it will start."""

    class Program(ctypes.Structure):
        _fields_ = (("n_instructions", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    filter_ = Program(len(program) // 8, program)
    mode_filter = 2
    result = _libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(mode_filter), ctypes.byref(filter_), 0, 0)
    _check(result, "seccomp")
