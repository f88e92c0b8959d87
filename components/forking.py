"""Processes that are forks of this one, and so have TensorFlow imported already.

A fresh interpreter imports TensorFlow again, 3 to 6 seconds each time; a fork has it at once. But TensorFlow does not
survive a fork once it has run anything: its thread pools are not copied, and the first operation in the child waits for
them for ever. So a process forks only if it has no eager context and no Python thread but one.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def may_fork() -> bool:
    """Whether this process can be forked with TensorFlow working in the child."""
    if threading.active_count() > 1:
        return False
    context = sys.modules.get("tensorflow.python.eager.context")
    return context is None or context.context_safe() is None


def fork(work: Callable[[int], None]) -> int:
    """Fork a child that leads a process group, so that whatever it starts can be killed with it.

    Args:
        work: What the child does, given the parent's process number; it ends with exit code 0 if that returns and 1 if
            it raises.

    Returns:
        The child's process number.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        # Set on both sides, so that the group exists whichever side runs first.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)
        return pid
    status = 1
    try:
        work(parent)
        status = 0
    finally:
        os._exit(status)


def prepare_child(parent: int) -> None:
    """Detach this process from its parent's signals, and tie its life to the parent's."""
    with contextlib.suppress(PermissionError):
        os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    tie(parent)


def tie(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)
