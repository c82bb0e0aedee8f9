"""The seccomp filter: system calls that no solution of a problem needs, refused.

Built once by libseccomp through pyseccomp, then applied to each child as BPF, with the child's own
process id where only calls on itself are allowed. Everything else stays allowed: what files mean to
a program is settled by the namespaces and by Landlock."""

from __future__ import annotations

import errno
import os
import struct
from types import ModuleType
from typing import Any

# Each answered with "operation not permitted".
REFUSED = {
    "other processes and new programs": (
        "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_open pidfd_getfd "
        "pidfd_send_signal process_mrelease execve execveat setns unshare migrate_pages move_pages"
    ),
    "files outside of the view, and new file systems": (
        "mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick "
        "mount_setattr open_tree_attr open_by_handle_at name_to_handle_at mknod mknodat "
        "fanotify_init quotactl quotactl_fd"
    ),
    # Landlock says nothing on these, and a child may have the user id of whoever owns the files.
    "owner, mode, times and attributes of files": (
        "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat "
        "utimensat setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr "
        "removexattrat truncate file_setattr"
    ),
    "memory that no limit counts, or that outlives the child": (
        "memfd_create memfd_secret shmget shmat shmctl semget semop semtimedop semctl msgget "
        "msgsnd msgrcv msgctl mq_open mq_unlink keyctl add_key request_key"
    ),
    "large attack surface of the kernel": (
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register "
        "kexec_load kexec_file_load init_module finit_module delete_module "
        "landlock_create_ruleset socket modify_ldt"
    ),
    "the machine": (
        "reboot swapon swapoff acct syslog settimeofday clock_settime clock_adjtime adjtimex "
        "sethostname setdomainname iopl ioperm vhangup personality setpriority "
        "sched_setscheduler sched_setparam sched_setattr ioprio_set"
    ),
}
# Allowed on the caller only, given by its process id or as 0; others of the same user are not
# always out of sight. kill(0) would be the group.
BY_ID = "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo"
BY_ZERO = "prlimit64 sched_setaffinity setpgid get_robust_list"
_OWN = 0x2E6C1D35  # stands for the child's process id until there is one; above any real one
_CLONE_THREAD = 0x10000
_SOCK_STREAM = 1


def build() -> bytes:
    """The filter as BPF instructions. Raises: ImportError, OSError if libseccomp is missing."""
    seccomp = _import_pyseccomp()
    rules: Any = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in " ".join(REFUSED.values()).split():
        _add(rules, refuse, name)
    # A process of its own would double what RLIMIT_AS grants; threads share it. clone3 cannot be
    # looked into: libc falls back to clone.
    busy = seccomp.ERRNO(errno.EAGAIN)
    _add(rules, busy, "fork")
    _add(rules, busy, "vfork")
    _add(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    _add(rules, busy, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
    for names, own in ((BY_ID, _OWN), (BY_ZERO, 0)):
        for name in names.split():
            _add(rules, refuse, name, seccomp.Arg(0, seccomp.NE, own))
    # A pair of datagram sockets could send to any path; a pair of streams only to each other.
    for kind in range(16):
        if kind != _SOCK_STREAM:
            _add(rules, refuse, "socketpair", seccomp.Arg(1, seccomp.MASKED_EQ, 0xF, kind))
    # Typing into the terminal of the parent, and signals to the owner of a descriptor.
    for request in (0x5412, 0x541C, 0x8901, 0x8902):  # TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP
        _add(rules, refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    for request in (8, 15):  # F_SETOWN, F_SETOWN_EX
        _add(rules, refuse, "fcntl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    with open(os.memfd_create("filter"), "r+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def for_process(program: bytes, pid: int) -> bytes:
    """The filter for the process with this id."""
    own = struct.pack("=I", _OWN)
    instructions = [program[i : i + 8] for i in range(0, len(program), 8)]
    return b"".join(
        each[:4] + struct.pack("=I", pid) if each[4:] == own else each for each in instructions
    )


def _add(rules: Any, action: int, name: str, *arguments: Any) -> None:
    try:
        rules.add_rule(action, name, *arguments)
    except (OSError, ValueError):
        if name in ("clone", "socket", "execve", "ptrace", "kill"):
            raise
        # this architecture or libseccomp does not know it


def _import_pyseccomp() -> ModuleType:
    """pyseccomp, without the compiler and ldconfig runs by which it looks for its library."""
    import ctypes
    import ctypes.util

    search = ctypes.util.find_library
    names = {"c": None, "seccomp": "libseccomp.so.2"}
    try:
        ctypes.CDLL(names["seccomp"])
        ctypes.util.find_library = names.get  # type: ignore[assignment]
    except OSError:  # not where the loader looks: the slow search may find it
        pass
    try:
        import pyseccomp  # type: ignore[import-untyped]
    except (ImportError, OSError, RuntimeError, TypeError) as error:
        raise OSError(f"no libseccomp ({error})") from error
    finally:
        ctypes.util.find_library = search
    return pyseccomp  # type: ignore[no-any-return]
