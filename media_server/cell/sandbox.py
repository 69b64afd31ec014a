"""What a process gives up for good, before it sees a byte of what somebody sent. In two halves: limits, then the system's calls."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal

import pyseccomp

from . import rights

MEMORY = 1 << 30
"""Bytes of address space. What a video needs is a fourth; libraries reserve more than they use."""

PROCESSOR_SECONDS = 48 * 3600
"""A cell that encodes the longest video by itself takes about as long; what a segment may take is bounded besides (plan.py)."""

FILES = 32

_CLONE_NEWNET, _CLONE_NEWIPC, _CLONE_NEWNS = 0x40000000, 0x08000000, 0x00020000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_THREAD = 0x00010000
"""Of `clone`: it makes a thread of this process, not another process."""

CALLS = (
    # on files that are open already: what is asked and answered, and a source that was handed over
    *(
        "read",
        "readv",
        "pread64",
        "write",
        "writev",
        "recvfrom",
        "recvmsg",
        "sendto",
        "sendmsg",
        "lseek",
        "fstat",
        "newfstatat",
        "close",
        "fcntl",
    ),
    # memory
    *("mmap", "munmap", "mremap", "mprotect", "brk", "madvise"),
    # threads of its own, and time
    *("futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "gettid", "getpid", "nanosleep", "clock_nanosleep"),
    *("clock_gettime", "clock_getres", "gettimeofday", "time", "getrusage", "getrandom", "poll", "ppoll"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "setitimer"),
    *("exit", "exit_group", "getrlimit", "sysinfo", "uname", "getuid", "geteuid", "getgid", "getegid"),
)
"""All that it may ask of the system. What else it asks is denied: opening a file, a socket, another process."""


def confine(user: int | None) -> None:
    """Give up what can be given up while files are still opened: network, user, limits.

    Args:
        user: Who it is from now on, if it is root now, or may become another. Who may not has been started as whom it should be.

    Raises:
        OSError: The system does not let it; then nothing may be read.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        if not user:
            raise OSError("a cell is never root: give it a user")
        _checked(libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWNS), "unshare")
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    rights.give_up()  # who was not root keeps them when he becomes another
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        resource.setrlimit(what, (most, most))
    _checked(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")
    _checked(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def seal() -> None:
    """Give up all of the system but `CALLS`, in every thread. Nothing can be imported any more.

    Raises:
        OSError: The system does not let it.
    """
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    rules.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    for name in CALLS:
        # a call that this processor's Linux does not have
        with contextlib.suppress(ValueError):
            rules.add_rule(pyseccomp.ALLOW, name)
    rules.add_rule(pyseccomp.ALLOW, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _THREAD, _THREAD))
    # of itself: others of the same user are cells too
    rules.add_rule(pyseccomp.ALLOW, "prlimit64", pyseccomp.Arg(0, pyseccomp.EQ, 0))
    # glibc asks for it first, and takes `clone` where it is not there (its flags are in memory, which a filter does not see)
    rules.add_rule(pyseccomp.ERRNO(38), "clone3")
    rules.load()


def _checked(result: int, name: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
