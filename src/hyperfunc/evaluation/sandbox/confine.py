"""What a process gives up before it runs the code of others. Standard library only: it runs in the child.

Three layers, each where the system has it: resource limits; Landlock, which leaves only Python's own files
and the working folder; a system call filter, without which no socket, no new process and no word to another
process. All of them hold for good, for threads too, and for root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["confine"]


def confine(
    *, cpu_seconds: int, memory_bytes: int, file_bytes: int, folder: str, readable: Sequence[str]
) -> list[str]:
    """Give up what can be given up.

    Args:
        cpu_seconds: processor time after which the process is killed.
        memory_bytes: most address space.
        file_bytes: largest file that it may write.
        folder: that it may write to.
        readable: files and folders that it may read, beside ``folder``.

    Returns:
        What holds now: some of ``"limits"``, ``"files"``, ``"network"``, ``"processes"``.
    """
    held = []
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is not None:
        # No new privileges, which both layers below ask for; no reading of its memory; dies with its parent.
        for option, value in ((38, 1), (4, 0), (1, 9)):
            libc.prctl(option, value, 0, 0, 0)
    if _limit(cpu_seconds, memory_bytes, file_bytes):
        held.append("limits")
    if libc is not None and _landlock(libc, folder, readable):
        held.append("files")
    if libc is not None and _filter_calls(libc):
        held += ["network", "processes"]
    elif _no_processes():
        held.append("processes")
    return held


def _limit(cpu_seconds: int, memory_bytes: int, file_bytes: int) -> bool:
    import resource

    held = True
    wanted = [("CPU", cpu_seconds), ("AS", memory_bytes), ("FSIZE", file_bytes), ("NOFILE", 64), ("CORE", 0)]
    for name, most in wanted:
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError):
            held = False
    return held


def _no_processes() -> bool:
    """Without a filter, no new process or thread at all; root is not bound by this limit."""
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    except (OSError, ValueError):
        return False
    return os.getuid() != 0


# -- files: linux/landlock.h ------------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE, _READ, _LIST = 1, 1 << 1, 1 << 2, 1 << 3
_REMOVE_AND_MAKE = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 12
_TRUNCATE = 1 << 14


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _landlock(libc: Any, folder: str, readable: Sequence[str]) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return False
    every = (1 << (13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16)) - 1
    rules = _Ruleset(every, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules_fd = libc.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if rules_fd < 0:
        return False
    try:
        for path in readable:
            _allow(libc, rules_fd, path, _READ | _LIST, every)
        for path in ("/dev/null", "/dev/zero", "/dev/urandom"):
            _allow(libc, rules_fd, path, _READ | _WRITE, every)
        _allow(libc, rules_fd, folder, _READ | _LIST | _WRITE | _REMOVE_AND_MAKE | _TRUNCATE, every)
        return libc.syscall(_RESTRICT_SELF, rules_fd, ctypes.c_uint32(0)) == 0  # type: ignore[no-any-return]
    finally:
        os.close(rules_fd)


def _allow(libc: Any, rules_fd: int, path: str, rights: int, every: int) -> None:
    """Allow something beneath a path; a path that is not there needs no rule."""
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib would be one more thing to load
            rights &= _READ | _WRITE | _TRUNCATE
        rule = _Beneath(rights & every, parent)
        libc.syscall(_ADD_RULE, rules_fd, 1, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(parent)


# -- system calls: linux/seccomp.h, linux/filter.h ---------------------------------------------------------

_ARCHES: Mapping[str, tuple[int, int, Sequence[int]]] = {
    # What audit calls it, its clone, and what is refused: fork vfork execve execveat, socket io_uring_setup,
    # kill tkill tgkill pidfd_send_signal ptrace process_vm_readv process_vm_writev, setrlimit prlimit64,
    # unshare setns mount pivot_root chroot, add_key request_key keyctl, bpf perf_event_open userfaultfd.
    "x86_64": (0xC000003E, 56, (
        57, 58, 59, 322, 41, 425, 62, 200, 234, 424, 101, 310, 311, 160, 302,
        272, 308, 165, 155, 161, 248, 249, 250, 321, 298, 323,
    )),
    "aarch64": (0xC00000B7, 220, (
        221, 281, 198, 425, 129, 130, 131, 424, 117, 270, 271, 164, 261,
        97, 268, 40, 41, 51, 217, 218, 219, 280, 241, 282,
    )),
}  # fmt: skip
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_LOAD, _EQUAL, _AT_LEAST, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def _filter_calls(libc: Any) -> bool:
    if platform.machine() not in _ARCHES or sys.maxsize < 2**32:
        return False
    audit, clone, refused = _ARCHES[platform.machine()]
    refuse = (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    lines: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL),
        # Numbers from 2**30 on are those of another convention, with other meanings.
        (_LOAD, 0, 0, 0), (_AT_LEAST, 0, 1, 1 << 30), (_RETURN, 0, 0, _KILL),
    ]  # fmt: skip
    for number in refused:
        lines += [(_EQUAL, 0, 1, number), refuse]
    # Its flags are in memory, where no filter sees them; callers fall back to clone.
    lines += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _REFUSE | errno.ENOSYS)]
    lines += [(_EQUAL, 0, 3, clone), (_LOAD, 0, 0, 16), (_HAS, 1, 0, _CLONE_THREAD), refuse]
    lines += [(_RETURN, 0, 0, _ALLOW)]
    instructions = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(lines), instructions)
    return libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0  # type: ignore[no-any-return]
